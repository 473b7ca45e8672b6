"""Where guests could migrate to, based on the inventory. Three queries, however many guests and hosts there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hosts.facts.guest import RunState
from hosts.models import Bridge, Guest, Host, Network
from hosts.reading.hosts import host_rows
from hosts.words.contact import closed
from kvmweb.accounts.permissions import operated
from migrations_app.domain import movability
from migrations_app.domain.movability import GuestSeen, HostSeen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A host in the list of destinations. `reason`: why it cannot be chosen, "" when it can.

    `notes`: what was last seen there that prevents it; the preflight may find otherwise. Both continue a sentence that
    begins with the host's name.
    """

    host: Host
    reason: str
    notes: Sequence[str] = ()

    @property
    def clear(self) -> bool:
        return not self.reason and not self.notes

    @property
    def against(self) -> str:
        return self.reason or ", ".join(self.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """`held`: why the guest cannot migrate to any host, a sentence, or "". `others`: every other host, best first."""

    held: str
    others: Sequence[Candidate]

    @property
    def clear(self) -> Sequence[Candidate]:
        return [candidate for candidate in self.others if candidate.clear]


class Inventory:
    """The hosts with their networks and bridges, read once for all guests of a page."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._hosts = {host.pk: host for host in hosts}
        networks, bridges = _active(Network, self._hosts), _active(Bridge, self._hosts)
        self._seen = {
            pk: HostSeen(
                name=host.name,
                closed=_closed(host),
                memory_free_kib=host.memory_free_kib,
                networks=networks.get(pk, {}),
                bridges=bridges.get(pk, {}),
            )
            for pk, host in self._hosts.items()
        }

    def outlook(self, guest: Guest) -> Outlook:
        """Reads no row when the guest's sightings are prefetched with their hosts."""
        seen, here = self._guest(guest)
        found = [self._candidate(seen, pk) for pk in self._hosts if pk != here]
        found.sort(key=lambda candidate: (bool(candidate.reason), bool(candidate.notes), candidate.host.name))
        return Outlook(held=movability.held_back(seen), others=found)

    def candidates(self, guest: Guest) -> list[Candidate]:
        """Every host, the one that has the guest last."""
        _, here = self._guest(guest)
        rest = [Candidate(host=self._hosts[here], reason="has the VM now")] if here in self._hosts else []
        return [*self.outlook(guest).others, *rest]

    def _guest(self, guest: Guest) -> tuple[GuestSeen, int | None]:
        here = guest.current_sighting()
        others = [each for each in guest.sightings.all() if each.gone_since is None and each != here]
        seen = GuestSeen(
            state=RunState(here.state) if here else RunState.NOSTATE,
            here=(self._seen.get(here.host_id) or _unread(here.host)) if here else None,
            unread=closed(here.host) if here else "",
            read=guest.details_seen_at is not None,
            memory_kib=guest.memory_kib,
            nics=guest.nics,
            devices=guest.host_devices,
            also={each.host.name: RunState(each.state) for each in others},
            receiving=next((each.host.name for each in others if each.may_arrive and each.stale_since is None), ""),
        )
        return seen, here.host_id if here else None

    def _candidate(self, guest: GuestSeen, pk: int) -> Candidate:
        there = self._seen[pk]
        notes = () if there.closed else movability.objections(guest, there)
        return Candidate(host=self._hosts[pk], reason=there.closed, notes=notes)


def inventory(user: Any) -> Inventory:
    return Inventory(Host.objects.visible_to(user))


def candidates(user: Any, guest: Guest) -> list[Candidate]:
    """For the list of destinations: hosts that the user operates. They know how many VMs they run."""
    return Inventory(operated(host_rows(user), user)).candidates(guest)


def destinations(user: Any) -> set[int]:
    """The hosts to which the user may migrate VMs, whatever is there."""
    return set(operated(Host.objects.visible_to(user), user).values_list("pk", flat=True))


def _unread(host: Host) -> HostSeen:
    """Of another group: the VM runs there, and one of the user's hosts has its definition."""
    return HostSeen(name=host.name, closed="", memory_free_kib=0, networks={}, bridges={})


def _closed(host: Host) -> str:
    return closed(host) or ("" if host.peer else "has no address for other hosts: enter one on its page")


def _active(model: type[Network] | type[Bridge], hosts: Mapping[int, Host]) -> dict[int, dict[str, bool]]:
    """Host -> name -> active, of what is still there."""
    found: dict[int, dict[str, bool]] = {}
    rows = model.objects.filter(gone_since=None, host__in=hosts)
    for host, name, active in rows.values_list("host_id", "name", "active"):
        found.setdefault(host, {})[name] = active
    return found
