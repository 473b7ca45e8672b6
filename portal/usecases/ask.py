"""People of a team ask that one of their VMs migrates, never to which host. Nothing is contacted here: the row is
written and a worker told to look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosts.models import Guest, HostGroup
from kvmweb.accounts.models import Ownership, Team
from kvmweb.accounts.permissions import Denied, Right, require, teams_of
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.queue import enqueue
from kvmweb.web.plain import isolated
from portal.domain.states import TERMINAL, RequestState, Wish
from portal.models import Request, Storage
from portal.reading.quotas import exceeded
from portal.usecases.errors import AlreadyAsked, AskRefused, KeyReused, OverQuota

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: how far ahead one may ask
FARTHEST = timedelta(days=366)
#: of one VM; each is a preflight check, also if it is withdrawn at once
MOST_A_DAY = 50
CHOOSING = "A destination is being chosen."
_WORDS = {
    Wish.AWAY: "to another host",
    Wish.SITE: "to the site {value}",
    Wish.STORAGE: "to the storage {value}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`value`: of a site or of storage, as people of teams call it."""

    wish: Wish
    value: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    reason: str = ""

    def as_fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("wish", "value", "not_before", "not_after", "reason")}


def ask(*, by: User, guest: Guest, asked: Asked, idempotency_key: str = "") -> tuple[Request, bool]:
    """(the request, whether it is new). The same key with the same wish returns the request it made before.

    Raises PermissionDenied, AskRefused, AlreadyAsked, KeyReused, OverQuota.
    """
    team = team_for(by, guest)
    if idempotency_key and (earlier := _earlier(by, idempotency_key, guest, asked)):
        return earlier, False
    _check(guest, asked)
    try:
        with transaction.atomic():
            if is_open := _open(guest):
                raise AlreadyAsked(is_open)
            Team.objects.select_for_update().get(pk=team.pk)  # two who ask at once count each other
            gib = 0.0 if asked.wish is Wish.STORAGE else guest.memory_kib / 1024**2
            if over := exceeded(team, gib=gib, now=timezone.now()):
                raise OverQuota(over)
            return _record(by, team, guest, asked, gib, idempotency_key), True
    except IntegrityError:
        if idempotency_key and (earlier := _earlier(by, idempotency_key, guest, asked)):
            return earlier, False
        if is_open := _open(guest):
            raise AlreadyAsked(is_open) from None
        raise AskRefused("guest", "Another request for this VM has just ended. Ask again.") from None


def team_for(by: User, guest: Guest) -> Team:
    """The team that owns the VM, if the user is one of its people. Raises PermissionDenied."""
    require(by, Right.ASK)
    owner = Ownership.objects.select_related("team").filter(pk=guest.pk, team__in=teams_of(by)).first()
    if owner is None or owner.team is None:
        raise Denied("This VM does not belong to your team.")
    return owner.team


def wish_words(wish: str, value: str) -> str:
    """Where to; continues a sentence about a VM."""
    return _WORDS[Wish(wish)].format(value=isolated(value))


def _record(by: User, team: Team, guest: Guest, asked: Asked, gib: float, key: str) -> Request:
    now = timezone.now()
    made: Request = Request.objects.create(
        team=team,
        guest=guest,
        guest_name=guest.name,
        asked_by=by,
        asked_by_name=by.get_username(),
        idempotency_key=key,
        gib=gib,
        state=RequestState.QUEUED,
        text=CHOOSING,
        state_since=now,
        look_at=now,
        **asked.as_fields(),
    )
    where = wish_words(asked.wish, asked.value)
    text = f"{isolated(by.get_username())} asked that {isolated(guest.name)} migrates {where}."
    body = {"state": RequestState.QUEUED}
    writer.write(writer.request_topic(made.pk), EntryKind.ACTION, text, body=body, actor=by, reason=asked.reason)
    enqueue("portal.tasks.advance", made.pk)
    return made


def _check(guest: Guest, asked: Asked) -> None:
    """Raises AskRefused."""
    now = timezone.now()
    if Request.objects.filter(guest=guest, asked_at__gt=now - timedelta(hours=24)).count() >= MOST_A_DAY:
        raise AskRefused("guest", f"{MOST_A_DAY} requests for one VM in 24 hours are the most.")
    for field in ("not_before", "not_after"):
        time = getattr(asked, field)
        if time is not None and time > now + FARTHEST:
            raise AskRefused(field, "This is more than a year ahead.")
    if asked.not_after is not None and asked.not_after <= now:
        raise AskRefused("not_after", "This time has passed.")
    if asked.not_after is not None and asked.not_before is not None and asked.not_after <= asked.not_before:
        raise AskRefused("not_after", "This is not after `not_before`.")
    if asked.wish is Wish.AWAY and asked.value:
        raise AskRefused("value", "Leave it out: kvmweb chooses the destination.")
    if asked.wish is Wish.SITE:
        _check_site(guest, asked.value)
    if asked.wish is Wish.STORAGE and not Storage.objects.filter(name=asked.value).exists():
        raise AskRefused("value", "There is no storage with this name.")


def _check_site(guest: Guest, site: str) -> None:
    if not site or not HostGroup.objects.filter(site=site).exists():
        raise AskRefused("value", "There is no site with this name.")
    here = guest.current_sighting()
    if here is not None and here.host.group is not None and here.host.group.site == site:
        raise AskRefused("value", "The VM is at this site already.")


def _open(guest: Guest) -> Request | None:
    found: Request | None = Request.objects.filter(guest=guest).exclude(state__in=TERMINAL).first()
    return found


def _earlier(by: User, key: str, guest: Guest, asked: Asked) -> Request | None:
    first: Request | None = Request.objects.filter(asked_by=by, idempotency_key=key).first()
    if first is not None and (first.guest_id, *_of(first)) != (guest.pk, *asked.as_fields().values()):
        raise KeyReused(first)
    return first


def _of(row: Request) -> list[Any]:
    return [getattr(row, name) for name in ("wish", "value", "not_before", "not_after", "reason")]
