"""What migration and preflight have in common: both were asked for by a request."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from migrations_app.domain.kinds import KIND, Kind, KindRow
from migrations_app.domain.options import options_from_json
from migrations_app.domain.request import MigrationRequest


class Requested:
    guest_id: UUID | None
    target_id: int
    kind: Any
    options: Any
    asked_policy: str

    @property
    def request(self) -> MigrationRequest:
        return self.request_for(str(self.guest_id))

    def request_for(self, uuid: str) -> MigrationRequest:
        """The same for the VM with this UUID."""
        return MigrationRequest(
            guest=uuid,
            target=self.target_id,
            kind=Kind(self.kind),
            options=options_from_json(self.options),
            policy=self.asked_policy,
        )

    def name_there(self, here: str) -> str:
        """What the VM that is called `here` is called on the destination."""
        new: str | None = self.request.options.new_name
        return new or here

    @property
    def kind_row(self) -> KindRow:
        return KIND[Kind(self.kind)]
