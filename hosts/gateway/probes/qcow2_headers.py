"""What the headers of qcow2 images say (qemu's docs/interop/qcow2.txt): how they are made, and what is kept in them.

None for a file that this user may not read, or that is no such image.
"""

from __future__ import annotations

import struct

from hosts.facts.storage import Qcow2, Qcow2Header
from hosts.gateway.probe import path_probe

#: the fields of the header and those of its extensions that matter are in front; QEMU keeps them in one cluster
_SCRIPT = """\
for p do
  if test -f "$p" && test -s "$p"; then od -A n -v -t x1 -N 4096 -- "$p" 2>/dev/null | tr -d ' \\n'; fi
  echo
done
"""
_MAGIC = b"QFI\xfb"
_FIELDS, _VERSION_3 = struct.Struct(">4sI12xI12xI20xI8x"), struct.Struct(">QQ8xI")
_DATA_FILE, _COMPRESSION, _EXTENDED_L2 = 1 << 2, 1 << 3, 1 << 4
_LAZY_REFCOUNTS = 1 << 0
_CLUSTER_BITS = range(9, 22)


@path_probe(_SCRIPT, asks="read the headers of its images")
def qcow2_headers(line: str) -> Qcow2Header | None:
    try:
        return _read(bytes.fromhex(line))
    except (ValueError, struct.error):
        return None


def _read(data: bytes) -> Qcow2Header | None:
    magic, version, cluster_bits, _, snapshots = _FIELDS.unpack_from(data)
    if magic != _MAGIC or version not in (2, 3) or cluster_bits not in _CLUSTER_BITS:
        return None
    size = 1 << cluster_bits
    if version == 2:
        return Qcow2Header(made=Qcow2(compat="0.10", cluster_size=size), snapshots=snapshots)
    incompatible, compatible, refcount_order = _VERSION_3.unpack_from(data, _FIELDS.size)
    made = Qcow2(
        cluster_size=size,
        lazy_refcounts=bool(compatible & _LAZY_REFCOUNTS),
        extended_l2=bool(incompatible & _EXTENDED_L2),
    )
    return Qcow2Header(
        made=made,
        refcount_bits=1 << min(refcount_order, 6),
        compression="zstd" if incompatible & _COMPRESSION else "zlib",
        snapshots=snapshots,
        data_file=bool(incompatible & _DATA_FILE),
    )
