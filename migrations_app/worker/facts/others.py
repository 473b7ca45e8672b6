"""Every registered host that has no part in a migration: whether it has the guest too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings

from hosts.facts.guest import GuestLook
from hosts.gateway.port import GatewayError, HostConnection
from hosts.models import Host
from hosts.words.contact import unreachable
from migrations_app.domain.kinds import KIND
from migrations_app.domain.request import MigrationRequest

Connect = Callable[..., HostConnection]
#: hosts that are asked at the same time
AT_ONCE = 16


def others(uuid: str, *, without: tuple[Host, ...], connect: Connect) -> Mapping[str, GuestLook]:
    """By the host's name. One that cannot be asked, or is another machine than the registered one, has not answered."""
    rows = list(Host.objects.exclude(pk__in=[host.pk for host in without]).order_by("name"))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        looks = pool.map(lambda host: _look(uuid, host, connect), rows)
        return {host.name: look for host, look in zip(rows, looks, strict=True)}


def others_of(request: MigrationRequest, *, without: tuple[Host, ...], connect: Connect) -> Mapping[str, GuestLook]:
    """Nobody is asked for a kind that only migrates VMs that run."""
    row = KIND[request.kind]
    return others(request.guest, without=without, connect=connect) if row.off or row.same_host else {}


def _look(uuid: str, host: Host, connect: Connect) -> GuestLook:
    try:
        connection = connect(host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
    except GatewayError as error:
        return GuestLook(answered=False, error=unreachable(host, error.message)[0])
    try:
        answers = connection.identity().uuid
        if host.host_uuid and str(host.host_uuid) != answers:
            return GuestLook(answered=False, error=f"another machine answers at its address: host UUID {answers}")
        return connection.look(uuid)
    except GatewayError as error:
        return GuestLook(answered=False, error=error.message)
    finally:
        connection.close()
