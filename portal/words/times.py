"""Why a migration of the portal waits for another time. For people of teams: no host, address or path."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from portal.models import Blackout

NO_TIME = "Windows, blackouts and quiet hours leave no time that is long enough for this migration in the coming year."
UNREADABLE = "The times set for this VM cannot be read. An admin can set them again."
QUIET = ("These are the quiet hours of this VM", "It would not be over before the quiet hours of this VM begin")
WINDOW = ("No window is open", "It would not be over before the window closes")


def blackout_words(blackout: Blackout) -> tuple[str, str]:
    name = f'the blackout "{isolated(blackout.name)}"'
    return f"Nothing starts during {name}", f"It would not be over before {name} begins"


def waits(why: str, until: datetime) -> str:
    return f"{why}. It may start at {until:%Y-%m-%d %H:%M} UTC."


def too_long_down(forecast_ms: int, allowed_ms: int) -> str:
    return f"A downtime of {forecast_ms} ms is forecast; the team allows {allowed_ms} ms for this VM."
