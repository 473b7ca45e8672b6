"""Tests of a VM that has arrived. They are made when its migration is done, and change nothing about that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from migrations_app.domain.kinds import KindRow
from migrations_app.domain.options import Options

#: a clock that is further away than that, and was moved by more, is wrong
CLOCK_MS = 1000
NOT_YET = "Not tested yet."


class Sign(StrEnum):
    """Of life: what is tested."""

    AGENT = "agent"
    CPU = "cpu"
    ADDRESS = "address"
    CLOCK = "clock"


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    sign: Sign
    result: Result
    text: str

    def as_json(self) -> dict[str, str]:
        return {"test": self.sign, "result": self.result, "text": self.text}


def runs_there(kind: KindRow, options: Options, *, was_paused: bool) -> bool:
    """Whether a VM that has arrived is meant to run."""
    if kind.same_host:
        return False
    if kind.off:
        return kind.stops or bool(options.start_after)
    return not (was_paused or options.keep_paused)


def not_yet(*, has_agent: bool) -> list[Found]:
    """What will be tested."""
    signs = [sign for sign in Sign if has_agent or sign is not Sign.AGENT]
    return [Found(sign=sign, result=Result.UNKNOWN, text=NOT_YET) for sign in signs]


def agent(*, answers: bool, answered_before: bool, error: str = "") -> Found:
    """`error`: why it does not."""
    if answers:
        return Found(sign=Sign.AGENT, result=Result.PASSED, text="The guest agent answers.")
    if answered_before:
        text = f"The guest agent answered before the switchover, and does not now: {error}"
        return Found(sign=Sign.AGENT, result=Result.FAILED, text=text)
    text = f"The guest agent did not answer, neither before nor now: {error}"
    return Found(sign=Sign.AGENT, result=Result.UNKNOWN, text=text)


def cpu(*, used_ms: int, seconds: float) -> Found:
    """`used_ms`: what its CPU time grew by."""
    if used_ms > 0:
        return Found(sign=Sign.CPU, result=Result.PASSED, text="Its CPUs work.")
    return Found(sign=Sign.CPU, result=Result.FAILED, text=f"Its CPUs have done nothing for {seconds:.0f} s.")


def address(where: str, *, answers: bool, answered_before: bool) -> Found:
    if answers:
        return Found(sign=Sign.ADDRESS, result=Result.PASSED, text=f"{where} answers.")
    if answered_before:
        text = f"{where} answered before the switchover, and does not now."
        return Found(sign=Sign.ADDRESS, result=Result.FAILED, text=text)
    text = f"{where} did not answer, neither before nor now."
    return Found(sign=Sign.ADDRESS, result=Result.UNKNOWN, text=text)


def clock(*, after_ms: int, before_ms: int | None, doubt_ms: int = 0) -> Found:
    """How far the VM's clock is ahead of kvmweb's. `doubt_ms`: for so long the agent took to tell."""
    allowed = CLOCK_MS + doubt_ms
    moved = after_ms if before_ms is None else after_ms - before_ms
    was = (
        "it was not known before" if before_ms is None else f"before the switchover it was {' '.join(_off(before_ms))}"
    )
    much, side = _off(after_ms)
    text = f"The VM's clock is {much} {'ahead of' if side == 'ahead' else side} kvmweb's; {was}."
    passed = min(abs(moved), abs(after_ms)) <= allowed  # somebody may have set it right
    return Found(sign=Sign.CLOCK, result=Result.PASSED if passed else Result.FAILED, text=text)


def unknown(sign: Sign, why: str) -> Found:
    return Found(sign=sign, result=Result.UNKNOWN, text=why)


def _off(milliseconds: int) -> tuple[str, str]:
    """("3.2 s", "behind")"""
    much = abs(milliseconds)
    return f"{much / 1000:,.1f} s" if much >= 1000 else f"{much} ms", "ahead" if milliseconds >= 0 else "behind"
