"""Pools, volumes, networks and bridges into rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from hosts.facts import network, storage
from hosts.facts.text import as_uuid, clean, count
from hosts.models import Bridge, Network, StoragePool, Volume
from hosts.watcher.rows import assign, fit, locked_host, outdated, stored
from kvmweb.journal import writer

Place = TypeVar("Place", StoragePool, Network, Bridge)

_LONGEST_SOURCE = 4000
_BATCH = 500


@stored
def pools_seen(pk: int, pools: Sequence[storage.Pool], *, started: datetime) -> None:
    values = {
        fit(StoragePool, "name", pool.name): {
            "uuid": uuid,
            "type": fit(StoragePool, "type", pool.type),
            "target_path": fit(StoragePool, "target_path", pool.target_path),
            "source": clean(source_text(pool), _LONGEST_SOURCE),
            "active": pool.active,
            "autostart": pool.autostart,
            "capacity": count(pool.capacity),
            "allocation": count(pool.allocation),
            "available": count(pool.available),
        }
        for pool in pools
        if (uuid := as_uuid(pool.uuid)) is not None
    }
    _store(StoragePool, pk, values, started)


@stored
def networks_seen(pk: int, networks: Sequence[network.Network], *, started: datetime) -> None:
    values = {
        fit(Network, "name", item.name): {
            "uuid": uuid,
            "bridge": fit(Network, "bridge", item.bridge),
            "forward": fit(Network, "forward", item.forward),
            "active": item.active,
            "autostart": item.autostart,
        }
        for item in networks
        if (uuid := as_uuid(item.uuid)) is not None
    }
    _store(Network, pk, values, started)


@stored
def bridges_seen(pk: int, interfaces: Sequence[network.Interface], *, started: datetime) -> None:
    values = {fit(Bridge, "name", item.name): {"active": item.active} for item in interfaces if item.is_bridge}
    _store(Bridge, pk, values, started)


def _store(model: type[Place], pk: int, values: dict[str, dict[str, Any]], started: datetime) -> None:
    """Make, change and mark as gone, by name; rows seen after `started` stay as they are."""
    host = locked_host(pk)
    if host is None:
        return
    shown = False
    known: dict[str, Place] = {row.name: row for row in model.objects.filter(host=host)}
    for name, columns in values.items():
        row = known.get(name)
        if row is None:
            model.objects.create(host=host, name=name, seen_at=started, **columns)
            shown = True
        elif not outdated(started, row.gone_since or row.seen_at):
            differs: list[str] = assign(row, columns | {"gone_since": None})
            row.seen_at = started
            row.save(update_fields=[*differs, "seen_at"])
            shown = shown or bool(differs)
    for name, row in known.items():
        if name not in values and row.gone_since is None and not outdated(started, row.seen_at):
            row.gone_since = started
            row.save(update_fields=["gone_since"])
            shown = True
    if shown:
        writer.signal(writer.INVENTORY, hosts=[pk], guests=[])


@stored
def volumes_seen(pk: int, pool_name: str, volumes: Sequence[storage.Volume], *, started: datetime) -> bool:
    """The pool's volumes, replaced by these; False when the pool is not known here."""
    host = locked_host(pk)
    pool = StoragePool.objects.filter(host=host, name=pool_name).first() if host else None
    if pool is None or outdated(started, pool.volumes_seen_at):
        return pool is not None
    rows = {
        (name := fit(Volume, "name", volume.name)): Volume(
            pool=pool,
            name=name,
            path=fit(Volume, "path", volume.path),
            format=fit(Volume, "format", volume.format),
            capacity=count(volume.capacity),
            allocation=count(volume.allocation),
        )
        for volume in volumes
    }
    pool.volumes.all().delete()
    Volume.objects.bulk_create(rows.values(), batch_size=_BATCH)
    pool.volumes_seen_at = started
    pool.save(update_fields=["volumes_seen_at"])
    writer.signal(writer.INVENTORY, hosts=[pk], guests=[])
    return True


def source_text(pool: storage.Pool) -> str:
    """What makes two pools the same storage: "glusterfs gl:/testvms", "/dev/sdb"; "" for a directory."""
    hosts = ",".join(pool.source_hosts)
    place = ",".join(part for part in (pool.source_dir, pool.source_name, *pool.source_devices) if part)
    where = f"{hosts}:{place}" if hosts else place
    return f"{pool.source_format} {where}".strip() if where else ""
