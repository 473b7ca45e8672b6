"""What is stored about a VM and the hosts, for the choice of one. No host is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hosts.facts.guest import RunState
from hosts.models import Guest, Host, StoragePool
from migrations_app.models import Migration
from migrations_app.reading.movability import Inventory
from portal.domain.place import VM, Candidate


def situation(guest: Guest) -> tuple[VM, list[Candidate]]:
    """The VM's own host is among them: disks can change their place there."""
    hosts = list(Host.objects.select_related("group"))
    here = guest.current_sighting()
    inventory = Inventory(hosts)
    against = {one.host.pk: tuple(filter(None, (one.reason, *one.notes))) for one in inventory.outlook(guest).others}
    moves = list(Migration.objects.active().values_list("source", "target", "guest__memory_kib"))
    busy = Counter(side for source, target, _ in moves for side in {source, target})
    coming = Counter({target: 0 for _, target, _ in moves})
    for source, target, memory in moves:
        coming[target] += memory if source != target else 0
    pools = _pools(hosts)
    needs = guest.memory_kib if here is not None and RunState(here.state).active else 0
    vm = VM(here=here.host_id if here else None, held=inventory.outlook(guest).held, needs_kib=needs)
    found = [
        Candidate(
            host=host.pk,
            name=host.name,
            site=host.group.site if host.group else "",
            against=against.get(host.pk, ()),
            memory_free_kib=host.memory_free_kib,
            memory_total_kib=host.memory_total_kib,
            coming_kib=coming[host.pk],
            in_flight=busy[host.pk],
            pools=frozenset(pools.get(host.pk, ())),
        )
        for host in hosts
    ]
    return vm, found


def _pools(hosts: Iterable[Host]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = StoragePool.objects.filter(host__in=hosts, active=True, gone_since=None)
    for host, name in rows.values_list("host_id", "name"):
        found.setdefault(host, []).append(name)
    return found
