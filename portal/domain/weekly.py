"""Windows as most people think of them: days of the week and a time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from portal.domain.windows import BadRule, read_rule

DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}


@dataclass(frozen=True, slots=True)
class Weekly:
    """`days`: keys of DAYS, in their order."""

    days: tuple[str, ...]
    begins: time

    @classmethod
    def on(cls, days: Sequence[str], begins: time) -> Weekly:
        return cls(tuple(day for day in DAYS if day in days), begins)

    @classmethod
    def of(cls, rule: str) -> Weekly | None:
        """None for a rule that says more, or that nobody can read."""
        try:
            parts = dict(part.split("=") for part in read_rule(rule).split(";"))
        except BadRule:
            return None
        days, hour, minute = parts.get("BYDAY", ",".join(DAYS)), parts["BYHOUR"], parts["BYMINUTE"]
        more = parts.keys() - {"FREQ", "INTERVAL", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "WKST"}
        each = parts["FREQ"] in ("DAILY", "WEEKLY") and parts.get("INTERVAL", "1") == "1" and not more
        if not each or not hour.isdecimal() or not minute.isdecimal():
            return None
        return cls.on(days.split(","), time(int(hour), int(minute)))

    @property
    def rule(self) -> str:
        at = f"BYHOUR={self.begins.hour};BYMINUTE={self.begins.minute}"
        return f"FREQ=DAILY;{at}" if len(self.days) == len(DAYS) else f"FREQ=WEEKLY;BYDAY={','.join(self.days)};{at}"
