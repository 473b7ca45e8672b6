"""The step engine: steps are recorded before, verified afterwards, and continued or undone by the next process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from kvmweb.steps import NotDone, Steps, StepState, Written


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Paper:
    """A book that survives the process. `write` may be the moment of the kill."""

    stored: list[dict[str, Any]] = field(default_factory=list)
    history: list[list[str]] = field(default_factory=list)

    def read(self) -> list[Written]:
        return [Written.from_json(entry) for entry in self.stored]

    def write(self, steps: list[Written]) -> None:
        self.stored = [step.as_json() for step in steps]
        self.history.append([str(step.state) for step in steps])


@dataclass
class Put:
    """Puts a thing on a shelf, which is a host. `fails` is raised by `do`, before or after the thing is there."""

    thing: str
    shelf: set[str]
    calls: list[str] = field(default_factory=list)
    fails: BaseException | None = None
    done_all_the_same: bool = False
    name: str = "put"

    @property
    def about(self) -> dict[str, Any]:
        return {"thing": self.thing}

    @property
    def gone(self) -> str:
        return f"{self.thing} is gone again"

    def do(self) -> None:
        self.calls.append("do")
        if self.fails is None or self.done_all_the_same:
            self.shelf.add(self.thing)
        if self.fails is not None:
            raise self.fails

    def verify(self, written: Written) -> dict[str, Any] | None:
        self.calls.append("verify")
        return {"seen": self.thing} if self.thing in self.shelf else None

    def undo(self, written: Written) -> bool:
        self.calls.append("undo")
        if not written.sure:
            return False
        self.shelf.discard(self.thing)
        return True


def test_each_step_is_written_down_before_it_begins_and_when_it_is_proven() -> None:
    paper, shelf = Paper(), set[str]()
    Steps(paper).go([Put("a", shelf), Put("b", shelf)])
    assert paper.history == [
        ["begun"], ["done"], ["verified"],
        ["verified", "begun"], ["verified", "done"], ["verified", "verified"],
    ]  # fmt: skip
    assert [step.evidence for step in paper.read()] == [{"seen": "a"}, {"seen": "b"}]


def test_what_is_done_is_not_done_again() -> None:
    paper, shelf = Paper(), set[str]()
    Steps(paper).go([Put("a", shelf)])
    again = Put("a", shelf)
    Steps(paper).go([again])
    assert again.calls == []


@pytest.mark.parametrize(("happened", "calls"), [(True, ["verify", "verify"]), (False, ["verify", "do", "verify"])])
def test_a_step_that_was_begun_by_a_worker_that_died_is_looked_at_first(happened: bool, calls: list[str]) -> None:
    paper, shelf = Paper(), set[str]()
    with pytest.raises(Killed):
        Steps(paper).go([Put("a", shelf, fails=Killed(), done_all_the_same=happened)])
    assert [step.state for step in paper.read()] == [StepState.BEGUN]
    successor = Put("a", shelf)
    Steps(paper).go([successor])
    assert successor.calls == calls
    assert [step.state for step in paper.read()] == [StepState.VERIFIED]


@pytest.mark.parametrize(("certain", "left"), [(True, []), (False, ["begun"])])
def test_only_what_has_certainly_not_happened_is_forgotten(certain: bool, left: list[str]) -> None:
    paper, shelf = Paper(), set[str]()
    with pytest.raises(NotDone):
        Steps(paper).go([Put("a", shelf, fails=NotDone("no", certain=certain)), Put("b", shelf)])
    assert [str(step.state) for step in paper.read()] == left
    assert shelf == set()


def test_what_vanishes_between_deed_and_proof_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    paper, step = Paper(), Put("a", set())
    monkeypatch.setattr(step, "verify", lambda _: None)
    with pytest.raises(NotDone, match="a is gone again"):
        Steps(paper).go([step])
    assert [step.state for step in paper.read()] == [StepState.DONE]


def test_undone_from_the_last_to_the_first_and_what_is_unsure_stays() -> None:
    paper, shelf, order = Paper(), set[str](), []
    with pytest.raises(NotDone):
        Steps(paper).go([Put("a", shelf), Put("b", shelf), Put("c", shelf, fails=NotDone("?", certain=False))])

    def make(written: Written) -> Put:
        order.append(written.about["thing"])
        return Put(written.about["thing"], shelf)

    Steps(paper).undo(make)
    assert order == ["c", "b", "a"]
    assert [(step.about["thing"], step.state) for step in paper.read()] == [("c", StepState.BEGUN)]
    assert shelf == set()


def test_what_no_step_is_made_for_stays_done() -> None:
    paper, shelf = Paper(), set[str]()
    Steps(paper).go([Put("a", shelf), Put("b", shelf)])
    Steps(paper).undo(lambda written: Put("a", shelf) if written.about["thing"] == "a" else None)
    assert [step.about["thing"] for step in paper.read()] == ["b"]
    assert shelf == {"b"}
