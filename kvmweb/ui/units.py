"""Numbers for people: binary units for memory, durations like "1 min 12 s". Pure; None becomes a dash."""

from __future__ import annotations

NONE = "–"
_STEPS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(count: float | None) -> str:
    """Bytes: 1536 -> "1.5 KiB". Three digits are enough to compare."""
    if count is None:
        return NONE
    value = float(count)
    unit = 0
    while value >= 1024 and unit < len(_STEPS) - 1:
        value /= 1024
        unit += 1
    return f"{_short(value)} {_STEPS[unit]}"


def percent(share: float | None) -> str:
    """Whole percents; what is more than nothing is not shown as nothing."""
    if share is None:
        return NONE
    return "< 1 %" if 0 < share < 1 else f"{share:.0f} %"


def rate(bytes_per_second: float | None) -> str:
    return NONE if bytes_per_second is None else f"{size(bytes_per_second)}/s"


def duration(milliseconds: float | None) -> str:
    """The two largest units: "840 ms", "12 s", "1 min 12 s", "2 h 5 min", "3 d 4 h"."""
    if milliseconds is None:
        return NONE
    if milliseconds < 1000:
        return f"{round(milliseconds)} ms"
    if milliseconds < 9950:
        return f"{_short(round(milliseconds / 1000, 1))} s"
    seconds = round(milliseconds / 1000)
    for name, length, below, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= length:
            rest = seconds % length // part
            return f"{seconds // length} {name} {rest} {below}" if rest else f"{seconds // length} {name}"
    return f"{seconds} s"


def span(low: float | None, high: float | None) -> str:
    """A range of time: "8 to 14 s", "about 12 s" when both ends read the same."""
    if low is None and high is None:
        return NONE
    if low is None or high is None:
        return f"about {duration(high if low is None else low)}"
    first, last = duration(low), duration(high)
    if first == last:
        return f"about {last}"
    number, _, unit = first.partition(" ")
    return f"{number} to {last}" if last.endswith(f" {unit}") and last.count(" ") == 1 else f"{first} to {last}"


def downtime(low: int, high: int) -> str:
    """Always in ms, as everywhere: "70 to 140 ms", "about 84 ms"."""
    return f"about {high} ms" if low == high else f"{low} to {high} ms"


def _short(value: float) -> str:
    if value >= 99.95 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}"
