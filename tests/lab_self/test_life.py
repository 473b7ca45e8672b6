"""The life of real labs: stopped, killed, started again, removed. Nothing is left of one, and another is not touched.

The tests build on each other: two labs are started once, by `labs`, and the last test removes the first.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import GuestSpec, Lab, TickReceiver, Wanted, keys, node, remove, state
from lab.node import Process

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND = (f"life{letter}{os.getpid() % 10_000}" for letter in "ab")
HOST = "kvm-a"
GUEST = "probe"


@dataclass(frozen=True)
class Labs:
    """`second` belongs to this process and has one guest, whose ticks are heard from its boot on."""

    output_of_first: str
    second: Lab
    ticks: TickReceiver
    nodes_of_second: dict[str, Process]

    def assert_second_is_undisturbed(self) -> None:
        assert node.find(SECOND) == self.nodes_of_second
        assert self.ticks.wait_for(GUEST, timeout=10)
        assert len(self.ticks.boots(GUEST)) == 1


@dataclass(frozen=True)
class Members:
    """Processes and namespaces of a lab's nodes."""

    processes: frozenset[Process]
    namespaces: frozenset[str]


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    """Two labs that were started at once, when the first had been killed in the middle of its start."""
    try:
        start_killed_in_the_middle(signal.SIGKILL)
        assert node.find(FIRST)
        assert FIRST in state.with_owner()
        first = command("up", "--hosts", "1", "--profile", "test")
        second = Lab.up(Wanted(prefix=SECOND, hosts=1, use_gluster=False, owned=True), with_guests=False)
        with TickReceiver(*second.ticks_address) as ticks:
            second.define_guest(HOST, GuestSpec(GUEST, HOST, storage=""))
            assert ticks.wait_for(GUEST, timeout=60, since=0)
            output, _ = first.communicate()
            assert first.returncode == 0, output
            yield Labs(output, second, ticks, node.find(SECOND))
    finally:
        for prefix in (FIRST, SECOND):
            remove(prefix)
            shutil.rmtree(keys.folder(prefix), ignore_errors=True)  # nobody comes back under these names


def command(verb: str, *arguments: str, prefix: str = FIRST) -> subprocess.Popen[str]:
    """`python3 -m lab` in a process group of its own, as a shell would start it: also when the tests run in the
    background of one, which makes them deaf to Ctrl-C."""
    return subprocess.Popen(
        [sys.executable, "-m", "lab", verb, "--prefix", prefix, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=_hears_ctrl_c,
    )


def _hears_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(verb: str, *arguments: str, prefix: str = FIRST, code: int = 0) -> str:
    process = command(verb, *arguments, prefix=prefix)
    output, _ = process.communicate()
    assert process.returncode == code, output
    return output


def start_killed_in_the_middle(number: signal.Signals) -> Members:
    """Start the first lab, and signal the command when its host is being made; return what there was of it."""
    up = command("up", "--hosts", "1", "--no-guests")
    wait_until(lambda: HOST in node.find(FIRST) or up.poll() is not None, 60)
    was = members(FIRST)
    assert up.poll() is None
    if number == signal.SIGINT:
        os.killpg(up.pid, number)  # as a terminal does
    else:
        up.send_signal(number)
    output, _ = up.communicate()
    assert up.returncode == (130 if number == signal.SIGINT else -number), output
    return was


def wait_until(done: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def members(prefix: str) -> Members:
    """Whatever is in a namespace of the lab's nodes."""
    nodes = [_namespaces(process.pid) for process in node.find(prefix).values()]
    theirs = frozenset[str]().union(*nodes) - _namespaces(os.getpid())  # a node that starts has not left all of ours
    inside = {pid: stat for pid in _pids() if _namespaces(pid) & theirs and (stat := node.stat_of(pid))}
    return Members(frozenset(Process(pid, started) for pid, (_, started) in inside.items()), theirs)


def traces(prefix: str, was: Members | None = None) -> set[str]:
    """Everything on this machine that names the lab or was in it, but for its keys and its lock file, which is empty.

    Namespaces are looked for by who was in them and by mounts that hold them: their numbers are soon used again.
    """
    found = {f"link {name}" for name in os.listdir("/sys/class/net") if name.startswith(prefix)}
    found |= {str(path) for path in (state.folder(prefix), state.disk_folder(prefix)) if path.exists()}
    found |= {f"owner of {name}" for name in state.with_owner() if name == prefix}
    names = {prefix} | (was.namespaces if was else set())
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    found |= {f"mount {line}" for line in mounts if any(name in line for name in names)}
    found |= {f"process {pid}" for pid in _pids() if pid != os.getpid() and prefix.encode() in _texts(pid)}
    return found | {f"process {one.pid} of a node" for one in (was.processes if was else ()) if one.alive()}


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _namespaces(pid: int) -> set[str]:
    try:
        return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "mnt", "pid")}
    except OSError:  # it has ended
        return set()


