"""Sets of CPUs and NUMA nodes as libvirt writes them: "0-3,^2,8"."""

from __future__ import annotations

import re
from collections.abc import Iterable

_RANGE = re.compile(r"(\^?)(\d{1,4})(?:-(\d{1,4}))?")


def beyond(written: str, there: Iterable[int]) -> str:
    """The numbers of "0-3,^2,8" that are not `there`, in the same form."""
    wanted: set[int] = set()
    for part in written.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            return written
        numbers = set(range(int(match[2]), int(match[3] or match[2]) + 1))
        wanted = wanted - numbers if match[1] else wanted | numbers
    return ranges(wanted - set(there)) if wanted else written


def ranges(numbers: Iterable[int]) -> str:
    """{0, 1, 2, 8} -> "0-2,8"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)
