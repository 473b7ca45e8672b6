"""Whether files are there: True, False, or None for one behind a folder that this user may not look into."""

from __future__ import annotations

from hosts.gateway.probe import path_probe

#: per path "y" there, "n" not there, "u" hidden
_SCRIPT = """\
for p do
  if test -e "$p"; then echo y; continue; fi
  d=$p
  while :; do
    d=$(dirname -- "$d")
    if test -d "$d"; then if test -x "$d"; then echo n; else echo u; fi; break; fi
    case $d in /|.) echo u; break;; esac
  done
done
"""


@path_probe(_SCRIPT, asks="say which files it has")
def files(line: str) -> bool | None:
    return {"y": True, "n": False}.get(line)