def _texts(pid: int) -> bytes:
    try:
        return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    except OSError:
        return b""


def test_ctrl_c_in_the_middle_of_a_start_leaves_nothing() -> None:
    before = traces(FIRST)
    was = start_killed_in_the_middle(signal.SIGINT)
    assert len(was.processes) >= 3
    assert traces(FIRST, was) == before == set()


def test_after_a_kill_two_labs_start_at_once(labs: Labs) -> None:
    assert [guest["host"] for guest in Lab.load(FIRST).status()["guests"]] == [HOST] * 4
    labs.assert_second_is_undisturbed()


@pytest.mark.parametrize("prefix", [FIRST, SECOND], ids=["first", "second"])
def test_names_resolve_both_ways(labs: Labs, prefix: str) -> None:
    host = Lab.load(prefix).hosts[HOST]
    for name, address in ((HOST, host.address), (f"{HOST}-mig", host.migration_address)):
        assert run("exec", HOST, "getent", "hosts", name, prefix=prefix).split() == [address, name]
        assert run("exec", HOST, "getent", "hosts", address, prefix=prefix).split() == [address, name]


def test_status_names_the_shared_storage(labs: Labs) -> None:
    assert "shared storage: GlusterFS volume" in labs.output_of_first
    assert run("status") == labs.output_of_first
    status = json.loads(run("status", "--json"))
    assert (status["shared_storage"], status["fallback_reason"]) == ("glusterfs", "")


def test_status_names_the_fallback_and_its_reason(labs: Labs) -> None:
    assert "shared storage: a plain directory (asked for)" in run("status", prefix=SECOND)
    status = json.loads(run("status", "--json", prefix=SECOND))
    assert (status["shared_storage"], status["fallback_reason"]) == ("directory", "asked for")


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_lab_of_a_running_process_is_left_alone(labs: Labs, verb: str) -> None:
    said = run(verb, prefix=SECOND, code=1)
    assert re.fullmatch(rf"lab: the lab '{SECOND}' belongs to process {os.getpid()}, which runs; .*\n", said)
    labs.assert_second_is_undisturbed()


@contextmanager
def takes_long_to_end(host: Process) -> Iterator[None]:
    """The host has a process whose end nobody notices yet: when the host is killed, it waits for that."""
    inside = subprocess.Popen(node.enter(host, ["sleep", "600"]))
    wait_until(lambda: any(name == "sleep" for _, name in node.members(host)), 20)
    inside.send_signal(signal.SIGSTOP)
    yield
    inside.send_signal(signal.SIGCONT)
    inside.wait()


def test_a_lab_with_a_killed_host_is_started_anew(labs: Labs) -> None:
    was = members(FIRST)
    host = node.find(FIRST)[HOST]
    with takes_long_to_end(host):
        os.kill(host.pid, signal.SIGKILL)
        assert host.alive()  # in the middle of its end
        for _ in range(3):
            assert f"no lab '{FIRST}' runs" in run("status", code=1)
    assert f"no lab '{FIRST}' runs" in run("status", code=1)
    assert run("up", "--hosts", "1", "--profile", "test") == labs.output_of_first
    assert not any(process.alive() for process in was.processes)
    labs.assert_second_is_undisturbed()


def test_down_leaves_nothing(labs: Labs) -> None:
    was = members(FIRST)
    assert traces(FIRST)
    assert run("down") == "removed\n"
    assert traces(FIRST, was) == set()
    assert run("down") == f"there is no lab {FIRST}\n"
    labs.assert_second_is_undisturbed()
