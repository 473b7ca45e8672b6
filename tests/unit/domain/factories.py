"""A healthy set of facts, of which a test changes one thing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import migrations_app.domain.preflight.catalog  # noqa: F401  registers the checks
from hosts.facts.guest import Cpu, Disk, GuestDefinition, GuestLook, GuestStatus, Nic, RunState
from hosts.facts.host import (
    CpuMode,
    DomainCapabilities,
    GuestArch,
    HostCapabilities,
    HostIdentity,
    MachineType,
    NodeMemory,
)
from hosts.facts.network import Interface, Network
from hosts.facts.storage import Pool, Qcow2, Qcow2Header, Volume
from hosts.facts.unknown import Unknown
from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options
from migrations_app.domain.placement import placements
from migrations_app.domain.preflight.check import CHECKS, Finding, Severity
from migrations_app.domain.preflight.engine import run_one
from migrations_app.domain.preflight.facts import Facts, PeerFact
from migrations_app.domain.preflight.facts.guest import GuestFacts
from migrations_app.domain.preflight.facts.host import SourceFacts, TargetFacts
from migrations_app.domain.request import MigrationRequest
from tests.unit.domain.wording import complaints

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
GIB = 1024**3
EMULATOR = "/usr/bin/qemu-system-x86_64"
SHARED = "/vms/web01.qcow2"
LOCAL = "/local/data.qcow2"
SILENT = Unknown("kvm-b did not say.", "Try again.")

disk = Disk(target="vda", device="disk", type="file", path=SHARED, format="qcow2", cache="none", bus="virtio")
local_disk = replace(disk, target="vdb", path=LOCAL)
volume = Volume(
    pool="testvms", name="web01.qcow2", path=SHARED, type="file", format="qcow2", capacity=4 * GIB, allocation=GIB
)
local_volume = replace(volume, pool="local", name="data.qcow2", path=LOCAL)
shared_pool = Pool(
    name="testvms",
    uuid="11111111-1111-1111-1111-111111111111",
    type="netfs",
    target_path="/vms",
    active=True,
    autostart=True,
    capacity=100 * GIB,
    allocation=10 * GIB,
    available=90 * GIB,
    source_hosts=("nas",),
    source_dir="/testvms",
    source_format="glusterfs",
)
local_pool = replace(
    shared_pool, name="local", type="dir", target_path="/local", source_hosts=(), source_dir="", source_format=""
)
network = Network(
    name="lan", uuid="22222222-2222-2222-2222-222222222222", active=True, autostart=True, bridge="br1", forward="bridge"
)
bridge = Interface(name="br1", active=True, is_bridge=True)
nic = Nic(type="bridge", source="br1", mac="52:54:00:00:00:01", model="virtio")
network_nic = replace(nic, type="network", source="lan", mac="52:54:00:00:00:02")

guest = GuestDefinition(
    uuid=UUID,
    name="web01",
    virt_type="kvm",
    arch="x86_64",
    machine="pc-q35-7.2",
    emulator=EMULATOR,
    memory_kib=2 * 1024**2,
    current_memory_kib=2 * 1024**2,
    vcpus=2,
    cpu=Cpu(mode="custom", model="Skylake-Server", vendor="Intel", xml="<cpu mode='custom'/>"),
    disks=(disk,),
    nics=(nic, network_nic),
)
look = GuestLook(answered=True, present=True, state=RunState.RUNNING, reason="booted", persistent=True)
other = GuestStatus(uuid="99999999-9999-9999-9999-999999999999", name="web01", state=RunState.SHUTOFF, reason="")
capabilities = HostCapabilities(
    host_uuid="aaaaaaaa-0000-0000-0000-000000000001",
    arch="x86_64",
    cpu_model="Skylake-Server",
    cpu_vendor="Intel",
    cpu_features=frozenset({"avx2", "aes"}),
    cpus=8,
    qemu_uid=0,
    guests=(
        GuestArch(
            arch="x86_64",
            emulator=EMULATOR,
            machines=(
                MachineType(name="q35", canonical="pc-q35-7.2"),
                MachineType(name="pc-q35-6.2", canonical="pc-q35-6.2"),
            ),
            domain_types=("qemu", "kvm"),
        ),
    ),
)
domcaps = DomainCapabilities(
    emulator=EMULATOR,
    machine="pc-q35-7.2",
    arch="x86_64",
    virt_type="kvm",
    max_vcpus=288,
    cpu_modes={
        "custom": CpuMode(
            supported=True, models=frozenset({"Skylake-Server", "qemu64"}), blocked_models=frozenset({"EPYC"})
        ),
        "host-passthrough": CpuMode(supported=False),
    },
)


def host(name: str, number: int) -> dict[str, Any]:
    return {
        "name": name,
        "peer_address": f"{name}.example",
        "peer_user": "",
        "migration_address": f"10.0.1.{number}",
        "identity": HostIdentity(
            hostname=name, uuid=f"aaaaaaaa-0000-0000-0000-00000000000{number}", libvirt=9_000_000, qemu=7_002_000
        ),
        "capabilities": capabilities,
        "pools": (shared_pool, local_pool),
        "networks": (network,),
        "mounts": {},
    }


HEALTHY = Facts(
    request=MigrationRequest(guest=UUID, target=2),
    source=SourceFacts(
        **host("kvm-a", 1),
        volumes={SHARED: volume, LOCAL: local_volume},
        qcow2_headers=dict.fromkeys((SHARED, LOCAL), Qcow2Header(made=Qcow2())),
    ),
    target=TargetFacts(
        **host("kvm-b", 2),
        volumes={SHARED: volume, LOCAL: None},
        memory=NodeMemory(total_kib=16 * 1024**2, free_kib=8 * 1024**2),
        interfaces=(bridge,),
        files={},
        domcaps=domcaps,
        cpu=(True, "superset"),
        same_uuid=None,
        same_name=None,
    ),
    guest=GuestFacts(
        definition=guest,
        look=look,
        persistent=True,
        snapshots=0,
        checkpoints=(),
        managed_save=False,
        block_jobs=(),
    ),
    peer=PeerFact(reached=True),
    others={},
)


def changed(base: Facts, **changes: Any) -> Facts:
    """With other values, of a side ("target_volumes", "guest_look") or between them ("peer")."""
    for name, value in changes.items():
        side, _, field = name.partition("_")
        base = replace(base, **{side: replace(getattr(base, side), **{field: value}) if field else value})
    return base


def facts(**changes: Any) -> Facts:
    """HEALTHY with other values."""
    return changed(HEALTHY, **changes)


def with_guest(base: Facts = HEALTHY, **changes: Any) -> Facts:
    return changed(base, guest_definition=replace(guest, **changes))


def with_source(base: Facts = HEALTHY, **changes: Any) -> Facts:
    return replace(base, source=replace(base.source, **changes))


def with_target(base: Facts = HEALTHY, **changes: Any) -> Facts:
    return replace(base, target=replace(base.target, **changes))


def with_options(base: Facts = HEALTHY, **changes: Any) -> Facts:
    kind = Kind.LIVE_STORAGE if changes.get("copy_disks") else Kind.LIVE
    return replace(base, request=replace(base.request, kind=kind, options=Options(**changes)))


def cold(base: Facts = HEALTHY, **changes: Any) -> Facts:
    """The same for an offline migration of a VM that is shut off."""
    off = replace(look, state=RunState.SHUTOFF, reason="shutdown")
    request = replace(base.request, kind=Kind.OFFLINE)
    return changed(replace(base, request=request, guest=replace(base.guest, look=off)), **changes)


def stopped(base: Facts = HEALTHY, **changes: Any) -> Facts:
    """The same for a VM that runs and is shut down for its migration."""
    return changed(replace(base, request=replace(base.request, kind=Kind.STOP_MOVE_START)), **changes)


FAST = "/fast/web01.qcow2"
fast_pool = replace(local_pool, name="fast", target_path="/fast", uuid="33333333-3333-3333-3333-333333333333")


def stays(base: Facts = HEALTHY, disks: Any = None, **changes: Any) -> Facts:
    """The same for disks that go to another pool of the VM's own host."""
    options = Options(disks=placements(disks or {"vda": {"pool": "fast"}}))
    request = replace(base.request, target=1, kind=Kind.STORAGE, options=options)
    pools = (shared_pool, local_pool, fast_pool)
    source = replace(base.source, pools=pools)
    target = replace(
        base.target, **host("kvm-a", 1) | {"pools": pools}, volumes={SHARED: volume, "fast/web01.qcow2": None}
    )
    return changed(replace(base, request=request, source=source, target=target), **changes)


def identity(**changes: Any) -> HostIdentity:
    made = HostIdentity(
        hostname="kvm-b", uuid="aaaaaaaa-0000-0000-0000-000000000002", libvirt=9_000_000, qemu=7_002_000
    )
    return replace(made, **changes)


def run(check: str, given: Facts = HEALTHY) -> tuple[Finding, ...]:
    """What one check says; its PASSED finding is left out, so that () means passed. Whatever a test makes it say must
    read well."""
    found = run_one(CHECKS[check], given)
    assert all(finding.check == check for finding in found)
    assert [words for finding in found for words in complaints(finding)] == []
    return tuple(finding for finding in found if finding.severity is not Severity.PASSED)


def only(check: str, given: Facts, severity: Severity) -> Finding:
    """The one finding of a check, of this severity."""
    (finding,) = run(check, given)
    assert finding.severity is severity, finding
    return finding
