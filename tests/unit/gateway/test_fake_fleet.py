"""The fake keeps the promises that use cases are tested against."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from hosts.calls.move import Flag, MigrateCall
from hosts.facts.endpoint import PeerEndpoint, Transport
from hosts.facts.guest import JobKind, RunState
from hosts.gateway.port import (
    Aborted,
    EventKind,
    GatewayError,
    GuestMissing,
    HostConnection,
    HostEvent,
    HostUnreachable,
    Refused,
)
from tests.fakes.gateway import FakeFleet
from tests.fakes.guests import Ending, Move, new_guest
from tests.patience import PATIENCE

GUEST = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = FakeFleet("kvm-a", "kvm-b")
    fleet["kvm-a"].add(new_guest("web-01", GUEST, autostart=True))
    return fleet


def connections(fleet: FakeFleet) -> tuple[HostConnection, HostConnection]:
    return fleet.connect(fleet["kvm-a"].endpoint()), fleet.connect(fleet["kvm-b"].endpoint())


def call(fleet: FakeFleet, *, persist: bool = True, undefine_source: bool = True) -> MigrateCall:
    peer = PeerEndpoint(transport=Transport.TCP, address=fleet["kvm-b"].address)
    wanted = {Flag.PERSIST_DEST: persist, Flag.UNDEFINE_SOURCE: undefine_source}
    return MigrateCall(uuid=GUEST, peer=peer, flags=frozenset(flag for flag, on in wanted.items() if on))


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_move(fleet: FakeFleet) -> None:
    source, target = connections(fleet)
    source.migrate(call(fleet))
    assert not source.look(GUEST).present
    there = target.look(GUEST)
    assert (there.runs, there.reason, there.persistent, there.job) == (True, "migrated", True, JobKind.NONE)
    finished = target.finished_job(GUEST)
    assert finished is not None
    assert finished.downtime_ms == 42
    assert not target.guest_details(GUEST).autostart
    assert fleet.methods("kvm-a") == ["connect", "migrate", "look"]


def test_what_is_seen_while_it_copies(fleet: FakeFleet) -> None:
    source, target = connections(fleet)
    move = fleet.moves[GUEST] = Move()
    move.go_on.clear()
    thread = threading.Thread(target=source.migrate, args=(call(fleet),))
    thread.start()
    eventually(lambda: target.look(GUEST).present)
    here, there = source.look(GUEST), target.look(GUEST)
    assert (here.runs, here.job) == (True, JobKind.MIGRATION_OUT)
    assert (there.state, there.reason, there.job) == (RunState.PAUSED, "migration", JobKind.MIGRATION_IN)
    with pytest.raises(Refused):
        target.guest_details(GUEST)
    move.go_on.set()
    thread.join()
    assert target.look(GUEST).runs


@pytest.mark.parametrize(
    ("ending", "raises", "here", "there"),
    [
        (Ending.ROLLED_BACK, True, True, False),
        (Ending.SAYS_DONE_SOURCE_RUNS, False, True, False),
        (Ending.SAYS_DONE_NOWHERE, False, False, False),
        (Ending.SAYS_FAILED_BUT_DONE, True, False, True),
        (Ending.CONFIRM_LOST, False, False, True),
        (Ending.SPLIT, True, True, True),
    ],
)
def test_endings(fleet: FakeFleet, ending: Ending, raises: bool, here: bool, there: bool) -> None:
    source, target = connections(fleet)
    fleet.moves[GUEST] = Move(ending=ending)
    if raises:
        with pytest.raises(GatewayError):
            source.migrate(call(fleet))
    else:
        source.migrate(call(fleet))
    assert (source.look(GUEST).runs, target.look(GUEST).runs) == (here, there)
    left = source.look(GUEST)
    assert left.present is (here or ending is Ending.CONFIRM_LOST)
    if ending is Ending.CONFIRM_LOST:
        assert (left.state, left.reason, left.job) == (RunState.PAUSED, "migration", JobKind.NONE)


def test_abort(fleet: FakeFleet) -> None:
    source, target = connections(fleet)
    with pytest.raises(Refused):
        source.abort(GUEST)
    move = fleet.moves[GUEST] = Move()
    move.go_on.clear()
    caught: list[Exception] = []

    def migrate() -> None:
        try:
            source.migrate(call(fleet))
        except GatewayError as error:
            caught.append(error)

    thread = threading.Thread(target=migrate)
    thread.start()
    eventually(lambda: source.job(GUEST) is not None)
    source.abort(GUEST)
    thread.join()
    assert isinstance(caught[0], Aborted)
    assert source.look(GUEST).runs
    assert source.job(GUEST) is None
    assert not target.look(GUEST).present


def test_libvirt_goes_on_when_the_connection_is_gone(fleet: FakeFleet) -> None:
    source, target = connections(fleet)
    move = fleet.moves[GUEST] = Move()
    move.go_on.clear()
    threading.Timer(0.05, source.close).start()
    with pytest.raises(HostUnreachable):
        source.migrate(call(fleet))
    move.go_on.set()
    eventually(lambda: target.look(GUEST).runs)


def test_options(fleet: FakeFleet) -> None:
    source, target = connections(fleet)
    with pytest.raises(ValueError, match="persist"):
        source.migrate(call(fleet, persist=False))
    source.migrate(call(fleet, persist=False, undefine_source=False))
    assert not target.look(GUEST).persistent
    assert source.look(GUEST).state is RunState.SHUTOFF


def test_faults(fleet: FakeFleet) -> None:
    source, _ = connections(fleet)
    fleet["kvm-a"].fail("job", GatewayError("stuck", code=68), times=2)
    for _ in range(2):
        with pytest.raises(GatewayError, match="stuck"):
            source.job(GUEST)
    assert source.job(GUEST) is None
    fleet["kvm-a"].silent = True
    assert not source.look(GUEST).answered
    assert not source.alive()
    with pytest.raises(HostUnreachable):
        source.guests()
    with pytest.raises(HostUnreachable):
        connections(fleet)
    fleet["kvm-a"].silent = False
    assert source.look(GUEST).runs
    with pytest.raises(GuestMissing):
        source.job("22222222-2222-4222-8222-222222222222")


def test_events_stop_at_close(fleet: FakeFleet) -> None:
    source, _ = connections(fleet)
    heard: list[HostEvent] = []
    source.listen(heard.append)
    fleet["kvm-a"].send(EventKind.GUEST, uuid=GUEST, detail="started")
    source.close()
    fleet["kvm-a"].send(EventKind.GUEST, uuid=GUEST, detail="stopped")
    assert [event.detail for event in heard] == ["started"]


def test_passes_are_told_until_the_connection_is_closed(fleet: FakeFleet) -> None:
    source, _ = connections(fleet)
    heard: list[str] = []
    source.passes.listen(GUEST, lambda: heard.append("pass"))
    fleet["kvm-a"].begin_pass(GUEST)
    fleet["kvm-a"].begin_pass("22222222-2222-4222-8222-222222222222")
    source.close()
    fleet["kvm-a"].begin_pass(GUEST)
    assert heard == ["pass"]
    assert not fleet["kvm-a"].passes
