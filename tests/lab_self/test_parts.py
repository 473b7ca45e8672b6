"""The parts of the lab that can be judged without starting one."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab
from lab import CommandFailed, LabError, bringup, guests, network, state, storage
from lab import lab as lab_module
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


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "RUN", tmp_path)
    return tmp_path


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is removed; nothing is."""
    found: list[str] = []
    monkeypatch.setattr(bringup, "remove", found.append)
    return found


@pytest.fixture
def theirs(run_folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that owns the lab "theirs"."""
    code = "import sys, time; from pathlib import Path; from lab import state; state.RUN = Path(sys.argv[1])"
    code += "; state.own('theirs'); print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, str(run_folder)], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_a_lab_is_removed_by_its_owner_only(
    run_folder: Path, removed: list[str], theirs: subprocess.Popen[bytes]
) -> None:
    state.own("mine")
    state.own("mine")
    sentence = rf"'theirs' belongs to process {theirs.pid}, which runs"
    with pytest.raises(LabError, match=sentence):
        lab.remove("theirs")
    with pytest.raises(LabError, match=sentence):
        lab.Lab.up(lab.Wanted(prefix="theirs"))
    state.disown("theirs")
    assert removed == []
    assert state.with_owner() == ["mine", "theirs"]
    lab.remove("mine")
    assert removed == ["mine"]
    assert state.with_owner() == ["theirs"]


def test_the_next_up_removes_a_lab_whose_owner_was_killed(
    run_folder: Path, removed: list[str], theirs: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs.kill()
    theirs.wait()
    monkeypatch.setattr(bringup, "build", lambda wanted: state.LabState(wanted.prefix, 0, "test"))
    lab.Lab.up(lab.Wanted(prefix="mine", owned=True), with_guests=False)
    assert removed == ["theirs", "mine"]
    lab.Lab.up(lab.Wanted(prefix="other"), with_guests=False)
    assert removed == ["theirs", "mine", "other"]
    assert state.with_owner() == ["mine"]
    lab.remove("mine")
    assert state.with_owner() == []


def test_a_lab_that_somebody_is_at_work_on_is_not_abandoned(
    run_folder: Path, removed: list[str], theirs: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs.kill()
    theirs.wait()
    with state.locked("lab-theirs"):
        lab_module._remove_abandoned()
    # somebody has removed it since it was listed, and a new one without an owner may be there
    monkeypatch.setattr(state, "with_owner", lambda: ["gone"])
    lab_module._remove_abandoned()
    assert removed == []


def test_an_owner_file_that_is_not_the_one_at_its_place_says_nothing(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = run_folder / "owner-x.lock"
    file.touch()

    def replaced(*_: object) -> None:
        file.rename(run_folder / "old")
        file.touch()

    monkeypatch.setattr(fcntl, "flock", replaced)
    assert not state.take_over("x")
    assert file.exists()


def test_half_a_lab_is_removed_and_has_no_owner(
    run_folder: Path, removed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(wanted: lab.Wanted) -> state.LabState:
        assert state.with_owner() == [wanted.prefix]
        raise KeyboardInterrupt

    monkeypatch.setattr(bringup, "build", build)
    with pytest.raises(KeyboardInterrupt):
        lab.Lab.up(lab.Wanted(prefix="x"))
    assert removed == ["x", "x"]
    assert state.with_owner() == []


def test_hosts_that_cannot_mount_the_volume_lose_it_and_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped = []

    def ensure(host: str, name: str, kind: str) -> None:
        if host == "kvm-b":
            raise CommandFailed(["virsh", "pool-start", name], 1, "mount failed")

    monkeypatch.setattr(storage, "ensure_pool", ensure)
    monkeypatch.setattr(storage, "drop_pool", lambda host, name: dropped.append((host, name)))
    assert bringup._why_unmountable(["kvm-a"]) == ""  # type: ignore[list-item]
    assert "mount failed" in bringup._why_unmountable(["kvm-a", "kvm-b"])  # type: ignore[list-item]
    assert sorted(dropped) == [("kvm-a", "testvms"), ("kvm-b", "testvms")]
