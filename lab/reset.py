"""Putting a lab back into its first state, fast enough to do it before every test."""

from __future__ import annotations

import signal
import time
from xml.etree import ElementTree

from lab import guests, node, storage
from lab.bringup import in_parallel
from lab.host import DAEMONS, Host
from lab.run import CommandFailed, LabError
from lab.state import GuestSpec, LabState
from lab.ticks import TickReceiver

BOOT_SECONDS = 90
SILENT_SECONDS = 3.0
DROP_SECONDS = 30.0
UNDEFINE = ("--nvram", "--managed-save", "--snapshots-metadata", "--checkpoints-metadata")


def create_guest(host: Host, spec: GuestSpec, ticks: tuple[str, int]) -> None:
    """Make the guest's disk and the guest, and start it if it is to run."""
    if spec.storage:
        _create_disk(host, spec)
    host.exec("virsh", "-q", "define", "/dev/stdin", stdin=guests.domain_xml(spec, ticks=ticks))
    if spec.running:
        host.virsh("start", spec.name)


def _create_disk(host: Host, spec: GuestSpec) -> None:
    """Again when it fails, as when somebody has made the pool inactive meanwhile. What is half made then stays."""
    name, pool = f"{spec.name}.qcow2", spec.storage
    create = ("vol-create-as", pool, name, f"{spec.disk_mib}M", "--format", "qcow2")
    try:
        host.virsh(*create)
    except CommandFailed:
        for command in (("pool-start", pool), ("pool-refresh", pool), ("vol-delete", name, "--pool", pool)):
            host.virsh(*command, check=False)
        host.virsh(*create)


def create_guests(hosts: list[Host], specs: list[GuestSpec], ticks: tuple[str, int]) -> None:
    """Create guests, all at once, and return when those that run are heard."""
    by_name = {host.name: host for host in hosts}
    with TickReceiver(*ticks) as receiver:
        in_parallel(lambda spec: create_guest(by_name[spec.host], spec, ticks), specs)
        refresh_pools(hosts)
        deadline = time.monotonic() + BOOT_SECONDS
        for spec in specs:
            if spec.running and not receiver.wait_for(spec.name, since=0, timeout=deadline - time.monotonic()):
                raise LabError(f"guest {spec.name} was not heard within {BOOT_SECONDS} s of its start")


def refresh_pools(hosts: list[Host]) -> None:
    for pool in guests.POOLS:
        in_parallel(lambda host, name=pool: host.virsh("pool-refresh", name), hosts)  # type: ignore[misc]


def reset(lab: LabState, hosts: list[Host], ticks: tuple[str, int]) -> None:
    """Heal hosts, drop strangers, bring every initial guest home; a guest that was changed is made anew.

    Most of the time little is to be done: what is asked then is asked at once (`Host.ask`)."""
    in_parallel(lambda host: _heal(host, lab), hosts)
    in_parallel(_end_jobs, hosts)
    keep = {spec.uuid for spec in lab.guests}
    in_parallel(lambda host: _drop_domains(host, [u for u in host.domains() if u not in keep]), hosts)
    there = in_parallel(Host.domains, hosts)

    def is_home(spec: GuestSpec) -> bool:
        holders = [host for host, domains in zip(hosts, there, strict=True) if spec.uuid in domains]
        return _is_home(spec, holders, ticks) or _brought_home(spec, holders, hosts, ticks)

    home = in_parallel(is_home, lab.guests)
    anew = [spec for spec, is_there in zip(lab.guests, home, strict=True) if not is_there]
    anew += _silent([spec for spec in lab.guests if spec.running and spec not in anew], ticks)
    for spec in anew:
        in_parallel(lambda host, uuid=spec.uuid: _drop_domains(host, [uuid]), hosts)  # type: ignore[misc]
    if _drop_volumes(hosts, [spec for spec in lab.guests if spec not in anew]) or anew:
        create_guests(hosts, anew, ticks)
        by_name = {host.name: host for host in hosts}
        in_parallel(lambda spec: _wait_for_content(by_name[spec.host], spec), [spec for spec in anew if spec.running])


def _wait_for_content(host: Host, spec: GuestSpec) -> None:
    """A guest is heard before it has filled its disk, and an empty one is copied in a moment."""
    deadline = time.monotonic() + BOOT_SECONDS
    while spec.disk_fill_mib and _allocated(host, spec) < spec.disk_fill_mib << 20:
        if time.monotonic() > deadline:
            raise LabError(f"guest {spec.name} did not fill its disk within {BOOT_SECONDS} s")
        time.sleep(0.1)


def _allocated(host: Host, spec: GuestSpec) -> int:
    return int(host.exec("stat", "-c", "%b", guests.disk_path(spec))) * 512


def _silent(specs: list[GuestSpec], ticks: tuple[str, int]) -> list[GuestSpec]:
    """Guests that are at home and not heard: libvirt calls them running, but what a test did has made them hang."""
    with TickReceiver(*ticks) as receiver:
        since = time.monotonic()
        return [spec for spec in specs if not receiver.wait_for(spec.name, since=since, timeout=SILENT_SECONDS)]


