"""That libvirt's call does not end is written down: an adopter does not hear its end, and must not take it for over."""

from __future__ import annotations

from dataclasses import replace

from kvmweb.steps import StepState, Written
from migrations_app.models.migration import CALL_HANGS
from migrations_app.worker.held import Held


def call_hangs(held: Held) -> bool:
    return any(written.step == CALL_HANGS and not written.sure for written in held.read())


def keep_that_it_hangs(held: Held) -> None:
    if not call_hangs(held):
        held.write([*held.read(), Written(step=CALL_HANGS, about={"host": held.row.target.name})])


def keep_that_it_ended(held: Held) -> None:
    if call_hangs(held):
        held.write([_ended(written) for written in held.read()])


def _ended(written: Written) -> Written:
    return replace(written, state=StepState.DONE) if written.step == CALL_HANGS else written
