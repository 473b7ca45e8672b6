"""Starting a lab and removing one: `build` returns when hosts, storage and networks work; `remove` leaves nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from lab import certificates, gluster, guestimage, guests, hostfiles, keys, network, node, roots, state, storage
from lab.host import DAEMONS, Host
from lab.hostfiles import Identity, KeyPair
from lab.network import FIRST_HOST, NAMES, STORAGE, Plan
from lab.node import NodePlan, Process
from lab.run import CommandFailed, LabError
from lab.state import HostState, LabState

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
MOST_HOSTS = 8


@dataclass(frozen=True)
class Wanted:
    """What `up` was asked for. `rootfs` maps a host's name to a suite or a folder.

    `owned`: the lab ends with this process, and nobody else may remove it before. When this process is killed, the next
    `up` of any lab removes it.
    """

    prefix: str
    hosts: int = 2
    profile: str = "test"
    shape_mbit: int | None = None
    use_gluster: bool = True
    rootfs: dict[str, str] = field(default_factory=dict)
    owned: bool = False

    def names(self) -> list[str]:
        return [f"kvm-{chr(ord('a') + number)}" for number in range(self.hosts)]


@dataclass(frozen=True)
class _Root:
    path: Path
    suite: str


def in_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Do `work` for all items at once; raises the first error after all have ended."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=len(items)) as pool:
        return [future.result() for future in [pool.submit(work, item) for item in items]]


def build(wanted: Wanted) -> LabState:
    """Start everything but the guests. The caller holds the lab's lock and has called `remove`."""
    if not 1 <= wanted.hosts <= MOST_HOSTS:
        raise LabError(f"a lab has 1 to {MOST_HOSTS} hosts")
    if unknown := set(wanted.rootfs) - set(wanted.names()):
        raise LabError(f"--rootfs names hosts that this lab does not have: {', '.join(sorted(unknown))}")
    native = _Root(roots.ensure(roots.native_suite()), roots.native_suite())
    host_roots = {name: _Root(*roots.resolve(choice)) for name, choice in wanted.rootfs.items()}
    image = guestimage.ensure(native.path)
    lab, plan = _start_switch(wanted, native)
    assert lab.switch is not None
    _start_names(lab.switch, plan, wanted.names())
    lab.storage = _start_storage_node(lab, plan, native)
    state.save(lab)
    identities = _identities(lab, plan, wanted.names())
    for number, name in enumerate(wanted.names()):
        root = host_roots.get(name, native)
        lab.hosts.append(_start_host_node(lab, plan, root, identities[name], FIRST_HOST + number, image))
        state.save(lab)
    hosts = [Host(host) for host in lab.hosts]
    with ThreadPoolExecutor(max_workers=1) as pool:
        volume = pool.submit(_start_volume, lab, wanted.use_gluster)
        in_parallel(_start_daemons, hosts)
        lab.shared_storage, lab.fallback_reason = volume.result()
    if lab.shared_storage == storage.GLUSTERFS and (reason := _why_unmountable(hosts)):
        lab.shared_storage, lab.fallback_reason = storage.DIRECTORY, reason
    state.save(lab)
    in_parallel(lambda host: storage.prepare(host, lab.shared_storage), hosts)
    for host in hosts:
        host.shape(lab.shape_mbit)
    return lab


def remove(prefix: str) -> bool:
    """Remove everything of a lab, running or not; returns whether there was anything."""
    known = state.load(prefix)
    there = state.folder(prefix).exists()
    node.kill([process for process in (known.nodes() if known else []) if process not in node.find(prefix).values()])
    # More than once: a process killed while it started a node may have left two processes with that node's name.
    while found := node.find(prefix):
        there = True
        # Hosts before storage: a mount whose server is gone may hold up the end of its users.
        servers = [found[name] for name in (gluster.SERVER, "switch") if name in found]
        node.kill([process for process in found.values() if process not in servers])
        node.kill(servers)
    network.remove_machine_links(prefix)
    for folder in (state.disk_folder(prefix), state.folder(prefix)):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise LabError(f"{folder} cannot be removed")
    return there


def _start_switch(wanted: Wanted, root: _Root) -> tuple[LabState, Plan]:
    files = hostfiles.resolver_files("switch", "127.0.0.1")
    switch_plan = NodePlan(wanted.prefix, "switch", root.path, state.disk_folder(wanted.prefix) / "switch", files)
    with state.locked("networks"):
        plan = Plan(wanted.prefix, network.free_index(wanted.prefix))
        switch = node.start(switch_plan)
        network.build_switch(switch, plan)
    lab = LabState(wanted.prefix, plan.index, wanted.profile, shape_mbit=wanted.shape_mbit, switch=switch)
    state.save(lab)
    return lab, plan


