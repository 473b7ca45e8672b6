"""Log lines. Names and errors come from hosts and guests: control characters must not forge a line or a colour."""

from __future__ import annotations

import logging
import time
from typing import ClassVar

from kvmweb.web.plain import TURNS


class Meant(logging.Filter):
    """Expected error responses (403, 404, 503) get one line; only an internal error has a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) != 500:
            record.exc_info = None
        return True


class OneLineFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"
    _escapes: ClassVar[dict[int, str]] = {
        **{code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)},
        **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *map(ord, sorted(TURNS)))},
    }

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(process)d %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text.translate(self._escapes).replace("\n", "\n    ")
