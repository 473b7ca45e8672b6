"""What the programs of a probe stream write."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fakes.gateway import FakeHost


def took(seconds: float) -> str:
    return f"Sending 4 write requests\nRun completed in {seconds:.3f} seconds.\n"


def can_stream(source: FakeHost, target: FakeHost, *, address: str, used: Iterable[int] = ()) -> None:
    """Both are reached by ssh and have QEMU's tools; each stream takes a tenth of a second."""
    lines = ["  sl  local_address rem_address   st", *(f"  0: 00000000:{port:04X} 00000000:0000 0A" for port in used)]
    source.written |= {"resolved_address": f"{address} STREAM\n", "rate_stream": took(0.1)}
    target.written |= {"listening_ports": "\n".join(lines) + "\n", "rate_sink": ""}
