from __future__ import annotations

from dataclasses import replace

import pytest

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import (
    HEALTHY,
    SILENT,
    facts,
    network,
    network_nic,
    nic,
    only,
    run,
    with_guest,
    with_options,
    with_source,
)


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


def test_a_network_of_pci_devices_blocks_unless_libvirt_unplugs_the_nic() -> None:
    pool = with_source(networks=(replace(network, forward="hostdev"),))
    found = only("nic_types", with_guest(pool, nics=(network_nic,)), Severity.BLOCKER)
    assert found.evidence == {"network": "lan", "forward mode": "hostdev"}
    assert run("nic_types", with_guest(pool, nics=(replace(network_nic, teaming_transient=True),))) == ()


def test_a_nic_of_a_team_that_kvmweb_detaches_is_said() -> None:
    nics = (replace(network_nic, teaming_transient=True),)
    found = only("nic_types", with_guest(with_options(detach=True), nics=nics), Severity.INFO)
    assert found.evidence == {"detached": f"nic {network_nic.mac}"}
    assert run("nic_types", with_guest(nics=nics)) == ()


def test_unknown_without_the_sources_networks() -> None:
    silent = with_source(networks=SILENT)
    only("nic_types", with_guest(silent, nics=(network_nic,)), Severity.UNKNOWN)
    assert run("nic_types", with_guest(silent, nics=(nic,))) == ()
