"""What happens to a team's VMs without its doing."""

from __future__ import annotations

from kvmweb.accounts.models import Team
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind


def tell_team(team: Team, subject: str, text: str) -> None:
    """In the caller's transaction. Both are for people of the team: they name no host."""
    writer.write(writer.team_topic(team.pk), EntryKind.NOTE, text, body={"subject": subject})
