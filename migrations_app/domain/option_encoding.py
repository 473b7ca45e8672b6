"""The options of how memory and disks are written on the wire: compressed, encrypted. Rows of the table in
option_table.py."""

from __future__ import annotations

from types import MappingProxyType

from hosts.calls.move import Flag, Parameter
from migrations_app.domain.kinds import RUNNING_KINDS
from migrations_app.domain.option import Choice, Group, Needs, Option, Place, Type, flag

XBZRLE = "xbzrle"

ENCODING: tuple[Option, ...] = (
    flag(
        "tls",
        Flag.TLS,
        "--tls",
        label="Encrypt memory and disks (TLS)",
        consequence="Nobody on the network can read them. Both hosts need QEMU's certificates in /etc/pki/qemu; without"
        " them the migration is refused. More CPU on both hosts.",
        since_libvirt=3_002_000,
        since_qemu=2_011_000,
        conflicts=("zerocopy",),
        group=Group.ENCRYPTION,
        rank=1,
    ),
    Option(
        name="tls_name",
        type=Type.ADDRESS,
        label="Name in the destination's certificate",
        consequence="QEMU looks for this name in the destination's certificate, not for the address to which it sends.",
        virsh=("--tls-destination", "{}"),
        libvirt=(Parameter.TLS_DESTINATION,),
        since_libvirt=6_000_000,
        needs=(Needs(option="tls", why="Only TLS has a certificate. Turn TLS on, or remove the name."),),
        group=Group.ENCRYPTION,
        rank=2,
        description="an IP address or a host name",
    ),
    flag(
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
)
