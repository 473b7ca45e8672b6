"""The parts of the lab that can be judged without starting one."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab import LabError, guests, network, state
from lab.state import GuestSpec
from lab.ticks import Tick, TickReceiver, _Heard, _udp_payload

SPEC = guests.completed(GuestSpec("web-01", "kvm-a"), prefix="t", address="10.213.2.101")


class Recording(TickReceiver):
    """A receiver that is told what it heard."""

    def __init__(self, ticks: list[tuple[float, str, int]]) -> None:
        self._lock = threading.Lock()
        heard = [Tick(arrived, boot, sequence, 0) for arrived, boot, sequence in ticks]
        self._heard = {"web-01": _Heard(heard, [tick.arrived for tick in heard])}


def test_hole_counts_silence_at_both_ends() -> None:
    ticks = Recording([(1.0, "a", 1), (1.5, "a", 2)])
    assert ticks.largest_hole("web-01", 0.0, 1.6) == 1.0
    assert ticks.largest_hole("web-01", 0.9, 3.5) == 2.0
    assert ticks.largest_hole("nobody", 0.0, 3.0) == 3.0


@pytest.mark.parametrize(
    ("ticks", "twice"),
    [
        ([(1, "a", 1), (2, "a", 2)], False),
        ([(1, "a", 1), (2, "a", 2), (3, "a", 2)], True),
        ([(1, "a", 1), (2, "b", 1), (3, "b", 2)], False),
        ([(1, "a", 1), (2, "b", 1), (3, "a", 2)], True),
    ],
)
def test_two_copies_are_noticed_and_a_restart_is_not_taken_for_one(
    ticks: list[tuple[float, str, int]], twice: bool
) -> None:
    assert Recording(ticks).ran_twice("web-01") is twice


def test_only_udp_to_the_port_counts() -> None:
    head = bytes([0x45]) + bytes(8) + bytes([17]) + bytes(10)
    udp = (1).to_bytes(2, "big") + (7010).to_bytes(2, "big") + (10).to_bytes(2, "big") + bytes(2)
    assert _udp_payload(head + udp + b"hi" + b"padding", 7010) == b"hi"
    assert _udp_payload(head + udp + b"hi", 7011) == b""
    assert _udp_payload(b"", 7010) == b""


def test_fingerprint_sees_what_a_test_may_change() -> None:
    xml = guests.domain_xml(SPEC, ticks=("10.213.2.1", 7010))
    assert guests.fingerprint(xml) == guests.fingerprint(xml.replace('unit="MiB">96<', 'unit="KiB">98304<'))
    assert guests.fingerprint(xml) != guests.fingerprint(xml.replace("web-01.qcow2", "other.qcow2"))
    assert guests.fingerprint(xml) != guests.fingerprint(xml.replace("<vcpu>1<", "<vcpu>2<"))


def test_guests_are_emulated_whatever_the_machine_can_do() -> None:
    assert "type='qemu'" in guests.domain_xml(SPEC, ticks=("10.213.2.1", 7010)).replace('"', "'")


def test_networks_of_two_labs_never_overlap() -> None:
    plans = [network.Plan("t", index) for index in range(64)]
    addresses = {plan.address(name, 1).rsplit(".", 1)[0] for plan in plans for name in network.NETWORKS}
    assert len(addresses) == 64 * len(network.NETWORKS)


@pytest.mark.parametrize("prefix", ["", "UP", "1a", "toolongname", "a-b", "../x"])
def test_bad_prefixes_are_refused(prefix: str) -> None:
    with pytest.raises(LabError):
        state.check_prefix(prefix)


def test_a_lab_whose_owner_was_killed_is_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "RUN", tmp_path)
    code = "import sys, time; from pathlib import Path; from lab import state; state.RUN = Path(sys.argv[1])"
    code += "; state.own('theirs'); print(flush=True); time.sleep(60)"
    theirs = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert theirs.stdout
    try:
        theirs.stdout.readline()
        state.own("mine")
        state.own("mine")
        with pytest.raises(LabError, match="another process"):
            state.own("theirs")
        assert state.abandoned() == []
    finally:
        theirs.kill()
        theirs.communicate()
    assert state.abandoned() == ["theirs"]
    for prefix in ("mine", "theirs"):
        state.forget_owner(prefix)
    assert list(tmp_path.iterdir()) == []
