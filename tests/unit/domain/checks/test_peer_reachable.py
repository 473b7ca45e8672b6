from __future__ import annotations

import pytest

from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import PeerFact
from tests.unit.domain.factories import HEALTHY, SILENT, facts, only, run, with_target


def test_passes_when_reached() -> None:
    assert run("peer_reachable", HEALTHY) == ()


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("Cannot recv data: root@kvm-b: Permission denied (publickey,password).", "public ssh key"),
        ("Cannot recv data: Host key verification failed.", "ssh host key"),
        ("Unable to resolve address 'kvm-b' service '16509'", "resolve"),
        ("authentication failed: authentication failed", "without a password"),
        ("unable to connect to server at 'kvm-b:16509': Connection refused", "firewall"),
    ],
)
def test_blocks_with_libvirts_words_and_a_fitting_remedy(message: str, hint: str) -> None:
    finding = only("peer_reachable", facts(peer=PeerFact(reached=False, message=message)), Severity.BLOCKER)
    assert finding.evidence == {"libvirt": message, "address": "kvm-b.example"}
    assert hint in finding.remedies[0].text


@pytest.mark.parametrize(
    ("message", "command"),
    [
        ("vmadmin@kvm-b: Permission denied (publickey).", "ssh -o BatchMode=yes -l vmadmin -- kvm-b.example true"),
        ("Host key verification failed.", "ssh -l vmadmin -- kvm-b.example"),
        ("nc: unix connect failed: Permission denied", "usermod -aG libvirt vmadmin"),
    ],
)
def test_commands_are_for_the_user_that_other_hosts_log_in_as(message: str, command: str) -> None:
    given = with_target(facts(peer=PeerFact(reached=False, message=message)), peer_user="vmadmin")
    finding = only("peer_reachable", given, Severity.BLOCKER)
    assert finding.remedies[0].command == command
    assert finding.evidence["user"] == "vmadmin"


def test_a_host_without_an_address_for_others_is_told_as_that() -> None:
    given = with_target(facts(peer=PeerFact(reached=False)), peer_address="")
    finding = only("peer_reachable", given, Severity.BLOCKER)
    assert finding.summary == "kvm-b has no address by which libvirt on kvm-a could connect to it."
    assert "address for other hosts" in finding.remedies[0].text


def test_unknown_when_the_probe_did_not_answer() -> None:
    only("peer_reachable", facts(peer=SILENT), Severity.UNKNOWN)


def test_without_a_vm_it_is_not_tested_and_that_is_said() -> None:
    finding = only("peer_reachable", facts(peer=PeerFact(reached=False, tried=False)), Severity.INFO)
    assert finding.summary.startswith("kvmweb did not test whether libvirt on kvm-a can connect")
