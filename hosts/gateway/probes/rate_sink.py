"""Take in what `rate_stream` sends, and keep nothing: a disk without a place, offered by QEMU's own tool.

Its words are an address of the host and a port. It is asked at the same time as the other host: it ends when that has
sent a short stream and a long one, and in any case, also without kvmweb, after FIRST_SECONDS and SECOND_SECONDS.
"""

from __future__ import annotations

from hosts.gateway.probe import probe

FIRST_SECONDS, SECOND_SECONDS = 6, 8
#: one connection each, and the end of it ends the program. That nobody came in time is no fault of this host
_SCRIPT = f"""\
command -v qemu-nbd >/dev/null || {{ echo "qemu-nbd is not installed (Debian: qemu-utils)" >&2; exit 1; }}
take() {{ timeout -k 1 "$3" qemu-nbd -b "$1" -p "$2" --image-opts driver=null-co,size=64M; }}
take "$1" "$2" {FIRST_SECONDS} && take "$1" "$2" {SECOND_SECONDS}
code=$?
test "$code" -lt 124 && exit "$code"
exit 0
"""


@probe("sh", "-c", _SCRIPT, "sh", asks="take in a probe stream")
def rate_sink(out: str) -> bool:
    """That it did."""
    return True
