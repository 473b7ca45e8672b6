"""VMs whose own definition names their team.

Whoever edits a VM's definition could take it over: a team gets such VMs only if an admin allows it (`claims_metadata`),
and never one that an admin gave or took by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from kvmweb.accounts.models import Ownership, Team
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated


def settle(named: Mapping[UUID, str]) -> set[UUID]:
    """What the definitions of these VMs say ("" for nothing) counts from now on; it goes before a name pattern. Returns
    those that name a team in vain. Afterwards `teams.claim` gives what is free to patterns."""
    teams = {team.name: team for team in Team.objects.filter(name__in=set(named.values()), claims_metadata=True)}
    rows = Ownership.objects.select_for_update().in_bulk(list(named))
    vain = set()
    for guest, text in named.items():
        row, team = rows.get(guest), teams.get(text)
        if row is not None and row.by_hand:
            continue
        if team is None:
            vain |= {guest} if text else set()
            if row is not None and row.by_metadata:
                row.delete()
                _tell(guest, "The VM's definition no longer gives it to a team.", row.team_id)
        elif row is None or not row.by_metadata or row.team_id != team.pk:
            Ownership.objects.update_or_create(guest=guest, defaults={"team": team, "pattern": "", "by_metadata": True})
            _tell(guest, f"The VM belongs to the team {isolated(team.name)}: its definition says so.", team.pk)
    return vain


def _tell(guest: UUID, text: str, team: int | None) -> None:
    writer.write(writer.guest_topic(str(guest)), EntryKind.NOTE, text, body={"team": team})
