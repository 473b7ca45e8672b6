"""What the journal says about hosts: what users did, and how contact with each host changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hosts.facts.endpoint import Transport
from hosts.models import Host
from hosts.words.contact import with_details
from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def by(user: User, did: str) -> str:
    """`did` continues the sentence."""
    return f"{isolated(user.get_username())} {did}"


def registered(host: Host, values: Mapping[str, Any]) -> str:
    return f"registered {host.name} by {door(values)}"


def changed(host: Host, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    what = ", ".join(f"{key} {before[key] or 'none'} → {now[key] or 'none'}" for key in sorted(now))
    return f"changed {host.name}: {what}"


def door(values: Mapping[str, Any]) -> str:
    """ "ssh vmadmin@10.0.0.1", "tcp 10.0.0.1 port 16510", "the local socket"."""
    if values["transport"] == Transport.UNIX:
        return "the local socket"
    user = f"{values['user']}@" if values["user"] else ""
    port = f" port {values['port']}" if values["port"] else ""
    return f"{values['transport']} {user}{values['address']}{port}"


def first_key(host: Host, fingerprint: str) -> str:
    return (
        f"First contact with {host.name}: trusted the ssh host key {fingerprint}. Compare it on the host with "
        "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
    )


def contact(host: Host) -> str:
    if host.answers:
        return f"{host.name} is connected{' again' if host.seen_at else ''}."
    said = with_details(host.contact_text, host.contact_details)
    return f"{host.name}: {host.get_contact_display().lower()}. {said}".strip()


def counted_from_now(window: timedelta) -> str:
    return f"It connects and disconnects often. From now on the journal has a summary every {_minutes(window)}."


def losses(host: Host, since: timedelta) -> str:
    times = "once" if host.contact_losses == 1 else f"{host.contact_losses} times"
    return f"The connection to {host.name} was lost {times} in the last {_minutes(since)}. {contact(host)}"


def _minutes(time: timedelta) -> str:
    minutes = max(1, round(time.total_seconds() / 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
