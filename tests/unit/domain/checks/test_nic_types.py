from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import HEALTHY, SILENT, facts, nic, only, run, with_guest


@pytest.mark.parametrize("kind", ["network", "bridge", "direct", "user", "hostdev", "vdpa"])
def test_passes_for_what_needs_nothing_or_is_judged_elsewhere(kind: str) -> None:
    assert run("nic_types", HEALTHY) == ()
    assert run("nic_types", with_guest(nics=(replace(nic, type=kind),))) == ()


@pytest.mark.parametrize("kind", ["vhostuser", "ethernet", "udp", "server", "null", "something-new"])
def test_other_types_are_unknown(kind: str) -> None:
    finding = only("nic_types", with_guest(nics=(replace(nic, type=kind, source="/run/vhost.sock"),)), Severity.UNKNOWN)
    assert finding.affects == f"NIC {nic.mac}"
    assert finding.evidence == {"type": kind, "connected to": "/run/vhost.sock"}


def test_unknown_without_the_definition() -> None:
    only("nic_types", facts(guest_definition=SILENT), Severity.UNKNOWN)
