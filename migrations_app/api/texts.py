"""Enumerations of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import WithJsonSchema

from hosts.facts.guest import RunState
from kvmweb.journal.models import EntryKind
from migrations_app.domain.arrival import Result, Sign
from migrations_app.domain.convergence.action import Act
from migrations_app.domain.convergence.policy import Consent, LastResort
from migrations_app.domain.gate import Lane
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.options import Type
from migrations_app.domain.order import OrderState
from migrations_app.domain.orders import CONTROLS
from migrations_app.domain.preflight.check import Severity, Verdict


def one_of(texts: Iterable[str]) -> WithJsonSchema:
    """The document lists the values; what is in the database is passed on unchecked."""
    return WithJsonSchema({"type": "string", "enum": [str(text) for text in texts]})


StateText = Annotated[str, one_of(State)]
RunStateText = Annotated[str, one_of(RunState)]
VerdictText = Annotated[str, one_of(["", *Verdict])]
SeverityText = Annotated[str, one_of(Severity)]
KindText = Annotated[str, one_of(Kind)]
EntryKindText = Annotated[str, one_of(kind for kind in EntryKind if kind != EntryKind.SIGNAL)]
MemoryByText = Annotated[str, one_of(["guest", "host"])]
OrderText = Annotated[str, one_of(CONTROLS)]
OrderStateText = Annotated[str, one_of(OrderState)]
LastResortText = Annotated[str, one_of(LastResort)]
ConsentText = Annotated[str, one_of(Consent)]
LaneText = Annotated[str, one_of(Lane)]
ActText = Annotated[str, one_of(Act)]
SignText = Annotated[str, one_of(Sign)]
ResultText = Annotated[str, one_of(Result)]
OptionTypeText = Annotated[str, one_of(Type)]
