"""KiB that the host's kernel would give to a new program without swapping.

MemAvailable leaves out what of the caches the kernel cannot give up: shared memory, of other VMs for example.
"""

from __future__ import annotations

import re

from hosts.gateway.probe import probe


@probe("cat", "/proc/meminfo", asks="say how much memory it has left")
def available_memory(out: str) -> int | None:
    """None from a kernel that does not say."""
    found = re.search(r"^MemAvailable: +(\d{1,20}) kB$", out, re.MULTILINE)
    return int(found[1]) if found else None
