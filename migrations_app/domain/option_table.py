"""The options of a migration, one row each. Form, API, page, virsh line, libvirt's call, documentation and tests
iterate over this table: a new option is a new row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hosts.calls.move import Flag, Parameter
from migrations_app.domain.kinds import BETWEEN_HOSTS, COLD_KINDS, RUNNING_KINDS, SAME_HOST_KINDS, Kind
from migrations_app.domain.option import Choice, Group, Needs, Option, Place, Type
from migrations_app.domain.placement import Placements

COPIES = frozenset({Kind.LIVE_STORAGE})
MAY_COPY = COPIES | {Kind.SUSPENDED}
MAY_PLACE = MAY_COPY | SAME_HOST_KINDS
XBZRLE = "xbzrle"


def _flag(name: str, flag: Flag, virsh: str, **more: Any) -> Option:
    row: dict[str, Any] = {"default": False, **more}
    return Option(name=name, type=Type.BOOLEAN, libvirt=(flag,), virsh=(virsh,), **row)


_NO_AUTO_CONVERGE = "The steps of auto-converge need auto-converge. Turn it on, or remove them."

OPTIONS: tuple[Option, ...] = (
    _flag(
        "persist",
        Flag.PERSIST_DEST,
        "--persistent",
        default=True,
        label="Define the VM on the destination",
        consequence="Without it the VM is gone from the destination after its next shutdown.",
        rank=6,
    ),
    _flag(
        "undefine_source",
        Flag.UNDEFINE_SOURCE,
        "--undefinesource",
        default=True,
        label="Remove the definition from the source",
        consequence="Without it the source keeps a shut-off definition that somebody could start by mistake.",
        kinds=BETWEEN_HOSTS,
        rank=7,
    ),
    Option(
        name="copy_disks",
        type=Type.DISKS,
        default=False,
        label="Disks to copy",
        consequence="If you choose none: Live with storage copies every writable disk that is not known to be on shared"
        " storage; Suspended copies no disk.",
        virsh=("--copy-storage-all", "--migrate-disks", "{}"),
        kinds=MAY_COPY,
        place=Place.WITH_KIND,
        description="true, or the targets of the disks to copy",
    ),
    Option(
        name="disks",
        type=Type.PLACEMENTS,
        default=Placements(),
        label="Places of the copies",
        consequence="What you leave empty stays as it is now.",
        virsh=("--xml", "running.xml", "--persistent-xml", "saved.xml"),
        kinds=MAY_PLACE,
        place=Place.NOWHERE,
        description="by target: the pool, the volume name and the format (raw or qcow2) of the new disk",
    ),
    Option(
        name="allow_overcommit",
        type=Type.BOOLEAN,
        default=False,
        label="Allow overcommit",
        consequence="Only what the disks use now must fit into the pool, not their full size. When the pool fills up,"
        " the VM is paused.",
        virsh=(),
        kinds=MAY_PLACE,
        place=Place.WITH_KIND,
    ),
    _flag(
        "keep_paused",
        Flag.PAUSED,
        "--suspend",
        label="Leave it paused on the destination",
        consequence="The VM does not continue until somebody resumes it.",
        kinds=frozenset({Kind.SUSPENDED}),
        rank=8,
    ),
    Option(
        name="start_after",
        type=Type.BOOLEAN,
        default=False,
        label="Start the VM afterwards",
        consequence="kvmweb starts it on the destination when every registered host says that it does not run there.",
        virsh=(),
        kinds=COLD_KINDS,
        place=Place.WITH_KIND,
    ),
    Option(
        name="bandwidth_mib",
        type=Type.INTEGER,
        unit="MiB/s",
        minimum=1,
        maximum=1_000_000,
        label="Bandwidth limit, MiB/s",
        consequence="Leaves room for other traffic. The migration takes longer, and a busy VM may never converge.",
        bounds="The bandwidth limit must be a whole number from {minimum:,} to {maximum:,} MiB/s.",
        virsh=("--bandwidth", "{}"),
        libvirt=(Parameter.BANDWIDTH,),
        conflicts=("parallel_connections",),
        group=Group.NETWORK,
        rank=2,
    ),
    Option(
        name="disk_bandwidth_mib",
        type=Type.INTEGER,
        unit="MiB/s",
        minimum=1,
        maximum=1_000_000,
        label="Bandwidth limit for disks, MiB/s",
        consequence="Memory that follows gets the bandwidth limit, or none. kvmweb changes it when memory starts: if"
        " kvmweb does not run then, memory keeps the limit for disks until kvmweb is back.",
        bounds="The bandwidth limit for disks must be a whole number from {minimum:,} to {maximum:,} MiB/s.",
        virsh=("--bandwidth", "{}"),
        # libvirt's one limit: this row comes after bandwidth_mib's, so the call begins with this one
        libvirt=(Parameter.BANDWIDTH,),
        kinds=MAY_PLACE,
        needs=(
            Needs(option="copy_disks", why="No disk is copied. Choose disks to copy, or remove the limit for disks."),
        ),
        group=Group.DISKS,
        rank=3,
    ),
    Option(
        name="max_downtime_ms",
        type=Type.INTEGER,
        unit="ms",
        minimum=1,
        maximum=2_000_000,
        label="Allowed downtime, ms",
        consequence="How long the VM may be paused at the switchover. A longer downtime helps a busy VM converge.",
        bounds="The allowed downtime must be a whole number from {minimum:,} to {maximum:,} ms.",
        virsh=("migrate-setmaxdowntime", "{}"),
        beside=True,
        group=Group.CONVERGENCE,
        rank=1,
        kinds=RUNNING_KINDS,
    ),
    _flag(
        "unsafe",
        Flag.UNSAFE,
        "--unsafe",
        label="Unsafe: skip libvirt's storage checks",
        consequence="If a disk goes through the host's page cache, the VM's file system can be damaged. Better: give"
        " the disk the cache mode none, which takes effect at the VM's next start.",
        place=Place.DANGER,
    ),
    _flag(
        "abort_on_error",
        Flag.ABORT_ON_ERROR,
        "--abort-on-error",
        label="Stop at the first disk error",
        consequence="An I/O error of the VM ends the migration; the VM stays where it is.",
        rank=5,
    ),
    _flag(
        "auto_converge",
        Flag.AUTO_CONVERGE,
        "--auto-converge",
        label="Auto-converge",
        consequence="If the VM changes memory too fast, QEMU slows it down in steps until it converges.",
        group=Group.CONVERGENCE,
        rank=2,
        kinds=RUNNING_KINDS,
    ),
    Option(
        name="auto_converge_initial",
        type=Type.INTEGER,
        unit="%",
        minimum=1,
        maximum=99,
        label="Auto-converge: first step, %",
        consequence="By how much QEMU slows the VM's CPUs down at first. QEMU's default is 20 %.",
        bounds="The first step of auto-converge must be a whole number from {minimum} to {maximum} %.",
        virsh=("--auto-converge-initial", "{}"),
        libvirt=(Parameter.AUTO_CONVERGE_INITIAL,),
        since_libvirt=2_000_000,
        needs=(Needs(option="auto_converge", why=_NO_AUTO_CONVERGE),),
        group=Group.CONVERGENCE,
        rank=3,
        kinds=RUNNING_KINDS,
    ),
    Option(
        name="auto_converge_increment",
        type=Type.INTEGER,
        unit="%",
        minimum=1,
        maximum=99,
        label="Auto-converge: further steps, %",
        consequence="By how much more QEMU slows the VM down in each further step. QEMU's default is 10 %.",
        bounds="Further steps of auto-converge must be a whole number from {minimum} to {maximum} %.",
        virsh=("--auto-converge-increment", "{}"),
        libvirt=(Parameter.AUTO_CONVERGE_INCREMENT,),
        since_libvirt=2_000_000,
        needs=(Needs(option="auto_converge", why=_NO_AUTO_CONVERGE),),
        group=Group.CONVERGENCE,
        rank=4,
        kinds=RUNNING_KINDS,
    ),
    Option(
        name="parallel_connections",
        type=Type.INTEGER,
        unit="connections",
        minimum=2,
        maximum=255,
        label="Parallel connections",
        consequence="Memory is sent over several connections: faster on a link of 10 Gbit/s or more. Each can use a CPU"
        " core on both hosts.",
        bounds="The number of parallel connections must be a whole number from {minimum} to {maximum}.",
        virsh=("--parallel", "--parallel-connections", "{}"),
        libvirt=(Flag.PARALLEL, Parameter.PARALLEL_CONNECTIONS),
        since_libvirt=5_002_000,
        since_qemu=4_000_000,
        conflicts=("bandwidth_mib",),
        clash="QEMU does not keep to a bandwidth limit over several connections. Remove the limit, or send over one"
        " connection.",
        group=Group.NETWORK,
        rank=3,
    ),
    _flag(
        "zerocopy",
        Flag.ZEROCOPY,
        "--zerocopy",
        label="Zero-copy",
        consequence="The kernel sends memory without copying it first: less CPU on the source. libvirt lifts the VM's"
        " limit of locked memory meanwhile.",
        since_libvirt=8_005_000,
        since_qemu=7_001_000,
        needs=(
            Needs(
                option="parallel_connections",
                why="Zero-copy works only with parallel connections. Enter their number, or turn zero-copy off.",
            ),
        ),
        conflicts=("compressed", "compression"),
        clash="QEMU cannot compress memory that it sends with zero-copy. Turn one of the two off.",
        group=Group.NETWORK,
        rank=6,
    ),
    Option(
        name="migration_address",
        type=Type.ADDRESS,
        label="Migration address",
        consequence="The destination receives memory and disks at this address, instead of the migration address of the"
        " host.",
        virsh=("--migrateuri", "tcp://{bracketed}"),
        group=Group.NETWORK,
        rank=4,
        description="an IP address or registered name of the destination",
    ),
    Option(
        name="listen_address",
        type=Type.ADDRESS,
        label="Listen address",
        consequence="The destination accepts memory and disks at this address only. By default it listens on all.",
        virsh=("--listen-address", "{}"),
        libvirt=(Parameter.LISTEN_ADDRESS,),
        group=Group.NETWORK,
        rank=5,
        description="an IP address of the destination",
    ),
    _flag(
        "compressed",
        Flag.COMPRESSED,
        "--compressed",
        label="Compress changed memory",
        consequence="Changed memory is sent as differences: less traffic, more CPU on both hosts.",
        conflicts=("zerocopy",),
        place=Place.NOWHERE,
        description="the same as compression: xbzrle",
        kinds=RUNNING_KINDS,
    ),
    Option(
        name="compression",
        type=Type.CHOICE,
        label="Compression",
        consequence="Less traffic, more CPU on both hosts. Differences are sent for memory that changed again; zlib and"
        " zstd compress all memory and need parallel connections.",
        virsh=("--compressed", "--comp-methods", "{}"),
        libvirt=(Flag.COMPRESSED, Parameter.COMPRESSION),
        choices=(
            Choice(value=XBZRLE, label="Differences (xbzrle)"),
            Choice(value="zlib", label="zlib", since_libvirt=9_004_000, since_qemu=5_000_000),
            Choice(value="zstd", label="zstd", since_libvirt=9_004_000, since_qemu=5_000_000),
        ),
        needs=(
            Needs(
                option="parallel_connections",
                why="QEMU compresses with zlib or zstd only over parallel connections. Enter their number, or choose"
                " xbzrle.",
                when=("zlib", "zstd"),
            ),
        ),
        conflicts=("zerocopy",),
        group=Group.COMPRESSION,
        rank=1,
        kinds=RUNNING_KINDS,
    ),
    Option(
        name="compression_level",
        type=Type.INTEGER,
        unit="level",
        minimum=1,
        maximum=20,
        label="Compression level",
        consequence="For zlib 1 to 9, for zstd 1 to 20. A higher level sends less and uses more CPU. The default is 1.",
        bounds="The compression level must be a whole number from {minimum} to {maximum}.",
        virsh=("--comp-{compression}-level", "{}"),
        libvirt_by=MappingProxyType({"zlib": Parameter.ZLIB_LEVEL, "zstd": Parameter.ZSTD_LEVEL}),
        since_libvirt=9_004_000,
        needs=(
            Needs(
                option="compression",
                why="Only zlib and zstd have a compression level. Choose one of them, or remove the level.",
                values=("zlib", "zstd"),
            ),
        ),
        group=Group.COMPRESSION,
        rank=2,
        kinds=RUNNING_KINDS,
    ),
    Option(
        name="xbzrle_cache_mib",
        type=Type.INTEGER,
        unit="MiB",
        minimum=1,
        maximum=1_048_576,
        power_of_two=True,
        scale=1024 * 1024,
        label="Cache for differences, MiB",
        consequence="QEMU keeps this much sent memory on both hosts to compare with. Its default is 64 MiB.",
        bounds="The cache for differences must be a power of two from {minimum:,} to {maximum:,} MiB.",
        virsh=("--comp-xbzrle-cache", "{}"),
        libvirt=(Parameter.XBZRLE_CACHE,),
        since_libvirt=1_003_004,
        needs=(
            Needs(
                option="compression",
                why="Only the compression xbzrle has a cache. Choose it, or remove the size of the cache.",
                values=(XBZRLE,),
            ),
        ),
        group=Group.COMPRESSION,
        rank=3,
        kinds=RUNNING_KINDS,
    ),
    _flag(
        "sync_writes",
        Flag.NON_SHARED_SYNCHRONOUS_WRITES,
        "--copy-storage-synchronous-writes",
        label="Write to both disks while they are copied",
        consequence="The copy of the disks always finishes. Each write of the VM waits for the new disk as well.",
        kinds=COPIES | SAME_HOST_KINDS,
        since_libvirt=8_000_000,
        group=Group.DISKS,
        rank=1,
    ),
    Option(
        name="detect_zeroes",
        type=Type.BOOLEAN,
        default=False,
        label="Do not write zeroes to the copies",
        consequence="Blocks of zeroes take no room on the destination. Looking for them uses CPU.",
        virsh=("--migrate-disks-detect-zeroes", "{copied}"),
        libvirt=(Parameter.DETECT_ZEROES,),
        kinds=COPIES,
        since_libvirt=10_009_000,
        group=Group.DISKS,
        rank=2,
    ),
)
OPTION: Mapping[str, Option] = MappingProxyType({option.name: option for option in OPTIONS})
