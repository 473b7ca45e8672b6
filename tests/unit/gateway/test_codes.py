"""Our numbers against those of the installed libvirt."""

from __future__ import annotations

import libvirt
import pytest

from hosts.facts.guest import JobKind, RunState
from hosts.gateway import _codes, _errors
from hosts.gateway.port import Aborted, GatewayError, GuestMissing, HostUnreachable, Refused

_STATES = {
    "NOSTATE": "nostate",
    "RUNNING": "running",
    "BLOCKED": "blocked",
    "PAUSED": "paused",
    "SHUTDOWN": "shutdown",
    "SHUTOFF": "shutoff",
    "CRASHED": "crashed",
    "PMSUSPENDED": "pmsuspended",
}


@pytest.mark.parametrize("name", _STATES)
def test_states(name: str) -> None:
    state = _codes.run_state(getattr(libvirt, f"VIR_DOMAIN_{name}"))
    assert state is RunState[name]


def test_a_state_nobody_knows_is_not_running() -> None:
    assert _codes.run_state(99) is RunState.NOSTATE
    assert _codes.reason(RunState.RUNNING, 99) == "unknown"
    assert _codes.reason(RunState.RUNNING, -1) == "unknown"


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.PAUSED, RunState.SHUTOFF])
def test_there_is_a_word_for_every_reason(state: RunState) -> None:
    prefix = f"VIR_DOMAIN_{state.name}_"
    numbers = {
        value: name.removeprefix(prefix)
        for name, value in vars(libvirt).items()
        if name.startswith(prefix) and isinstance(value, int)
    }
    words = _codes.REASONS[state]
    assert sorted(numbers) == list(range(len(numbers)))
    assert len(numbers) <= len(words)  # the installed libvirt may be older than the newest reason
    for number, name in numbers.items():
        if name in ("MIGRATION", "MIGRATED", "USER", "BOOTED", "FAILED", "UNKNOWN", "RESTORED"):
            assert words[number] == name.lower()
    if state is RunState.PAUSED:
        assert words[libvirt.VIR_DOMAIN_PAUSED_POSTCOPY] == "post-copy"
        assert words[libvirt.VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] == "post-copy failed"
        assert words[libvirt.VIR_DOMAIN_PAUSED_STARTING_UP] == "starting up"
        assert words[libvirt.VIR_DOMAIN_PAUSED_IOERROR] == "I/O error"
    if state is RunState.RUNNING:
        assert words[libvirt.VIR_DOMAIN_RUNNING_MIGRATION_CANCELED] == "migration canceled"
        assert words[libvirt.VIR_DOMAIN_RUNNING_FROM_SNAPSHOT] == "from snapshot"


def test_jobs() -> None:
    out, into = libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN
    assert _codes.job_kind(libvirt.VIR_DOMAIN_JOB_NONE, 0) is JobKind.NONE
    assert _codes.job_kind(libvirt.VIR_DOMAIN_JOB_UNBOUNDED, out) is JobKind.MIGRATION_OUT
    assert _codes.job_kind(libvirt.VIR_DOMAIN_JOB_COMPLETED, into) is JobKind.MIGRATION_IN
    assert _codes.job_kind(libvirt.VIR_DOMAIN_JOB_BOUNDED, libvirt.VIR_DOMAIN_JOB_OPERATION_BACKUP) is JobKind.OTHER


def test_event_words() -> None:
    assert _codes.word(_codes.LIFECYCLE, libvirt.VIR_DOMAIN_EVENT_STOPPED) == "stopped"
    assert _codes.word(_codes.LIFECYCLE, libvirt.VIR_DOMAIN_EVENT_CRASHED) == "crashed"
    assert _codes.word(_codes.POOL_LIFECYCLE, libvirt.VIR_STORAGE_POOL_EVENT_DELETED) == "deleted"
    assert _codes.word(_codes.NETWORK_LIFECYCLE, libvirt.VIR_NETWORK_EVENT_STOPPED) == "stopped"
    assert _codes.word(_codes.CLOSE_REASONS, libvirt.VIR_CONNECT_CLOSE_REASON_KEEPALIVE) == "no answer to keepalive"
    assert _codes.word(_codes.LIFECYCLE, 99) == "change 99"


_NAMES = [
    name
    for name, value in vars(_errors).items()
    if type(value) is int and name.isupper() and not name.startswith(("_", "FROM_"))
]


@pytest.mark.parametrize("name", _NAMES)
def test_error_numbers(name: str) -> None:
    assert getattr(_errors, name) == getattr(libvirt, f"VIR_ERR_{name}")


def test_error_domains() -> None:
    assert (_errors.FROM_RPC, _errors.FROM_QEMU) == (libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_QEMU)


class Said(libvirt.libvirtError):  # type: ignore[misc]
    def __init__(self, code: int, domain: int) -> None:
        Exception.__init__(self, "said")
        self.err = (code, domain, "said", 2, None, None, None, -1, -1)


@pytest.mark.parametrize(
    ("code", "domain", "alive", "relayed", "expected"),
    [
        (42, 10, True, False, GuestMissing),
        (78, 10, True, True, Aborted),
        (55, 10, True, False, Refused),
        (81, 10, True, True, Refused),
        (9, 10, True, True, GatewayError),
        (68, 10, True, False, GatewayError),
        (38, 7, True, False, HostUnreachable),
        (1, 7, True, False, HostUnreachable),
        (39, 7, True, False, HostUnreachable),
        (38, 7, True, True, GatewayError),  # the source could not reach the destination: our host is fine
        (38, 7, False, True, HostUnreachable),
        (9, 10, False, True, HostUnreachable),  # whatever it says: the connection is gone
    ],
)
def test_translation(code: int, domain: int, alive: bool, relayed: bool, expected: type[GatewayError]) -> None:
    found = _errors.translate(Said(code, domain), alive=alive, relayed=relayed)
    assert type(found) is expected
    assert (found.code, found.domain, found.message) == (code, domain, "said")
