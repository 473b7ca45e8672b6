"""The ordinary guest stays green: what virt-install and virt-manager make gives no finding on an equal destination."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from hosts.facts import domain_capabilities_xml
from hosts.facts.guest import RunState
from lab import guests
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.data import read
from tests.unit.domain.destinations import equal
from tests.unit.domain.factories import with_target

ORDINARY = Path(__file__).parents[2] / "data" / "ordinary"
RUNNING, SHUT_OFF = sorted(ORDINARY.glob("*.live.xml")), sorted(ORDINARY.glob("*.inactive.xml"))
SELINUX = (
    "<seclabel type='dynamic' model='selinux' relabel='yes'><label>system_u:system_r:svirt_t:s0:c1,c2</label>"
    "<imagelabel>system_u:object_r:svirt_image_t:s0:c1,c2</imagelabel></seclabel></domain>"
)
VNC = "<graphics type='vnc' port='5901' autoport='yes' listen='0.0.0.0'><listen type='address' address='0.0.0.0'/></graphics>"
#: said at every VM, and a note; the live kind does not start a VM that is shut off
EXPECTED = {"cache_mode"}


def _equal(xml: str, state: RunState = RunState.RUNNING) -> Facts:
    """A destination of the release that the definition was captured on: QEMU emulates the same CPU there."""
    facts = equal(xml, state=state)
    release = "trixie" if "pc-q35-10." in xml else "bookworm"
    emulated = domain_capabilities_xml.parse(read(f"domcapabilities-{release}.xml")).host_model_features
    return with_target(facts, domcaps=replace(facts.target.domcaps, host_model_features=emulated))  # type: ignore[type-var]


def _noise(facts: Facts, *also: str) -> list[tuple[str, str]]:
    findings = run_all(facts).findings
    assert {f.severity for f in findings if f.check in EXPECTED} <= {Severity.PASSED, Severity.INFO}
    return [
        (f.check, f.summary)
        for f in findings
        if f.severity is not Severity.PASSED and f.check not in {*EXPECTED, *also}
    ]


def _as_kvm(xml: str) -> str:
    """The lab has no KVM; virt-install writes the same definition for it."""
    return re.sub(r"<domain type=(['\"])qemu\1", "<domain type='kvm'", xml)


def test_each_is_captured_running_and_shut_off() -> None:
    assert len(SHUT_OFF) >= 8
    shut_off = {path.name.removesuffix(".inactive.xml") for path in SHUT_OFF}
    assert {path.name.removesuffix(".live.xml") for path in RUNNING} - shut_off <= {"rhel9-selinux", "debian13-spice"}


@pytest.mark.parametrize("path", RUNNING, ids=lambda path: path.stem)
def test_an_ordinary_guest_is_ok(path: Path) -> None:
    assert _noise(_equal(path.read_text())) == []
    assert _noise(_equal(_as_kvm(path.read_text()))) == []


@pytest.mark.parametrize("path", SHUT_OFF, ids=lambda path: path.stem)
def test_it_is_ok_when_shut_off(path: Path) -> None:
    for xml in (path.read_text(), _as_kvm(path.read_text())):
        assert _noise(_equal(xml, RunState.SHUTOFF), "kind_applies") == []


@pytest.mark.parametrize("path", RUNNING, ids=lambda path: path.stem)
def test_so_is_the_same_with_selinux_and_vnc(path: Path) -> None:
    xml = path.read_text().replace("</domain>", SELINUX)
    if "<graphics" not in xml:
        xml = xml.replace("</devices>", f"{VNC}</devices>")
    assert _noise(_equal(xml)) == []


@pytest.mark.parametrize("profile", guests.PROFILES)
def test_so_are_the_demos_own_vms(profile: str) -> None:
    for spec in guests.PROFILES[profile]:
        spec = guests.completed(spec, prefix="demo", address="10.0.0.3")
        xml = guests.domain_xml(spec, ticks=("10.0.0.1", guests.TICKS_PORT))
        state = RunState.RUNNING if spec.running else RunState.SHUTOFF
        assert _noise(_equal(xml, state), "kind_applies") == []
