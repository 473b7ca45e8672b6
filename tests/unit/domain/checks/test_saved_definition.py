from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hosts.facts import domain_xml
from hosts.facts.guest import Cpu, Disk, Graphics, GuestDefinition, HostDevice
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.at_start import NEEDED, NOT_ASKED
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import CHECKS, Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.saved import SavedFacts
from tests.unit.domain.destinations import equal
from tests.unit.domain.factories import (
    HEALTHY,
    LOCAL,
    SILENT,
    disk,
    domcaps,
    facts,
    guest,
    local_disk,
    network_nic,
    nic,
    only,
    run,
    with_guest,
    with_options,
    with_target,
)

ORDINARY = [
    path
    for path in sorted((Path(__file__).parents[3] / "data" / "ordinary").glob("*.live.xml"))
    if path.with_name(path.name.replace(".live.", ".inactive.")).exists()
]
LAB = replace(network_nic, source="lab-only", mac="52:54:00:00:00:03")
SEEN = "Saved definition, used at the next start: "
FAILS = "After a shutdown, web01 will not start on kvm-b with its saved definition: "


def saved(base: Facts = HEALTHY, **changes: Any) -> Facts:
    """The running VM, with another saved definition."""
    made = SavedFacts(definition=replace(guest, **changes), domcaps=base.target.domcaps, cpu=base.target.cpu)
    return replace(base, saved=made)


def test_no_saved_definition_needs_nothing() -> None:
    assert run("saved_definition") == ()


def test_what_the_running_vm_has_too_needs_nothing() -> None:
    assert run("saved_definition", saved()) == ()
    assert run("saved_definition", saved(nics=(), disks=(), current_memory_kib=1024**2)) == ()


def test_what_is_wrong_with_the_running_vm_is_not_said_again() -> None:
    lacking = with_target(with_guest(nics=(nic, LAB)), cpu=SILENT, volumes=SILENT)
    assert run("saved_definition", saved(lacking, nics=(nic, LAB))) == ()
    assert run("saved_definition", saved(with_guest(host_devices=(USB,)), host_devices=(USB,))) == ()


def test_a_definition_that_the_destination_does_not_get_is_not_judged() -> None:
    assert run("saved_definition", saved(with_options(persist=False), nics=(LAB,))) == ()


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.name.removesuffix(".live.xml"))
def test_what_libvirt_adds_to_the_running_vm_is_no_difference(path: Path) -> None:
    """Its live definition has aliases, addresses, ports, labels, tap names, backing chains and a named CPU."""
    inactive = path.with_name(path.name.replace(".live.", ".inactive.")).read_text()
    given = replace(equal(path.read_text()), saved=saved_facts_of(domain_xml.parse(inactive), equal(inactive)))
    (finding,) = (one for one in run_all(given).findings if one.check == "saved_definition")
    assert finding.severity is Severity.PASSED, finding


@pytest.mark.parametrize("mode", ["host-model", "host-passthrough", "maximum"])
def test_the_host_s_cpu_becomes_a_named_one_in_the_running_vm(mode: str) -> None:
    text = ORDINARY[0].read_text()
    live, inactive = (
        re.sub("<cpu .*?</cpu>", cpu, text, flags=re.DOTALL) for cpu in (NAMED_CPU, f"<cpu mode='{mode}'/>")
    )
    assert live != inactive
    base = equal(live)
    given = replace(base, saved=saved_facts_of(domain_xml.parse(inactive), base))
    (finding,) = (one for one in run_all(given).findings if one.check == "saved_definition")
    assert finding.severity is Severity.PASSED, finding


def saved_facts_of(definition: GuestDefinition, base: Facts) -> SavedFacts:
    return SavedFacts(definition=definition, domcaps=base.target.domcaps, cpu=(True, ""))


def test_a_network_that_only_the_saved_definition_uses() -> None:
    finding = only("saved_definition", saved(nics=(nic, LAB)), Severity.WARNING)
    assert finding.summary == f"{FAILS}kvm-b has no network lab-only, which web01 uses."
    assert finding.affects == "network lab-only"
    assert [fix.command for fix in finding.remedies] == [
        "virsh net-dumpxml lab-only",
        f"virsh edit {guest.uuid}",
    ]
    assert {fix.on for fix in finding.remedies} == {"kvm-a"}


USB = HostDevice(type="usb", name="1234:5678")
PCI = HostDevice(type="pci", name="0000:03:00.0")