def _start_names(switch: Process, plan: Plan, names: list[str]) -> None:
    """The lab's own name server: every name forwards and backwards, and "no such name" at once for anything else."""
    own = plan.address("mgmt", NAMES)
    records = {"switch": own, gluster.SERVER: plan.address("mgmt", STORAGE)}
    for number, name in enumerate(names):
        records[name] = plan.address("mgmt", FIRST_HOST + number)
        records[f"{name}-mig"] = plan.address("mig", FIRST_HOST + number)
    command = ["/usr/sbin/dnsmasq", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--local=/#/"]
    command += [f"--listen-address={own}", "--bind-interfaces", "--pid-file=/run/dnsmasq.pid"]
    command += [f"--host-record={name},{address}" for name, address in records.items()]
    node.run_in(switch, command)


def _start_storage_node(lab: LabState, plan: Plan, root: _Root) -> Process:
    assert lab.switch is not None
    folder = state.disk_folder(lab.prefix) / gluster.SERVER
    brick = folder / "brick"
    brick.mkdir(parents=True)
    files = hostfiles.resolver_files(gluster.SERVER, plan.address("mgmt", NAMES))
    binds = [(brick, gluster.BRICK, False)]
    process = node.start(NodePlan(lab.prefix, gluster.SERVER, root.path, folder, files, binds))
    network.plug(lab.switch, process, gluster.SERVER, ["mgmt"])
    address = plan.address("mgmt", STORAGE)
    network.batch(process, ["link set lo up", f"address add {address}/24 dev mgmt", "link set mgmt up"])
    return process


def _start_volume(lab: LabState, use_gluster: bool) -> tuple[str, str]:
    """Start the Gluster volume; say which kind of shared storage this lab has, and why if it is the fallback."""
    assert lab.storage is not None
    if not use_gluster:
        return storage.DIRECTORY, "asked for"
    if not Path("/dev/fuse").exists():
        return storage.DIRECTORY, "this machine has no /dev/fuse"
    try:
        gluster.start(lab.storage)
    except LabError as failure:
        return storage.DIRECTORY, str(failure)
    return storage.GLUSTERFS, ""


def _why_unmountable(hosts: list[Host]) -> str:
    """Why the Gluster volume cannot be used: the first host that could not mount it. Then no host has it any more."""
    try:
        in_parallel(lambda host: storage.ensure_pool(host, storage.SHARED, storage.GLUSTERFS), hosts)
    except CommandFailed as failure:
        in_parallel(lambda host: storage.drop_pool(host, storage.SHARED), hosts)
        return f"a host cannot mount the volume: {' '.join(failure.output.split())}"
    return ""


def _identities(lab: LabState, plan: Plan, names: list[str]) -> dict[str, Identity]:
    """Keys of all hosts. Root of each host may log in on all others, for peer-to-peer migration over ssh."""
    assert lab.switch is not None
    switch = lab.switch
    own = keys.ensure(lab.prefix, "lab", switch)
    host_keys: dict[str, KeyPair] = {name: keys.ensure(lab.prefix, f"{name}-host", switch) for name in names}
    root_keys: dict[str, KeyPair] = {name: keys.ensure(lab.prefix, f"{name}-root", switch) for name in names}
    authority = certificates.authority(lab.prefix, switch)
    known = []
    signed = {}
    for number, name in enumerate(names):
        addresses = [plan.address(net, FIRST_HOST + number) for net in ("mgmt", "mig")]
        known.append(f"{','.join([name, f'{name}-mig', *addresses])} {_bare(host_keys[name])}")
        signed[name] = authority.ensure(name, addresses)
    authorized = [own.public.strip(), *(key.public.strip() for key in root_keys.values())]
    return {
        name: Identity(
            name=name,
            uuid=guests.stable_uuid(lab.prefix, name),
            host_key=host_keys[name],
            root_key=root_keys[name],
            authorized=authorized,
            known_hosts=known,
            tls=signed[name],
        )
        for name in names
    }


def _bare(key: KeyPair) -> str:
    return " ".join(key.public.split()[:2])


def _start_host_node(lab: LabState, plan: Plan, root: _Root, identity: Identity, number: int, image: Path) -> HostState:
    assert lab.switch is not None
    disks = state.disk_folder(lab.prefix)
    shared = disks / "shared"
    images, fast = (disks / identity.name / name for name in ("images", "fast"))
    for folder in (shared, images, fast):
        folder.mkdir(parents=True, exist_ok=True)
    binds = [
        (image / guestimage.BOOT, guests.BOOT, True),
        (image / guestimage.PRELOAD, hostfiles.PRELOAD, True),
        (shared, storage.SHARED_FOLDER, False),
        (images, guests.POOLS["local"], False),
        (fast, guests.POOLS["fast"], False),
    ]
    # virtlogd wants its folder; sshd its own; libvirt makes the rest.
    folders = ["/var/log/libvirt/qemu", "/run/sshd", "/run/lock", guests.POOLS["testvms"], "/var/lib/libvirt/qemu"]
    files = hostfiles.host_files(root.path, identity, plan.address("mgmt", NAMES))
    node_plan = NodePlan(lab.prefix, identity.name, root.path, disks / identity.name, files, binds, folders)
    process = node.start(node_plan)
    network.plug(lab.switch, process, identity.name, network.NETWORKS)
    addresses = {name: plan.address(name, number) for name in ("mgmt", "mig")}
    lines = ["link set lo up", "link add br1 type bridge stp_state 0 forward_delay 0"]
    for name, address in addresses.items():
        lines += [f"address add {address}/24 dev {name}", f"link set {name} up"]
    network.batch(process, [*lines, "link set guest master br1", "link set guest up", "link set br1 up"])
    network.lead_nobody(process, "guest")
    return HostState(
        name=identity.name,
        process=process,
        address=addresses["mgmt"],
        migration_address=addresses["mig"],
        uuid=identity.uuid,
        suite=root.suite,
        host_key=_bare(identity.host_key),
    )


def _start_daemons(host: Host) -> None:
    for name in DAEMONS:
        host.start_daemon(name)
