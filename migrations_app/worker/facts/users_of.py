"""Who uses a rollback copy: every registered host is asked about all its VMs, and no answer is a reason too.

Running and saved definitions, definitions kept with a saved state, and images in pools that build on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings

from hosts.facts.guest import GuestDefinition
from hosts.facts.storage import Mount
from hosts.gateway.port import GatewayError, GuestMissing, HostConnection
from hosts.gateway.probes.file_identity import file_identity
from hosts.gateway.probes.mounts import mounts
from hosts.models import Host
from hosts.words.contact import unreachable
from kvmweb.web.plain import isolated
from migrations_app.domain.disks import folder
from migrations_app.domain.uses import paths_of, uses
from migrations_app.models import RollbackCopy

Connect = Callable[..., HostConnection]
AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One host: why the copy may not be deleted, and the file system under the copy's folder there."""

    host: Host
    unanswered: str = ""
    users: tuple[str, ...] = ()
    mount: Mount | None = None


def why_used(copy: RollbackCopy, *, connect: Connect) -> list[str]:
    """Sentences, each a reason not to delete it; [] when no VM uses it for certain."""
    rows = list(Host.objects.order_by("name"))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = list(pool.map(lambda host: _ask(copy, host, connect), rows))
    own = next((one for one in asked if one.host.pk == copy.host_id), None)
    return [sentence for one in asked for sentence in _reasons(copy, one, own)]


def _reasons(copy: RollbackCopy, asked: _Asked, own: _Asked | None) -> Iterator[str]:
    if asked.unanswered:
        yield asked.unanswered
        return
    at_home = asked.host.pk == copy.host_id
    if not at_home and _another_file(copy, asked, own):
        return
    for user in asked.users:
        if at_home:
            yield f"{user} on {asked.host} uses it."
        else:
            yield (
                f"{user} on {asked.host} uses a file with this path, and kvmweb cannot tell whether {asked.host} and"
                f" {copy.host} share it."
            )


def _another_file(copy: RollbackCopy, asked: _Asked, own: _Asked | None) -> bool:
    """Whether this path on the other host is another file for certain: the migration made it there, or both hosts have
    their own file system there."""
    migration = copy.migration
    made = {volume["path"] for volume in migration.created_volumes if volume["made"]}
    if asked.host.pk == migration.target_id and copy.host_id != migration.target_id and copy.path in made:
        return True
    here = own.mount if own else None
    return bool(here and asked.mount and here.shared is False and asked.mount.shared is False)


def _ask(copy: RollbackCopy, host: Host, connect: Connect) -> _Asked:
    unknown = f"kvmweb cannot tell whether a VM on {host} uses it"
    try:
        connection = connect(host.endpoint, deadline=settings.KVMWEB.host_deadline_seconds)
    except GatewayError as error:
        return _Asked(host=host, unanswered=f"{unknown}: {unreachable(host, error.message)[0]}")
    try:
        answers = connection.identity().uuid
        if host.host_uuid and str(host.host_uuid) != answers:
            return _Asked(host=host, unanswered=f"{unknown}: another machine answers at its address.")
        found = (connection.probe(mounts, folder(copy.path)) or {}).get(folder(copy.path))
        users = tuple(dict.fromkeys(_users(copy, connection, at_home=host.pk == copy.host_id)))
        return _Asked(host=host, users=users, mount=found)
    except GatewayError as error:
        return _Asked(host=host, unanswered=f"{unknown}: {error.message}")
    finally:
        connection.close()


def _users(copy: RollbackCopy, connection: HostConnection, *, at_home: bool) -> Iterator[str]:
    """Names of VMs and images. Raises GatewayError."""
    paths: dict[str, str] = {}
    for status in connection.guests():
        name = isolated(status.name)
        try:
            definitions = _definitions(connection, status.uuid)
        except GuestMissing:
            continue
        for definition in definitions:
            if uses(definition, path=copy.path, pool=copy.pool, volume=copy.volume):
                yield name
            paths |= dict.fromkeys(paths_of(definition), name)
    if at_home:
        yield from _same_file(copy, connection, paths)
    for pool in connection.pools():
        if pool.active:
            for volume in connection.volumes(pool.name):
                if volume.backing and volume.backing == copy.path:
                    yield f"The image {volume.path}"


def _definitions(connection: HostConnection, uuid: str) -> list[GuestDefinition]:
    details = connection.guest_details(uuid)
    found = [details.definition, *([details.live] if details.live else [])]
    return [*found, connection.managed_save_definition(uuid)] if details.managed_save else found


def _same_file(copy: RollbackCopy, connection: HostConnection, paths: dict[str, str]) -> Iterator[str]:
    """VMs whose disk has another path to the same file: a link."""
    wanted = copy.identity.get("file", "")
    others = [path for path in paths if path.startswith("/") and path != copy.path]
    found = (connection.probe(file_identity, *others) if wanted and others else None) or {}
    for path, identity in found.items():
        if identity == wanted:
            yield paths[path]
