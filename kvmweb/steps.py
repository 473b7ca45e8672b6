"""Steps that change something on a host: done, verified, undone; each is recorded before it begins.

A process that continues after a kill has the same list. A step that had begun is verified before it is done again.
What kvmweb cannot prove to have made is never undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, Self


class StepState(StrEnum):
    """How far a step is known to have come."""

    # It was about to be done; it may have happened.
    BEGUN = "begun"
    # The host reported that it did it.
    DONE = "done"
    # kvmweb checked afterwards; `evidence` says what is there.
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One step as recorded. `about` has all that is needed to make the step again; both are JSON."""

    step: str
    about: dict[str, Any]
    state: StepState = StepState.BEGUN
    evidence: dict[str, Any] | None = None

    @property
    def sure(self) -> bool:
        """Whether it was done for certain."""
        return self.state is not StepState.BEGUN

    def as_json(self) -> dict[str, Any]:
        return {"step": self.step, "about": self.about, "state": str(self.state), "evidence": self.evidence}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(**{**stored, "state": StepState(stored["state"])})


class NotDone(Exception):
    """A step could not be done. `certain`: nothing of it has happened."""

    def __init__(self, message: str, *, certain: bool) -> None:
        super().__init__(message)
        self.certain = certain


class Step(Protocol):
    """One change on one host. `name` is the kind of step; steps are the same when name and `about` are."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> dict[str, Any]: ...
    @property
    def gone(self) -> str:
        """What to say when it was done, but what it made no longer exists."""
        ...

    def do(self) -> None:
        """Raises NotDone."""
        ...

    def verify(self, written: Written) -> dict[str, Any] | None:
        """What is there, as evidence that it was done; None when it is not there. Raises NotDone when this is unknown,
        or when somebody else may have done it."""
        ...

    def undo(self, written: Written) -> bool:
        """Whether nothing is left of it for certain. Records what is left; never raises for a host's error."""
        ...


class Book(Protocol):
    """Where the steps are recorded: `write` returns only after they are stored."""

    def read(self) -> list[Written]: ...
    def write(self, steps: list[Written]) -> None: ...


class Steps:
    """Does and undoes the steps of one procedure, and records them in its book."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def go(self, plan: Sequence[Step]) -> None:
        """Do the steps that are not done yet, in order. Raises NotDone at the first that fails."""
        for step in plan:
            written = self._find(step)
            if written is None or (not written.sure and step.verify(written) is None):
                written = self._do(step)
            if written.evidence is None:
                evidence = step.verify(written)
                if evidence is None:
                    raise NotDone(step.gone, certain=False)
                self._keep(replace(written, state=StepState.VERIFIED, evidence=evidence))

    def undo(self, make: Callable[[Written], Step | None]) -> None:
        """Undo what was done, last first; what is left stays in the book. `make` makes a step from its entry, or None
        from one that is not to be undone."""
        for written in reversed(self._book.read()):
            step = make(written)
            if step is not None and step.undo(written):
                self._forget(written)

    def _do(self, step: Step) -> Written:
        begun = Written(step=step.name, about=step.about)
        self._keep(begun)
        try:
            step.do()
        except NotDone as error:
            if error.certain:
                self._forget(begun)
            raise
        done = replace(begun, state=StepState.DONE)
        self._keep(done)
        return done

    def _find(self, step: Step) -> Written | None:
        return next((one for one in self._book.read() if _same(one, step.name, step.about)), None)

    def _keep(self, written: Written) -> None:
        steps = self._book.read()
        at = [index for index, one in enumerate(steps) if _same(one, written.step, written.about)]
        self._book.write([*steps[: at[0]], written, *steps[at[0] + 1 :]] if at else [*steps, written])

    def _forget(self, written: Written) -> None:
        self._book.write([one for one in self._book.read() if not _same(one, written.step, written.about)])


def _same(one: Written, name: str, about: dict[str, Any]) -> bool:
    return one.step == name and one.about == about
