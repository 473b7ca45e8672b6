"""What the pages of the portal follow. A socket takes 32 topics."""

from __future__ import annotations

from typing import Any

from kvmweb.accounts.permissions import Right, may, teams_of
from migrations_app.reading.follow import list_topics
from portal.words.topics import REQUESTS, moving_topic, team_topic

#: who is in more teams sees the others' changes when the page reads itself again, once a minute
MOST_TEAMS = 6


def page_topics(user: Any, *more: str) -> str:
    """For operators also what is in their bar at the top."""
    lists = [*list_topics(user), *([REQUESTS] if may(user, Right.SEE_EVERYTHING) else [])]
    teams = sorted(teams_of(user))[:MOST_TEAMS]
    return " ".join([*lists, *more, *(topic for team in teams for topic in (team_topic(team), moving_topic(team)))])
