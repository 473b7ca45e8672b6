"""The host's network interfaces, by its kernel."""

from __future__ import annotations

from hosts.facts.network import Interface
from hosts.gateway.probe import probe

#: per interface its name, IFF_ flags, and whether it is a bridge
_SCRIPT = """\
cd /sys/class/net || exit 1
for n in *; do
  test -r "$n/flags" || continue
  if test -d "$n/bridge"; then kind=bridge; else kind=other; fi
  read -r flags < "$n/flags" && echo "$n $flags $kind"
done
"""
_IFF_UP = 1


@probe("sh", "-c", _SCRIPT, asks="list its network interfaces")
def interfaces(out: str) -> tuple[Interface, ...]:
    found = []
    for line in out.splitlines():
        words = line.split()
        if len(words) == 3 and words[1].startswith("0x"):
            found.append(Interface(name=words[0], active=_is_up(words[1]), is_bridge=words[2] == "bridge"))
    return tuple(found)


def _is_up(flags: str) -> bool:
    try:
        return bool(int(flags[:18], 16) & _IFF_UP)
    except ValueError:
        return False
