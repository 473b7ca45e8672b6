"""What distinguishes a file from another one at the same path: "device:inode:birth"; GONE when there is none."""

from __future__ import annotations

import re

from hosts.gateway.probe import path_probe

GONE = "none"
_SCRIPT = """\
for p do
  if test -e "$p"; then stat -L -c %d:%i:%w -- "$p" || echo -
  elif test -x "${p%/*}/"; then echo none
  else echo -; fi
done
"""
_IDENTITY = re.compile(r"\d+:\d+:[-+:. \d]{1,60}")


@path_probe(_SCRIPT, asks="say which file it has there")
def file_identity(line: str) -> str | None:
    return line if line == GONE or _IDENTITY.fullmatch(line) else None
