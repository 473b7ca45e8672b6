"""Undefining a VM: what belongs to it and is not in its definition stays, also where libvirt is old."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from hosts.gateway._definition import Definition
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway.port import Refused

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
TPM = "<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices>"


class Raw:
    """A connection, and its only guest."""

    def __init__(self, version: int, devices: str = "", *, active: bool = False) -> None:
        self.version, self.devices, self.active = version, devices, active
        self.flags: int | None = None

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def lookupByUUIDString(self, uuid: str) -> Raw:
        return self

    def getLibVersion(self) -> int:
        return self.version

    def isActive(self) -> bool:
        return self.active

    def XMLDesc(self, flags: int = 0) -> str:
        return f"<domain type='qemu'><name>web-01</name><uuid>{UUID}</uuid>{self.devices}</domain>"

    def undefineFlags(self, flags: int) -> None:
        self.flags = flags


def undefine(raw: Any) -> None:
    link = Link(lambda: raw, name="kvm-a", deadline=5.0)
    Definition(link, Guests(link)).undefine(UUID)


@pytest.mark.parametrize(
    ("version", "devices", "keeps"), [(9_000_000, "", True), (8_000_000, TPM, True), (8_000_000, "", False)]
)
def test_variables_and_tpm_state_stay(version: int, devices: str, *, keeps: bool) -> None:
    """libvirt before 8.9 does not know the flag, and refuses it: so does it where there is a state to keep."""
    undefine(raw := Raw(version, devices))
    assert raw.flags is not None
    assert raw.flags & libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM
    assert bool(raw.flags & libvirt.VIR_DOMAIN_UNDEFINE_KEEP_TPM) is keeps


def test_one_that_runs_is_never_undefined() -> None:
    raw = Raw(9_000_000, active=True)
    with pytest.raises(Refused, match="not shut off"):
        undefine(raw)
    assert raw.flags is None