@pytest.mark.parametrize(
    ("changes", "severity", "begins"),
    [
        ({"nics": (replace(nic, source="br9"),)}, Severity.WARNING, f"{SEEN}kvm-b has no bridge br9"),
        ({"machine": "pc-q35-10.0"}, Severity.WARNING, f"{FAILS}QEMU on kvm-b does not support machine type"),
        ({"memory_kib": 1024**3}, Severity.WARNING, f"{SEEN}kvm-b has 8 GiB of memory free"),
        ({"host_devices": (PCI,)}, Severity.WARNING, f"{SEEN}web01 uses PCI device"),
        ({"host_devices": (USB,)}, Severity.UNKNOWN, f"{SEEN}web01 uses USB device"),
        ({"leaves": (("devices/sound/@model", "usb"),)}, Severity.WARNING, f"{SEEN}web01 has a USB sound card"),
        ({"leaves": (("devices/moon", ""),)}, Severity.UNKNOWN, f"{SEEN}Not examined: devices/moon"),
        ({"graphics": (Graphics(type="vnc", ports=(5901,)),)}, Severity.WARNING, f"{SEEN}Port 5901"),
    ],
)
def test_the_other_checks_judge_it(changes: dict[str, Any], severity: Severity, begins: str) -> None:
    base = with_target(ports=frozenset({5901}), domcaps=Unknown("no such machine"))
    if "machine" not in changes:
        base = with_target(ports=frozenset({5901}))
    assert only("saved_definition", saved(base, **changes), severity).summary.startswith(begins)


def test_no_remedy_is_for_the_running_vm() -> None:
    (device,) = run("saved_definition", saved(host_devices=(PCI,)))
    assert [fix.text for fix in device.remedies] == ["Or change the saved definition."]
    base = with_target(files={"/isos/debian.iso": False})
    cd = Disk(target="sda", device="cdrom", type="file", path="/isos/debian.iso", readonly=True)
    (medium,) = run("saved_definition", saved(base, disks=(disk, cd)))
    assert (medium.severity, medium.summary.startswith(FAILS)) == (Severity.WARNING, True)
    assert any("--eject --config" in fix.command for fix in medium.remedies)


def test_a_disk_that_only_the_saved_definition_has_is_not_copied() -> None:
    base = with_options(with_guest(disks=(disk,)), copy_disks=True)
    given = saved(with_target(base, files={LOCAL: False}), disks=(disk, local_disk))
    missing = [one for one in run("saved_definition", given) if one.summary.startswith(FAILS)]
    assert [one.affects for one in missing] == ["disk vdb"]
    assert not any(fix.kind for one in missing for fix in one.remedies)


def test_a_disk_that_is_copied_is_there_at_the_next_start() -> None:
    base = with_options(with_guest(disks=(disk, local_disk)), copy_disks=("vdb",))
    base = with_target(base, files={LOCAL: False})
    assert run("saved_definition", saved(base, disks=(disk, local_disk))) == ()


def test_whether_the_destination_has_a_disk_may_be_unknown() -> None:
    base = with_target(volumes={**with_target().target.volumes, "/local/x.img": None})  # type: ignore[dict-item]
    found = run("saved_definition", saved(base, disks=(disk, replace(local_disk, path="/local/x.img"))))
    assert Severity.UNKNOWN in {one.severity for one in found}
    assert not any(one.summary.startswith(FAILS) for one in found)


def test_its_cpu_and_machine_are_compared_as_they_are() -> None:
    base = saved(cpu=Cpu(mode="custom", model="EPYC"))
    assert isinstance(base.saved, SavedFacts)
    given = replace(base, saved=replace(base.saved, cpu=(False, "incompatible")))
    assert only("saved_definition", given, Severity.WARNING).summary.startswith(f"{FAILS}kvm-b cannot run the CPU")
    few = replace(base.saved, definition=replace(guest, vcpus=4), domcaps=replace(domcaps, max_vcpus=2))
    assert only("saved_definition", replace(base, saved=few), Severity.WARNING)


def test_definitions_that_could_not_be_read_are_unknown() -> None:
    assert only("saved_definition", facts(guest_definition=SILENT), Severity.UNKNOWN)


def test_what_only_the_saved_definition_asks_for_may_be_unknown() -> None:
    given = saved(with_target(networks=SILENT), nics=(nic, LAB))
    given = replace(given, guest=replace(given.guest, definition=replace(guest, nics=(nic,))))
    assert only("saved_definition", given, Severity.UNKNOWN).summary.startswith(f"{SEEN}kvmweb cannot tell whether")


def test_the_checks_it_names_exist() -> None:
    assert set(CHECKS) >= NEEDED | NOT_ASKED
    assert not NEEDED & NOT_ASKED


NAMED_CPU = (
    "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Skylake-Server</model><vendor>Intel</vendor>"
    "<feature policy='require' name='vmx'/><feature policy='disable' name='mpx'/></cpu>"
)
