"""Filters of the lists; they live in the page's address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet

from hosts.facts.guest import RunState
from hosts.models import Guest, Host
from hosts.words.badges import RUN_BADGES
from kvmweb.web.plain import bare
from migrations_app.domain.lifecycle import TERMINAL
from migrations_app.models import CopyState, Migration, RollbackCopy
from migrations_app.reading.guests import existing, gone, gone_count, matching
from migrations_app.reading.hosts import host_names
from migrations_app.words.badges import STATE_BADGES
from migrations_app.words.rollback import COPY_BADGES

ACTIVE = "active"
GONE = "gone"
LONGEST = 200
_SELECT = {"class": "form-select"}
_TEXT = {"class": "form-control", "autocomplete": "off", "spellcheck": "false"}


def _hosts(request: Any) -> QuerySet[Host]:
    return host_names(request.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    id: str
    label: str
    why: str
    without: str


class _Filter(django_filters.FilterSet):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.form.fields.values():
            chosen = hasattr(field, "choices")
            field.widget.attrs |= _SELECT if chosen else _TEXT
            if chosen:
                field.error_messages["invalid_choice"] = "there is no such choice, so nothing matches."

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """An invalid filter matches nothing: a list of everything would look like its result."""
        return queryset.none() if self.errors else super().filter_queryset(queryset)

    @property
    def chosen(self) -> bool:
        """Whether the address has any of these filters."""
        return any(self.data.get(name) for name in self.form.fields)

    @property
    def wrong(self) -> list[_Wrong]:
        """Invalid filters, each with the page's address without it."""
        found = []
        for name, reasons in self.errors.items():
            rest = self.data.copy()
            for dropped in (name, "page"):
                rest.pop(dropped, None)
            field = self.form[name]
            without = f"?{rest.urlencode()}" if rest else self.request.path
            found.append(_Wrong(id=field.id_for_label, label=field.label, why=" ".join(reasons), without=without))
        return found


class _Words(django_filters.CharFilter):  # type: ignore[misc]
    """Also matches names copied from a page."""

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = super().filter(rows, bare(value))
        return found


class GuestTableFilter(_Filter):
    q = django_filters.CharFilter(method="search", max_length=LONGEST, label="Name, UUID, host or address")
    host = django_filters.ModelChoiceFilter(queryset=_hosts, method="on_host", label="Host", empty_label="Any host")
    state = django_filters.ChoiceFilter(
        choices=[*((state.value, RUN_BADGES[state].label) for state in RunState), (GONE, "Gone")],
        method="in_state",
        label="State",
        empty_label="Any state",
    )

    class Meta:
        model = Guest
        fields: ClassVar = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = self.form.fields["state"]
        self.gone_count = gone_count(self.request.user)
        shown.choices = [(value, f"{label} ({self.gone_count})" if value == GONE else label)
                         for value, label in shown.choices]  # fmt: skip

    @property
    def gone_only(self) -> bool:
        return bool(self.form.is_valid() and self.form.cleaned_data.get("state") == GONE)

    def search(self, rows: QuerySet[Guest], name: str, value: str) -> QuerySet[Guest]:
        return matching(rows, value)

    def on_host(self, rows: QuerySet[Guest], name: str, value: Host) -> QuerySet[Guest]:
        """That has it, or had it of those that are gone."""
        return rows.filter(Q(sightings__host=value) if self.gone_only else Q(here_id=value.pk))

    def in_state(self, rows: QuerySet[Guest], name: str, value: str) -> QuerySet[Guest]:
        return gone(rows) if value == GONE else rows.filter(Q(run_state=value))

    def filter_queryset(self, queryset: QuerySet[Guest]) -> QuerySet[Guest]:
        """What exists, unless somebody asks for what is gone."""
        rows = super().filter_queryset(queryset)
        return rows if self.gone_only else existing(rows)


class MigrationTableFilter(_Filter):
    q = _Words(field_name="guest_name", lookup_expr="icontains", max_length=LONGEST, label="VM")
    state = django_filters.ChoiceFilter(
        choices=[
            (ACTIVE, "Running or waiting"),
            *((state.value, shown.label) for state, shown in STATE_BADGES.items()),
        ],
        method="in_state",
        label="State",
        empty_label="Any state",
    )
    person = _Words(field_name="requested_by_name", lookup_expr="icontains", max_length=LONGEST, label="Requested by")
    source = django_filters.ModelChoiceFilter(queryset=_hosts, label="Source host", empty_label="Any host")
    target = django_filters.ModelChoiceFilter(queryset=_hosts, label="Destination host", empty_label="Any host")
    host = django_filters.ModelChoiceFilter(
        queryset=_hosts, method="at_host", label="Either host", empty_label="Any host"
    )

    class Meta:
        model = Migration
        fields: ClassVar = ()

    def in_state(self, rows: QuerySet[Migration], name: str, value: str) -> QuerySet[Migration]:
        return rows.exclude(state__in=TERMINAL) if value == ACTIVE else rows.filter(state=value)

    def at_host(self, rows: QuerySet[Migration], name: str, value: Host) -> QuerySet[Migration]:
        return rows.filter(Q(source=value) | Q(target=value))


class CopyTableFilter(_Filter):
    q = _Words(field_name="guest_name", lookup_expr="icontains", max_length=LONGEST, label="VM")
    state = django_filters.ChoiceFilter(
        choices=[(state.value, COPY_BADGES[state].label) for state in CopyState], label="State", empty_label="Any state"
    )
    host = django_filters.ModelChoiceFilter(queryset=_hosts, label="Host", empty_label="Any host")

    class Meta:
        model = RollbackCopy
        fields: ClassVar = ()
