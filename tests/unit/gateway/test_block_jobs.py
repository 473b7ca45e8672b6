"""Which disks libvirt is busy with. It describes a job, and says of a disk without one that there is nothing."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from hosts.gateway import _errors
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, GuestMissing, Refused

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
JUST_BEGUN = {"type": libvirt.VIR_DOMAIN_BLOCK_JOB_TYPE_COPY, "bandwidth": 0, "cur": 0, "end": 0}


def error(code: int) -> libvirt.libvirtError:
    made = libvirt.libvirtError("no")
    made.err = (code, libvirt.VIR_FROM_QEMU, "no", 2, "", "", "", -1, -1)
    return made


class Raw:
    """A connection, and the one guest of it: what each disk says."""

    def __init__(self) -> None:
        self.disks: dict[str, Any] = {"vda": JUST_BEGUN, "vdb": {}, "vdc": JUST_BEGUN}
        self.asked: list[str] = []

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def lookupByUUIDString(self, uuid: str) -> Raw:
        if uuid != UUID:
            raise error(_errors.NO_DOMAIN)
        return self

    def blockJobInfo(self, target: str, _: int) -> Any:
        self.asked.append(target)
        if isinstance(self.disks[target], Exception):
            raise self.disks[target]
        return self.disks[target]


@pytest.fixture
def raw() -> Raw:
    return Raw()


@pytest.fixture
def guests(raw: Raw) -> Guests:
    return Guests(Link(lambda: raw, name="kvm-a", deadline=5.0))


def test_a_disk_with_a_job_is_named_and_one_without_is_not(guests: Guests) -> None:
    assert guests.block_jobs(UUID, ["vda", "vdb"]) == ("vda",)
    assert guests.block_jobs(UUID, ["vdb"]) == ()


def test_only_the_disks_that_are_meant_are_asked_in_their_order(guests: Guests, raw: Raw) -> None:
    assert guests.block_jobs(UUID, iter(["vdc", "vda"])) == ("vdc", "vda")
    assert raw.asked == ["vdc", "vda"]


def test_a_disk_that_does_not_answer_is_not_taken_for_idle(guests: Guests, raw: Raw) -> None:
    raw.disks["vdb"] = error(_errors.OPERATION_INVALID)
    with pytest.raises(Refused):
        guests.block_jobs(UUID, ["vda", "vdb"])
    raw.disks["vdb"] = error(libvirt.VIR_ERR_OPERATION_FAILED)
    with pytest.raises(GatewayError):
        guests.block_jobs(UUID, ["vda", "vdb"])


def test_a_guest_that_is_gone(guests: Guests) -> None:
    with pytest.raises(GuestMissing):
        guests.block_jobs("00000000-0000-4000-8000-000000000000", ["vda"])
