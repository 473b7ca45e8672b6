"""What libvirt keeps of a running guest outside its definition; of one that does not run, nothing."""

from __future__ import annotations

from hosts.facts.guest import GuestLook, RuntimeSettings
from hosts.facts.unknown import Unknown
from migrations_app.worker.facts.side import Side


def runtime(uuid: str, look: GuestLook | Unknown, side: Side) -> RuntimeSettings | Unknown:
    if isinstance(look, Unknown):
        return look
    return side.learn(lambda c: c.runtime_settings(uuid)) if look.active else RuntimeSettings()
