"""What admins do with groups of hosts. A host joins one as it gets its other fields (register_host.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from hosts.facts import endpoint
from hosts.facts.endpoint import BadEndpoint
from hosts.models import HostGroup
from hosts.usecases.errors import HostRefused
from hosts.words import journal
from kvmweb.accounts.grants import end_scope
from kvmweb.accounts.permissions import Right, require
from kvmweb.accounts.roles import group_scope
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import is_plain, isolated

if TYPE_CHECKING:
    from django.contrib.auth.models import User

LONGEST = 63


@transaction.atomic
def create_group(name: str, site: str = "", *, by: User, reason: str = "") -> HostGroup:
    """Raises HostRefused, PermissionDenied."""
    require(by, Right.MANAGE_HOSTS)
    group = HostGroup(name=_name(name), site=_site(site))
    _save(group)
    _tell(by, f"created the group of hosts {group.name}{_at(group.site)}", reason)
    return group


@transaction.atomic
def change_group(
    group: HostGroup, *, by: User, name: str | None = None, site: str | None = None, reason: str = ""
) -> None:
    """None: stays. Raises HostRefused, PermissionDenied."""
    require(by, Right.MANAGE_HOSTS, group)
    before = (group.name, group.site)
    group.name = group.name if name is None else _name(name)
    group.site = group.site if site is None else _site(site)
    if before != (group.name, group.site):
        _save(group)
        _tell(by, f"changed the group of hosts {before[0]}{_at(before[1])} to {group.name}{_at(group.site)}", reason)


@transaction.atomic
def remove_group(group: HostGroup, *, by: User, reason: str = "") -> None:
    """Its hosts belong to no group afterwards, and roles for it end. Raises PermissionDenied."""
    require(by, Right.MANAGE_HOSTS, group)
    _tell(by, f"deleted the group of hosts {group.name}", reason)
    end_scope(group_scope(group.pk), by=by, reason=reason)
    group.delete()


def _name(text: str) -> str:
    try:
        return endpoint.check_name(text.strip())
    except BadEndpoint as error:
        raise HostRefused("name", str(error)) from None


def _site(text: str) -> str:
    site = text.strip()
    if len(site) > LONGEST or not is_plain(site):
        raise HostRefused("site", f"A site is one line of at most {LONGEST} characters.")
    return site


def _save(group: HostGroup) -> None:
    others = HostGroup.objects.exclude(pk=group.pk) if group.pk else HostGroup.objects.all()
    try:
        with transaction.atomic():
            if others.filter(name__iexact=group.name).exists():
                raise IntegrityError
            group.save()
    except IntegrityError:
        raise HostRefused("name", "Another group has this name.") from None


def _at(site: str) -> str:
    return f" (site {isolated(site)})" if site else ""


def _tell(by: User, did: str, reason: str) -> None:
    writer.write(writer.INVENTORY, EntryKind.ACTION, journal.by(by, did), actor=by, reason=reason)
