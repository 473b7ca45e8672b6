"""The policy of migrations that name none: of the installation, of a host, of a VM. And what the owners of a VM agree
to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from hosts.models import Guest, Host
from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app.domain.convergence.policy import Consents
from migrations_app.models import GuestConsent, Policy, PolicyChoice
from migrations_app.usecases.errors import RequestRefused
from migrations_app.words import policies as words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import User


def choose_for_installation(name: str, *, by: User, reason: str = "") -> None:
    """There is always one. Raises PermissionDenied, RequestRefused."""
    require(by, Right.MANAGE_POLICIES)
    with transaction.atomic():
        if _choose(name):
            _tell(writer.POLICIES, words.chosen(name, "the installation"), by, reason)
            writer.signal(writer.INVENTORY, hosts=[], guests=[])


def choose_for_host(host: Host, name: str | None, *, by: User, reason: str = "") -> None:
    """For the migrations from it. None: that of the installation. Raises PermissionDenied, RequestRefused."""
    require(by, Right.MANAGE_POLICIES, host)
    with transaction.atomic():
        if _choose(name, host=host):
            _tell(writer.host_topic(host.pk), words.chosen(name, str(host)), by, reason)
            writer.signal(writer.INVENTORY, hosts=[host.pk], guests=[])


def choose_for_guest(guest: Guest, name: str | None, *, by: User, reason: str = "") -> None:
    """None: that of its host, or of the installation. Raises PermissionDenied, RequestRefused."""
    require(by, Right.CHANGE_VMS, guest)
    with transaction.atomic():
        if _choose(name, guest=guest):
            _tell(writer.guest_topic(str(guest.pk)), words.chosen(name, isolated(guest.name)), by, reason)
            writer.signal(writer.INVENTORY, hosts=[], guests=[str(guest.pk)])


def set_consent(guest: Guest, changes: Mapping[str, str], *, by: User, reason: str = "") -> None:
    """Change what is given, keep the rest. Raises PermissionDenied."""
    require(by, Right.CHANGE_VMS, guest)
    with transaction.atomic():
        GuestConsent.objects.get_or_create(guest=guest, defaults=Consents().as_json())
        row = GuestConsent.objects.select_for_update().get(guest=guest)
        before = row.data
        now = Consents.from_json({**before.as_json(), **changes})
        if now == before:
            return
        GuestConsent.objects.filter(pk=row.pk).update(**now.as_json())
        _tell(writer.guest_topic(str(guest.pk)), words.agreed(guest.name, before, now), by, reason)
        writer.signal(writer.INVENTORY, hosts=[], guests=[str(guest.pk)])


def _choose(name: str | None, *, guest: Guest | None = None, host: Host | None = None) -> bool:
    """Whether that is a change."""
    here = PolicyChoice.objects.filter(guest=guest, host=host)
    if name is None:
        return bool(here.delete()[0])
    # nobody removes it meanwhile
    policy = Policy.objects.select_for_update().filter(name=name).first()
    if policy is None:
        raise RequestRefused("policy", words.UNKNOWN)
    if here.filter(policy=policy).exists():
        return False
    PolicyChoice.objects.update_or_create(guest=guest, host=host, defaults={"policy": policy})
    return True


def _tell(topic: str, did: str, by: User, reason: str) -> None:
    writer.write(topic, EntryKind.ACTION, f"{isolated(by.get_username())} {did}", actor=by, reason=reason)
