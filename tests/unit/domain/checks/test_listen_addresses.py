from __future__ import annotations

from dataclasses import replace

import pytest

from hosts.facts.guest import CharacterDevice, Graphics
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import SILENT, network, only, run, with_guest, with_target


def listening(address: str) -> Facts:
    return with_guest(graphics=(Graphics(type="vnc", addresses=(address,)),))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "127.0.0.1", "::1", "localhost"])
def test_an_address_of_every_host_passes(address: str) -> None:
    assert run("listen_addresses", listening(address)) == ()


def test_one_of_the_destinations_passes_and_another_one_blocks() -> None:
    there = frozenset({"10.0.0.2"})
    assert run("listen_addresses", with_target(listening("10.0.0.2"), addresses=there)) == ()
    found = only("listen_addresses", with_target(listening("10.0.0.1"), addresses=there), Severity.BLOCKER)
    assert found.summary == "The vnc display of web01 listens on 10.0.0.1, which is not an address of kvm-b."


def test_a_serial_port_listens_too() -> None:
    device = CharacterDevice(device="serial", type="tcp", address="10.0.0.1", port="4555", listens=True)
    given = with_guest(character_devices=(device,))
    assert only("listen_addresses", with_target(given, addresses=frozenset()), Severity.BLOCKER)


def test_not_told_is_unknown_but_for_the_address_that_kvmweb_uses() -> None:
    assert only("listen_addresses", listening("10.0.0.1"), Severity.UNKNOWN)
    assert run("listen_addresses", with_target(listening("10.0.1.2"), addresses=SILENT)) == ()
    assert "a name" in only("listen_addresses", listening("kvm-a.example"), Severity.UNKNOWN).evidence["why"]


def test_a_network_to_listen_on_must_be_there() -> None:
    assert run("listen_addresses", with_guest(graphics=(Graphics(type="vnc", networks=("lan",)),))) == ()
    assert only("listen_addresses", with_guest(graphics=(Graphics(type="vnc", networks=("x",)),)), Severity.BLOCKER)


def test_a_network_that_is_not_active_has_no_address() -> None:
    given = with_guest(graphics=(Graphics(type="vnc", networks=("lan",)),))
    assert only("listen_addresses", with_target(given, networks=(replace(network, active=False),)), Severity.BLOCKER)
