"""Names that a user gives to something on a host. libvirt makes files of them, and takes more than anybody can use."""

from __future__ import annotations

import unicodedata

#: bytes of a file name on the file systems that Linux has
LONGEST_FILE = 255
#: of a VM: libvirt makes files such as NAME_VARS.qcow2 and NAME.xml.new of it
LONGEST_VM = 240


def name_problem(what: str, name: str, *, longest: int) -> str:
    """What is wrong with it, a sentence that begins with `what`; "" when nothing is. `longest` in bytes."""
    if len(name.encode(errors="replace")) > longest:
        return f"{what} is longer than {longest} bytes."
    if "/" in name or name in (".", ".."):
        return f"{what} must be a name, not a path."
    if name != name.strip() or name.startswith("-"):
        return f"{what} must not begin with a hyphen, nor begin or end with a space."
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in name):
        return f"{what} must not contain control characters."
    return ""
