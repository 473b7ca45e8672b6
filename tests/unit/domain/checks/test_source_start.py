from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hosts.facts.guest import BootFiles, Cpu, HostDevice
from hosts.facts.host import NodeMemory
from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options
from migrations_app.domain.placement import placements
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.streams import foretold
from tests.unit.domain.factories import (
    EMULATOR,
    HEALTHY,
    LOCAL,
    SHARED,
    SILENT,
    cold,
    disk,
    guest,
    host,
    local_disk,
    local_volume,
    network_nic,
    only,
    volume,
    with_source,
)

GIB = 1024**3
AT_HOME = replace(HEALTHY.target, **host("kvm-a", 1), volumes={SHARED: volume, LOCAL: local_volume})


def off(home: dict[str, Any] | None = None, base: Facts = HEALTHY, **changes: Any) -> Facts:
    """A VM that is shut off, whose disk vda is copied. `home`: what the source says of a start there."""
    options = Options(copy_disks=("vda",))
    request = replace(base.request, kind=Kind.OFFLINE_STORAGE, options=options)
    given = replace(cold(base, guest_definition=replace(guest, **changes)), request=request)
    return replace(given, home=replace(AT_HOME, **(home or {})))


def test_what_can_start_there_is_copied_from_host_to_host() -> None:
    """Nobody knows before it has started: it is said, once."""
    found = only("source_start", off(), Severity.INFO)
    assert found.summary == (
        "kvm-a starts web01 paused, so that libvirt copies its disks from host to host. If kvm-a cannot start it, kvmweb"
        " copies them itself. Their data passes through kvmweb: while kvmweb is stopped, the copy waits, and continues"
        " after that."
    )
    assert found.evidence == {"in use on the disks": "1 GiB"}


def test_a_disk_that_kvmweb_cannot_copy_is_said_before() -> None:
    block = off(disks=(replace(disk, type="block", path="/dev/vg/web01"),))
    found = only("source_start", with_source(block, volumes={"/dev/vg/web01": volume}), Severity.INFO)
    assert "If kvm-a cannot start it, kvmweb cannot copy it either: disk vda is a block device" in found.summary


@pytest.mark.parametrize(
    ("home", "changes", "why"),
    [
        ({"interfaces": ()}, {}, "kvm-a has no bridge br1, which web01 uses."),
        ({"networks": ()}, {"nics": (network_nic,)}, "kvm-a has no network lan, which web01 uses."),
        (
            {"files": {EMULATOR + "-8": False}, "domcaps": Unknown("no such file")},
            {"emulator": EMULATOR + "-8"},
            f"kvm-a does not have the emulator {EMULATOR}-8, which web01 uses.",
        ),
        (
            {"domcaps": Unknown("unsupported machine")},
            {"machine": "pc-q35-9.9"},
            "QEMU on kvm-a does not support machine type pc-q35-9.9, which web01 uses.",
        ),
        ({"files": {LOCAL: False}}, {"disks": (disk, local_disk)}, f"Disk vdb of web01: kvm-a does not have {LOCAL}."),
        (
            {"devices": {}},
            {"host_devices": (HostDevice(type="usb", name="046d:0825"),)},
            "web01 uses USB device 046d:0825, which kvm-a does not have.",
        ),
        ({"cpu": (False, "lacks avx512f")}, {"cpu": Cpu(mode="custom")}, "kvm-a cannot run the CPU of web01."),
    ],
)
def test_what_keeps_it_from_starting_is_foretold(home: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    found = only("source_start", off(home, **changes), Severity.WARNING)
    assert found.summary == (
        f"kvm-a cannot start web01, so kvmweb copies its disks itself: {why} Their data passes through kvmweb: while"
        " kvmweb is stopped, the copy waits, and continues after that."
    )
    assert why in found.evidence.values()
    assert found.evidence["in use on the disks"] == "1 GiB"
    assert [fix.text for fix in found.remedies] == ["Remove the cause, and libvirt copies the disks from host to host."]


def test_when_neither_can_copy_it_blocks() -> None:
    given = off({"interfaces": ()})
    options = Options(copy_disks=("vda",), disks=placements({"vda": {"format": "raw"}}))
    given = replace(given, request=replace(given.request, options=options))
    found = only("source_start", given, Severity.BLOCKER)
    assert "kvm-a cannot start web01: kvm-a has no bridge br1, which web01 uses." in found.summary
    assert "kvmweb cannot copy it either: disk vda would get another format (raw)" in found.summary


@pytest.mark.parametrize(
    ("home", "changes", "may"),
    [
        (
            {"memory": NodeMemory(total_kib=1024**2, free_kib=1024)},
            {},
            "It may be unable to: kvm-a has 1 MiB of memory",
        ),
        (
            {"cpu": (False, "lacks avx512f")},
            {"cpu": Cpu(mode="custom"), "leaves": (*guest.leaves, ("cpu/@check", "none"))},
            "It may be unable to: kvm-a cannot run the CPU",
        ),
        (
            {"files": {"/fw/vars.template": False}},
            {"boot": BootFiles(nvram_template="/fw/vars.template")},
            "It may be unable to: kvm-a does not have /fw/vars.template",
        ),
    ],
)
def test_what_may_keep_it_from_starting_is_no_more_than_that(
    home: dict[str, Any], changes: dict[str, Any], may: str
) -> None:
    assert may in only("source_start", off(home, **changes), Severity.INFO).summary


def test_a_bridge_that_is_down_does_not_keep_it_from_starting() -> None:
    (bridge,) = AT_HOME.interfaces if not isinstance(AT_HOME.interfaces, Unknown) else ()
    found = only("source_start", off({"interfaces": (replace(bridge, active=False),)}), Severity.INFO)
    assert "unable" not in found.summary


def test_a_host_that_says_nothing_is_no_obstacle_and_no_pass() -> None:
    silent = dict.fromkeys(("interfaces", "networks", "files", "domcaps", "memory", "cpu"), SILENT)
    assert "If kvm-a cannot start it" in only("source_start", off(silent), Severity.INFO).summary
    assert "If kvm-a cannot start it" in only("source_start", replace(off(), home=None), Severity.INFO).summary


def test_pools_that_are_not_known() -> None:
    assert only("source_start", with_source(off(), pools=SILENT), Severity.UNKNOWN)


def test_only_what_is_seen_to_lack_something_is_foretold() -> None:
    for home, wanted in (({}, False), ({"interfaces": ()}, True)):
        assert foretold([one.as_json() for one in run_all(off(home)).findings]) is wanted
