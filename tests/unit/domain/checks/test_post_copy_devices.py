from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import Disk, Nic
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, only, run, with_guest, with_options

CHECK = "post_copy_devices"
WANTED = with_options(HEALTHY, post_copy=True)
NIC = Nic(type="vhostuser", source="/run/vhost.sock", mac="52:54:00:00:00:01")
DISK = Disk(target="vdb", device="disk", type="vhostuser")


def test_passes_for_plain_devices_and_when_nobody_wants_it() -> None:
    assert run(CHECK, WANTED) == ()
    assert run(CHECK, with_guest(HEALTHY, nics=(NIC,))) == ()


def test_a_program_behind_a_device_may_not_support_it() -> None:
    assert "52:54:00:00:00:01" in only(CHECK, with_guest(WANTED, nics=(NIC,)), Severity.UNKNOWN).summary
    assert "disk vdb" in only(CHECK, with_guest(WANTED, disks=(DISK,)), Severity.UNKNOWN).summary


def test_a_policy_goes_without_it() -> None:
    only(CHECK, with_guest(replace(HEALTHY, policy_post_copy=True), nics=(NIC,)), Severity.WARNING)


def test_unknown_when_the_definition_is_not_known() -> None:
    given = replace(WANTED, guest=replace(WANTED.guest, definition=Unknown("kvm-a did not say")))
    only(CHECK, given, Severity.UNKNOWN)
