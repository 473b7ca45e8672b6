"""What of a host is to be read, and when. Times are seconds of the monotonic clock, given by the caller."""

from __future__ import annotations

from collections.abc import Sequence

from hosts.facts.guest import GuestStatus, RunState
from hosts.gateway.port import EventKind, HostEvent

#: a burst of events is one read, this long after its first
DEBOUNCE = 0.1
#: a migrated guest is undefined without an event, a moment after the event that it stopped: list again
SETTLE = 1.0
#: a definition that could not be read is tried again after 1, 2, 4 ... seconds, or at the next event
LONGEST_RETRY = 60.0
NEVER = float("inf")


class Due:
    """The list of guests, pools, networks and what guests use have a time each. A definition is due when its guest is
    new, changed, or named by an event."""

    def __init__(self) -> None:
        self.guests = self.pools = self.networks = self.usage = NEVER
        #: the list of guests, without anybody's asking
        self.refresh = NEVER
        #: guests whose definition is to be read, and not before when
        self._definitions: dict[str, float] = {}
        #: how often in a row that failed
        self._failed: dict[str, int] = {}
        #: what a guest looked like when its definition was read; a difference means reading it again
        self._read_as: dict[str, tuple[str, bool]] = {}
        self._arriving: set[str] = set()
        #: everything is to be read again, and the guests have not been yet
        self._everything = False

    def next(self) -> float:
        definitions = min((due for uuid, due in self._definitions.items() if uuid not in self._arriving), default=NEVER)
        return min(self.guests, self.pools, self.networks, self.usage, self.refresh, definitions)

    def everything(self, now: float) -> None:
        self.guests = self.pools = self.networks = self.usage = now
        self._read_as.clear()
        self._everything = True

    def all_read(self, now: float) -> bool:
        """Whether nothing is left of what became due before."""
        return not self._everything and not self._definition(now)

    def after(self, event: HostEvent, now: float) -> None:
        soon = now + DEBOUNCE
        match event.kind:
            case EventKind.GUEST:
                self.guests = min(self.guests, soon)
                self.refresh = min(self.refresh, soon + SETTLE)
                if event.uuid:
                    self._definitions[event.uuid] = min(self._definitions.get(event.uuid, soon), soon)
            case EventKind.POOL:
                self.pools = min(self.pools, soon)
            case EventKind.NETWORK:
                self.networks = min(self.networks, soon)

    def list_is_due(self, now: float) -> bool:
        return min(self.guests, self.refresh) <= now

    def listing(self, now: float) -> None:
        """The guests are being listed now; what is due later stays so."""
        self.guests = NEVER
        self.refresh = self.refresh if self.refresh > now else NEVER
        self._everything = False

    def listed(self, guests: Sequence[GuestStatus], *, again: float) -> None:
        """These are there, and no others; the next list is due at `again`, if nothing happens before."""
        self.refresh = min(self.refresh, again)
        present = {guest.uuid: (guest.name, guest.state.active) for guest in guests}
        self._arriving = {guest.uuid for guest in guests if _arriving(guest)}
        self._definitions = {uuid: due for uuid, due in self._definitions.items() if uuid in present}
        self._failed = {uuid: times for uuid, times in self._failed.items() if uuid in present}
        self._read_as = {uuid: seen for uuid, seen in self._read_as.items() if uuid in present}
        for uuid, seen in present.items():
            if self._read_as.get(uuid) != seen:
                self._definitions.setdefault(uuid, 0.0)
            if uuid in self._definitions:
                self._read_as[uuid] = seen

    def definition(self, now: float) -> str:
        """The guest whose definition is to be read now; "" when there is none, or the list comes first."""
        return "" if self.list_is_due(now) else self._definition(now)

    def _definition(self, now: float) -> str:
        due = (uuid for uuid, due in self._definitions.items() if due <= now and uuid not in self._arriving)
        return next(due, "")

    def has_read(self, uuid: str) -> None:
        self._definitions.pop(uuid, None)
        self._failed.pop(uuid, None)

    def missed(self, uuid: str, now: float) -> None:
        """It was listed and is not there: the list comes first."""
        self._definitions.pop(uuid, None)
        self.guests = now

    def failed(self, uuid: str, now: float) -> int:
        """How often in a row its definition could not be read."""
        times = self._failed[uuid] = self._failed.get(uuid, 0) + 1
        self._definitions[uuid] = now + min(2.0 ** (times - 1), LONGEST_RETRY)
        return times


def _arriving(guest: GuestStatus) -> bool:
    """An incoming migration: libvirt 11.0 to 11.4 can block for 30 s on a question about its definition."""
    return guest.state is RunState.PAUSED and guest.reason == "migration"