def _heal(host: Host, lab: LabState) -> None:
    """Continue stopped processes, start dead daemons, set links up, restore pools and networks."""
    host.cont_everything()
    host.plug_in()
    host.shape(lab.shape_mbit)
    for name in DAEMONS:
        host.start_daemon(name)
    found = host.ask("pool-list --all --name", "pool-list --name", "net-list --all --name", "net-list --name")
    pools, active_pools, networks, active_networks = (set(names.split()) for names in found)
    own = {*guests.POOLS, guests.BOOT_POOL}
    for pool in pools - own:
        storage.drop_pool(host, pool)
    for name in networks - {storage.NETWORK}:
        host.virsh("net-destroy", name, check=False)
        host.virsh("net-undefine", name, check=False)
    if own - active_pools:
        storage.ensure_pools(host, lab.shared_storage)
    if storage.NETWORK not in active_networks:
        storage.ensure_network(host)


def _end_jobs(host: Host) -> None:
    """Cancel running migrations, and wait until libvirt has cleaned up after them."""
    running = host.virsh("list", "--uuid").split()
    jobs = host.ask(*(f"domjobinfo {uuid}" for uuid in running))
    for uuid in [uuid for uuid, job in zip(running, jobs, strict=True) if "None" not in (job or "None")]:
        deadline = time.monotonic() + 15
        while "None" not in (host.virsh("domjobinfo", uuid, check=False) or "None"):
            host.virsh("domjobabort", uuid, check=False)
            if time.monotonic() > deadline:
                host.virsh("destroy", uuid, check=False)
            time.sleep(0.1)


def _drop_domains(host: Host, uuids: list[str]) -> None:
    if not uuids:
        return
    for uuid in set(uuids) & set(host.domains()):
        host.virsh("destroy", uuid, check=False)
        host.virsh("undefine", uuid, *UNDEFINE, check=False)
    deadline = time.monotonic() + DROP_SECONDS
    while left := set(host.domains()) & set(uuids):
        if time.monotonic() > deadline:
            raise LabError(f"{host.name} keeps domains {sorted(left)}")
        for uuid in left:  # whose QEMU answers libvirt no more, as after a cut post-copy
            for pid in host.qemus_of(uuid):
                node.send(pid, signal.SIGKILL)
            host.virsh("undefine", uuid, *UNDEFINE, check=False)
        time.sleep(0.2)


def _drop_volumes(hosts: list[Host], kept: list[GuestSpec]) -> bool:
    """Delete every volume but the disks of guests that stay; returns whether there were any. One host deletes those on
    shared storage: libvirt makes a pool inactive when it is refreshed while a file of it goes."""

    def drop(host: Host) -> bool:
        pools = [pool for pool in guests.POOLS if pool != storage.SHARED or host is hosts[0]]
        found = host.ask(*(f"pool-refresh {pool}; vol-list {pool}" for pool in pools))
        dropped = False
        for pool, listing in zip(pools, found, strict=True):
            wanted = {
                f"{s.name}.qcow2" for s in kept if s.storage == pool and (pool == storage.SHARED or s.host == host.name)
            }
            for volume in storage.volumes(listing) - wanted:
                storage.delete_volume(host, pool, volume)
                dropped = True
        return dropped

    dropped = any(in_parallel(drop, hosts))
    in_parallel(lambda host: host.virsh("pool-refresh", storage.SHARED), hosts[1:])
    return dropped


def _is_home(spec: GuestSpec, holders: list[Host], ticks: tuple[str, int]) -> bool:
    """Whether the guest is on its own host only, in its first state, unchanged. `holders`: the hosts that have it."""
    return [host.name for host in holders] == [spec.host] and _is_unchanged(holders[0], spec, ticks)


def _is_unchanged(host: Host, spec: GuestSpec, ticks: tuple[str, int]) -> bool:
    what = ("dominfo {}", "snapshot-list {} --name", "dumpxml {}", "dumpxml {} --inactive")
    said, snapshots, live_xml, stored_xml = host.ask(*(one.format(spec.uuid) for one in what))
    info = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    state = "running" if spec.running else "shut off"
    first = {"Name": spec.name, "State": state, "Persistent": "yes", "Autostart": "disable"}
    if any(info.get(key, "").strip() != value for key, value in first.items()):
        return False
    if info.get("Managed save", "no").strip() != "no" or snapshots.strip():
        return False
    wanted = guests.fingerprint(guests.domain_xml(spec, ticks=ticks))
    live = guests.fingerprint(live_xml, live=spec.running)
    stored = guests.fingerprint(stored_xml)
    return live == stored == wanted


def _brought_home(spec: GuestSpec, holders: list[Host], hosts: list[Host], ticks: tuple[str, int]) -> bool:
    """Move a guest that runs elsewhere back; False when it has to be made anew."""
    home = next(host for host in hosts if host.name == spec.host)
    if len(holders) != 1 or holders[0] is home or not spec.running:
        return False
    away = holders[0]
    try:
        if away.domain_state(spec.uuid) != "running" or not _is_unchanged(away, spec, ticks):
            return False
        copy = ["--copy-storage-all"] if spec.storage == "local" else []
        if copy:
            home.virsh("vol-delete", f"{spec.name}.qcow2", "--pool", "local", check=False)
        migrate = ["migrate", "--live", "--p2p", "--persistent", "--undefinesource", *copy, spec.uuid]
        away.virsh(*migrate, f"qemu+tcp://{home.address}/system", f"tcp://{home.migration_address}", timeout=60)
    except (CommandFailed, ElementTree.ParseError):
        return False
    return _is_home(spec, [host for host in hosts if spec.uuid in host.domains()], ticks)
