"""How large an image is in a VM's memory (firmware, UEFI variables): of qcow2 the virtual size, else that of the file.

In bytes; GONE for a file that is not there, None where it cannot be said.
"""

from __future__ import annotations

from hosts.gateway.probe import path_probe

GONE = -1
#: Of an empty file nothing is read: those of the kernel are empty, and may never end.
#: Per file two lines: its size ("none" when it is not there, "-" when that cannot be said), and its first 32 bytes
_SCRIPT = """\
for p do
  if test -f "$p"; then
    stat -L -c %s -- "$p" 2>/dev/null || echo -
    test -s "$p" && od -A n -v -t x1 -N 32 -- "$p" 2>/dev/null | tr -d ' \\n'
  elif test ! -e "$p" && test -x "${p%/*}/"; then echo none
  else echo -; fi
  echo
done
"""
_QCOW2, _SIZE_AT = "514649fb", slice(48, 64)


@path_probe(_SCRIPT, asks="say how large its files are", lines=2)
def file_sizes(size: str, begins: str) -> int | None:
    if size == "none":
        return GONE
    if not size.isdecimal() or not begins:
        return None
    return int(begins[_SIZE_AT], 16) if begins.startswith(_QCOW2) else int(size)
