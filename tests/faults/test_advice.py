"""Every piece of advice, in the situation that prints it, followed to the letter: it works. See situations.py."""

from __future__ import annotations

import re
import time

import pytest

from lab import Lab, TickReceiver
from tests.faults import advice, truth
from tests.faults.cell import Cell
from tests.faults.situations import SITUATIONS, Situation
from tests.lab.serving import TERMINAL, Serving, wait_until

#: after a person has done what was advised; it is looked at again every 15 s
ENDS_WITHIN = 120


def _id(situation: Situation) -> str:
    return re.sub(r"[^a-z0-9]+", "-", situation.name.lower())


@pytest.mark.lab
@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("situation", SITUATIONS, ids=_id)
def test_what_is_advised_helps(situation: Situation, fresh: Serving, lab: Lab, ticks: TickReceiver) -> None:
    cell = Cell(lab, fresh, ticks, situation.phase, guest=_guest(situation, fresh, lab, ticks))
    with cell.healed():
        cell.reach()
        situation.bring(cell)
        text = _advised(cell, situation)
        situation.follow(cell, text)
        if situation.closed:
            _is_closed(cell)
        _follow_what_is_said_next(cell, text)
        assert cell.shown()["state"] in situation.ends, cell.tell()
        assert situation.last in cell.shown()["state_text"]
        _runs_once(cell, situation)


def _guest(situation: Situation, kvmweb: Serving, lab: Lab, ticks: TickReceiver) -> str:
    spec = situation.guest
    if spec is None:
        return ""
    lab.define_guest(spec.host, spec)
    assert ticks.wait_for(spec.name, timeout=60)
    kvmweb.wait_for_guest(spec.name, spec.host)
    return spec.name


def _advised(cell: Cell, situation: Situation) -> str:
    """The text of what to do, once it is that of the situation: others may come and go before."""

    def told() -> bool:
        shown = cell.shown()
        error = shown["error"] or {}
        return (
            shown["state"] == "needs_attention"
            and situation.says in shown["state_text"]
            and situation.advises in error.get("what_to_do", "")
        )

    wait_until(told, situation.within, f"{situation.says!r} is said with {situation.advises!r}", tell=cell.tell)
    return str(cell.shown()["error"]["what_to_do"])


def _follow_what_is_said_next(cell: Cell, text: str) -> None:
    """Until it is over: what was done may have brought another situation, which says what to do in its turn."""
    followed = {text}
    until = time.monotonic() + ENDS_WITHIN
    while (shown := cell.shown())["state"] not in TERMINAL:
        assert time.monotonic() < until, f"it does not come to an end. {cell.tell()}"
        told = (shown["error"] or {}).get("what_to_do", "") if shown["state"] == "needs_attention" else ""
        if told and told not in followed and _has_settled(cell, told):
            followed.add(told)
            advice.follow(cell, told)
        time.sleep(0.5)


def _has_settled(cell: Cell, told: str) -> bool:
    """What kvmweb says during a change is replaced at the next check."""
    time.sleep(20)
    return bool((cell.shown()["error"] or {}).get("what_to_do") == told)


def _is_closed(cell: Cell) -> None:
    """What an admin does at the end of some advice."""
    if cell.shown()["state"] not in TERMINAL:
        cell.close()


def _runs_once(cell: Cell, situation: Situation) -> None:
    host = cell.lab.hosts[situation.on]
    other = cell.target if host is cell.source else cell.source
    assert cell.virsh_state(host).startswith("running")
    assert not other.qemus_of(cell.uuid)
    assert len(host.qemus_of(cell.uuid)) == 1
    assert cell.ticks.wait_for(cell.guest, timeout=60), "it is not heard"
    assert not truth.trouble_with_disk(cell, host)
