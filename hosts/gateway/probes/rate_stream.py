"""How long a stream takes from one host to another, where `rate_sink` listens: in seconds.

Its words are the other's address and port, how many MiB, and after what time it gives up ("4s"). The program is QEMU's
own; what it writes is not zeros, which something on the way could make small.
"""

from __future__ import annotations

import re

from hosts.gateway.probe import NoAnswer, probe

#: the other host is asked at the same time, and may not listen yet
_SCRIPT = """\
command -v qemu-img >/dev/null || { echo "qemu-img is not installed (Debian: qemu-utils)" >&2; exit 1; }
to="driver=nbd,server.type=inet,server.host=$1,server.port=$2"
tries=0
while :; do
  said=$(timeout -k 1 "$4" qemu-img bench -w -c "$3" -d 8 -s 1048576 --pattern=165 --image-opts "$to" 2>&1) && break
  code=$?
  if test "$code" -ge 124; then
    echo "$3 MiB took longer than $4. The path is very slow, or a firewall drops what goes to port $2." >&2
    exit 1
  fi
  tries=$((tries + 1))
  case $said in *"Connection refused"*) test "$tries" -lt 15 && sleep 0.2 && continue;; esac
  printf '%s\\n' "$said" | sed -n 's/^qemu-img: //p' >&2
  exit 1
done
printf '%s\\n' "$said"
"""
_TOOK = re.compile(r"^Run completed in (\d{1,6}\.\d{1,6}) seconds\.$", re.MULTILINE)


@probe("sh", "-c", _SCRIPT, "sh", asks="send a probe stream")
def rate_stream(out: str) -> float:
    found = _TOOK.search(out)
    if found is None:
        raise NoAnswer
    return float(found[1])
