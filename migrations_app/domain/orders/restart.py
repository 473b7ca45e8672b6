"""Stop the migration and, once the guest is seen at the source, start it again with another policy."""

from __future__ import annotations

from migrations_app.domain.kinds import RUNNING_KINDS
from migrations_app.domain.lifecycle import State
from migrations_app.domain.order import Answer, Order, OrderState, Situation
from migrations_app.domain.orders.cancel import stop_until_over
from migrations_app.domain.setting import while_copying

#: by the state in which the migration ended, while nothing was started again
_NOT_STARTED = {
    State.DONE: "Too late: the VM has arrived.",
    State.CANCELLED: "The migration was cancelled, so it was not started again.",
    State.NEEDS_ATTENTION: "It is not known where the VM runs, so the migration was not started again.",
}


def _ended(state: State) -> Answer:
    text = _NOT_STARTED.get(state, "The migration failed, so it was not started again.")
    return Answer(state=OrderState.REFUSED, text=text)


def _never(situation: Situation) -> str:
    if situation.request.kind in RUNNING_KINDS:
        return ""
    return "This method has no policy."


def _consequence(situation: Situation) -> str:
    return "Cancels this migration. Once the VM is seen on the source again, a new one starts with the chosen policy."


ORDER = Order(
    what="restart",
    asked="asked to start the migration again, with the policy “{value}”.",
    asked_too="asked to start it again with the policy “{value}”, too.",
    label="Start again",
    consequence=_consequence,
    names="policy",
    never=_never,
    why_not=while_copying,
    next=stop_until_over("The new start waits"),
    ended=_ended,
)
