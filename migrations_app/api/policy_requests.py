"""The API's request bodies about policies. The domain checks the bounds, which stand in the document too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import ConfigDict, StrictBool, StrictInt

from kvmweb.web.plain import Plain
from migrations_app.api.requests import PolicyName
from migrations_app.domain.convergence.bounds import BOUNDS, MOST_STEPS
from migrations_app.usecases.policies import PolicyFields


def _bounded(name: str) -> Any:
    row = BOUNDS[name]
    schema: dict[str, Any] = {"minimum": row.minimum, "maximum": row.maximum}
    return Field(None, description=f"{row.unit}. {row.consequence}", json_schema_extra=schema)


class PolicyChangesIn(Schema):
    """What is left out stays as it is. `built_in` cannot be changed."""

    model_config = ConfigDict(extra="forbid")

    name: PolicyName | None = None
    built_in: StrictBool | None = None
    start_downtime_ms: StrictInt | None = _bounded("start_downtime_ms")
    ladder_ms: list[StrictInt] | None = Field(
        None, description=f"ms. {BOUNDS['ladder_ms'].consequence}", json_schema_extra={"maxItems": MOST_STEPS}
    )
    stall_window_s: StrictInt | None = _bounded("stall_window_s")
    patience_s: StrictInt | None = _bounded("patience_s")
    deadline_s_per_gib: StrictInt | None = _bounded("deadline_s_per_gib")
    deadline_max_s: StrictInt | None = _bounded("deadline_max_s")
    last_resort: Literal["abort", "post_copy", "finish", "throttle"] | None = None
    resume_post_copy: StrictBool | None = Field(
        None, description="an interrupted post-copy is resumed as soon as that is possible"
    )
    shadow: StrictBool | None = Field(None, description="the policy says what it would do, and does nothing")
    reason: Plain = Field("", max_length=1000)

    def fields(self) -> PolicyFields:
        given: PolicyFields = self.dict(exclude_none=True, exclude={"reason", "built_in"})  # type: ignore[assignment]
        return given


class PolicyIn(PolicyChangesIn):
    """What is left out is as in the policy gentle."""

    name: PolicyName


class ChosenPolicyIn(Schema):
    model_config = ConfigDict(extra="forbid")

    policy: PolicyName
    reason: Plain = Field("", max_length=1000)


class HostPolicyIn(Schema):
    """`policy` null: none for this host; that of the installation counts."""

    model_config = ConfigDict(extra="forbid")

    policy: PolicyName | None
    reason: Plain = Field("", max_length=1000)


HostName = Annotated[Plain, Field(min_length=1, max_length=63)]
Agreed = Literal["never", "if_needed", "always"]


class ConsentIn(Schema):
    model_config = ConfigDict(extra="forbid")

    slow: Agreed | None = None
    pause: Agreed | None = None
    post_copy: Agreed | None = None


class GuestChangesIn(Schema):
    """What is left out stays as it is. `policy` null: none for this VM; that of its host counts, or of the
    installation. `probe_address` null: kvmweb takes what the host reports."""

    model_config = ConfigDict(extra="forbid")

    consent: ConsentIn = ConsentIn()
    policy: PolicyName | None = None
    probe_address: Annotated[Plain, Field(max_length=45)] | None = None
    reason: Plain = Field("", max_length=1000)
