"""A migration in the hands of its worker: the row as this process knows it, and everything that is written to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kvmweb.steps import Written
from migrations_app import ledger
from migrations_app.domain.convergence.action import Action
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.ledger import Claim
from migrations_app.models import Decision, Migration

if TYPE_CHECKING:
    from migrations_app.worker.watch.felt import Felt


class Held:
    """Every write goes through the claim and raises LostClaim when somebody else has it. `row` follows what is written.

    `been` are the states it has been in under this worker. It is also the book of the migration's steps.
    """

    def __init__(self, claim: Claim, row: Migration) -> None:
        self.claim = claim
        self.row = row
        self.been = {self.state}
        #: what probes its VM meanwhile
        self.felt: Felt | None = None

    @property
    def state(self) -> State:
        return State(self.row.state)

    @property
    def guest(self) -> str:
        """The guest's UUID."""
        return str(self.row.guest_id)

    def become(self, new: State, text: str = "", **fields: Any) -> None:
        """Change the state, or only its words. Raises what a `guard` raises, see ledger.change_state."""
        if new is self.state:
            if text and text != self.row.state_text:
                self.update(state_text=text)
            return
        if self.state in (State.NEEDS_ATTENTION, State.POST_COPY_FAILED):
            fields = {"error": {}, **fields}  # what was advised then is not true any more
        if self.state is State.NEEDS_ATTENTION and new not in TERMINAL | {State.VERIFYING}:
            self.become(State.VERIFYING, text)
        ledger.change_state(self.claim, self.state, new, text, **fields)
        for called in ("guard", "also"):
            fields.pop(called, None)
        self._know(state=new, state_text=text, **fields)
        self.been.add(new)

    def update(self, **fields: Any) -> None:
        """Facts of the record."""
        ledger.update(self.claim, **fields)
        self._know(**fields)

    def keep_decisions(self, actions: Iterable[Action], **fields: Any) -> list[Decision]:
        """What a policy has decided, together with facts of the record."""
        made = ledger.keep_decisions(self.claim, actions, **fields)
        self._know(**fields)
        return made

    def tick(self, progress: dict[str, Any]) -> None:
        self.row.progress = progress
        ledger.tick(self.claim, progress)

    def note(self, text: str, **body: Any) -> None:
        ledger.note(self.claim, text, **body)

    def note_once(self, text: str, **body: Any) -> None:
        ledger.note_once(self.claim, text, **body)

    def release(self) -> None:
        ledger.release(self.claim)

    def read(self) -> list[Written]:
        return [Written.from_json(step) for step in self.row.steps]

    def write(self, steps: list[Written]) -> None:
        self.update(steps=[step.as_json() for step in steps])

    def _know(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self.row, name, value)
