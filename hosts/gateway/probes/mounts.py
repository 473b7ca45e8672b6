"""The file systems of folders, which libvirt does not report."""

from __future__ import annotations

import posixpath
import re

from hosts.facts.storage import Mount
from hosts.gateway.probe import path_probe

#: per folder two lines: what findmnt prints (kind, source, mount point, blanks as \x20), or where it is missing stat
#: (the kind alone), and the folder's real path; "-" for what cannot be said
_SCRIPT = """\
for p do
  d=$(cd -- "$p" 2>/dev/null && pwd -P) || { echo -; echo -; continue; }
  m=$(findmnt -n -r -o FSTYPE,SOURCE,TARGET -T "$d" 2>/dev/null | tail -n 1)
  test -n "$m" || m=$(stat -f -c %T -- "$d" 2>/dev/null)
  printf '%s\\n' "${m:--}"
  printf '%s\\n' "$d"
done
"""
#: findmnt's way to write blanks and other characters
_BLANK = re.compile(r"\\x([0-9a-f]{2})")


@path_probe(_SCRIPT, asks="say what its folders lie on", lines=2)
def mounts(line: str, folder: str) -> Mount | None:
    words = line.split()
    if not words or words[0] == "-":
        return None
    if len(words) != 3:
        return Mount(kind=words[0])
    kind, source, point = (_BLANK.sub(lambda match: chr(int(match[1], 16)), word) for word in words)
    return Mount(kind=kind, source=source, below=posixpath.relpath(folder, point))
