"""When the watcher reads what: bursts, arriving guests, definitions that cannot be read."""

from __future__ import annotations

from hosts.facts.guest import GuestStatus, RunState
from hosts.gateway.port import EventKind, HostEvent
from hosts.watcher.due import DEBOUNCE, LONGEST_RETRY, NEVER, SETTLE, Due

NOW = 1000.0


def _guest(state: RunState = RunState.RUNNING, reason: str = "booted") -> GuestStatus:
    return GuestStatus(uuid="u", name="vm", state=state, reason=reason)


def _steady() -> Due:
    due = Due()
    due.listing(NOW)
    due.listed([_guest()], again=NOW + 3600)
    due.has_read("u")
    assert (due.next(), due.definition(NOW), due.all_read(NOW)) == (NOW + 3600, "", True)
    return due


def test_a_burst_is_read_after_its_first_event_and_listed_once_more_when_it_has_settled() -> None:
    due = _steady()
    for later in (0.0, 0.05):
        due.after(HostEvent(kind=EventKind.GUEST, uuid="u"), NOW + later)
    assert due.next() == NOW + DEBOUNCE
    soon = NOW + DEBOUNCE
    assert due.definition(soon) == ""  # the list comes first
    due.listing(soon)
    due.listed([_guest()], again=soon + 3600)
    assert due.definition(soon) == "u"
    due.has_read("u")
    assert due.next() == NOW + DEBOUNCE + SETTLE


def test_a_definition_that_cannot_be_read_waits_longer_each_time() -> None:
    due = _steady()
    waits = []
    for _ in range(8):
        due.failed("u", NOW)
        waits.append(due.next() - NOW)
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST_RETRY, LONGEST_RETRY]


def test_a_guest_that_arrives_is_not_asked_for_its_definition_until_it_runs() -> None:
    due = Due()
    due.listed([_guest(RunState.PAUSED, "migration")], again=NEVER)
    assert (due.next(), due.definition(NOW)) == (NEVER, "")
    due.listed([_guest()], again=NEVER)
    assert due.definition(NOW) == "u"


def test_a_refresh_is_over_when_list_and_definitions_were_read_again() -> None:
    due = _steady()
    due.everything(NOW)
    assert not due.all_read(NOW)
    due.listing(NOW)
    due.listed([_guest()], again=NOW + 3600)
    assert not due.all_read(NOW)
    due.has_read("u")
    assert due.all_read(NOW)
