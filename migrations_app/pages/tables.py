"""The lists of VMs and migrations as tables: sorted in the database, so that the address of the page says how."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar
from uuid import UUID

import django_tables2 as tables
from django.db.models import DurationField, ExpressionWrapper, F, QuerySet, Value
from django.db.models.functions import NullIf
from django.http import HttpRequest
from django.urls import reverse
from django_tables2 import RequestConfig, Table

from hosts.models import Guest
from kvmweb.ui import units
from kvmweb.web.page import number
from migrations_app.models import Migration, RollbackCopy

_QUIET = {"cell": {"class": "quiet nowrap roomy-only"}}


ROWS = 50


class GuestTable(tables.Table):  # type: ignore[misc]
    #: columns that say nothing of what is gone, or nothing of what is not
    OF_WHAT_EXISTS = ("run_address", "run_cpu", "run_memory", "movable")
    OF_WHAT_IS_GONE = ("left_at",)
    #: those on the page that the user operates
    operated: Collection[UUID] = ()

    run_state = tables.TemplateColumn(template_name="hosts/_run_state_cell.html", verbose_name="State")
    name = tables.TemplateColumn(template_name="vms/_name_cell.html", attrs={"td": {"class": "cell-name"}})
    here = tables.TemplateColumn(
        template_name="vms/_host_cell.html", verbose_name="Host",
        attrs={"cell": {"class": "wide-only"}, "td": {"class": "cell-host wide-only"}},
    )  # fmt: skip
    run_address = tables.TemplateColumn(
        template_name="vms/_address_cell.html", verbose_name="Address", attrs={"cell": {"class": "roomy-only"}}
    )
    run_cpu = tables.TemplateColumn(
        template_name="vms/_cpu_cell.html", verbose_name="CPU used", attrs={"cell": {"class": "num wide-only"}}
    )
    memory_kib = tables.Column(verbose_name="Memory", attrs={"cell": {"class": "num nowrap wide-only"}})
    run_memory = tables.TemplateColumn(
        template_name="vms/_memory_cell.html",
        verbose_name="Memory used",
        attrs={"cell": {"class": "num nowrap broad-only"}},
    )
    movable = tables.TemplateColumn(
        template_name="vms/_movable_cell.html",
        verbose_name="Can migrate",
        orderable=False,
        attrs={"cell": {"class": "broad-only"}, "td": {"class": "cell-why broad-only"}},
    )
    left_at = tables.TemplateColumn(
        template_name="vms/_left_cell.html",
        verbose_name="Gone since",
        attrs={"cell": {"class": "quiet nowrap wide-only"}},
    )
    menu = tables.TemplateColumn(
        template_name="vms/_menu_cell.html",
        verbose_name="Actions",
        orderable=False,
        attrs={"cell": {"class": "cell-menu"}},
    )

    class Meta:
        model = Guest
        fields: ClassVar = ()
        sequence: ClassVar = (
            "run_state", "name", "here", "run_address", "run_cpu", "memory_kib", "run_memory", "movable",
            "left_at", "menu",
        )  # fmt: skip
        order_by: ClassVar = ("name",)
        order_by_field = "sort"
        row_attrs: ClassVar = {
            "id": lambda record: f"vm-{record.pk}",
            "data-migrate": lambda record, table: (
                reverse("vm-migrate", args=[record.pk]) if record.pk in table.operated else None
            ),
        }

    def render_memory_kib(self, value: int) -> str:
        return units.size(value * 1024)

    def order_run_cpu(self, rows: QuerySet[Guest], descending: bool) -> tuple[QuerySet[Guest], bool]:
        return _unknown_last(rows, F("run_cpu"), descending)

    def order_run_memory(self, rows: QuerySet[Guest], descending: bool) -> tuple[QuerySet[Guest], bool]:
        return _unknown_last(rows, F("run_memory"), descending)

    def order_run_address(self, rows: QuerySet[Guest], descending: bool) -> tuple[QuerySet[Guest], bool]:
        return _unknown_last(rows, NullIf(F("run_address"), Value("")), descending)


def _unknown_last(rows: QuerySet[Guest], key: Any, descending: bool) -> tuple[QuerySet[Guest], bool]:
    """What is not known comes last either way."""
    return rows.order_by(key.desc(nulls_last=True) if descending else key.asc(nulls_last=True), "name"), True


class MigrationTable(tables.Table):  # type: ignore[misc]
    state = tables.TemplateColumn("{% load migrations %}{% migration_state record %}")
    guest_name = tables.TemplateColumn(
        template_name="migrations/_name_cell.html", verbose_name="VM", attrs={"td": {"class": "cell-name"}}
    )
    way = tables.TemplateColumn(
        template_name="migrations/_way.html", extra_context={"quiet": True}, order_by=("source__name", "target__name"),
        verbose_name="From, to", attrs={"cell": {"class": "wide-only"}},
    )  # fmt: skip
    requested_by_name = tables.Column(verbose_name="Requested by", attrs=_QUIET)
    requested_at = tables.TemplateColumn(
        "{% load ui %}{% ago record.requested_at %}",
        verbose_name="Requested",
        order_by=("id",),
        attrs={"cell": {"class": "quiet nowrap"}},
    )
    took = tables.TemplateColumn(
        "{% load migrations %}{{ record|took }}",
        verbose_name="Took",
        attrs={"cell": {"class": "num wide-only"}},
    )
    downtime_ms = tables.TemplateColumn(
        "{% if record.downtime_ms is None %}–{% else %}{{ record.downtime_ms }} ms{% endif %}",
        verbose_name="Downtime", attrs={"cell": {"class": "num wide-only"}},
    )  # fmt: skip

    class Meta:
        model = Migration
        fields: ClassVar = ()
        sequence: ClassVar = (
            "state", "guest_name", "way", "requested_by_name", "requested_at", "took", "downtime_ms",
        )  # fmt: skip
        order_by: ClassVar = ("-requested_at",)
        order_by_field = "sort"

    def order_took(self, rows: QuerySet[Migration], descending: bool) -> tuple[QuerySet[Migration], bool]:
        """Those that have not ended come last either way."""
        took = ExpressionWrapper(F("finished_at") - F("requested_at"), output_field=DurationField())
        return rows.order_by(took.desc(nulls_last=True) if descending else took.asc(nulls_last=True), "-id"), True

    def order_downtime_ms(self, rows: QuerySet[Migration], descending: bool) -> tuple[QuerySet[Migration], bool]:
        """Those without a measured downtime come last either way."""
        field = F("downtime_ms")
        return rows.order_by(field.desc(nulls_last=True) if descending else field.asc(nulls_last=True)), True


class CopyTable(tables.Table):  # type: ignore[misc]
    guest_name = tables.TemplateColumn(
        template_name="migrations/copies/_name_cell.html", verbose_name="VM", attrs={"td": {"class": "cell-name"}}
    )
    disk = tables.Column(verbose_name="Disk")
    host = tables.Column(order_by=("host__name",), verbose_name="Host", attrs={"cell": {"class": "wide-only"}})
    size = tables.TemplateColumn(
        template_name="migrations/copies/_size_cell.html",
        verbose_name="Size",
        attrs={"cell": {"class": "num nowrap wide-only"}},
    )
    created_at = tables.TemplateColumn(
        "{% load ui %}{% ago record.created_at %}", verbose_name="Age", attrs={"cell": {"class": "quiet nowrap"}}
    )
    state = tables.TemplateColumn("{% load migrations %}{% copy_state record %}")

    class Meta:
        model = RollbackCopy
        fields: ClassVar = ()
        sequence: ClassVar = ("state", "guest_name", "disk", "host", "size", "created_at")
        order_by: ClassVar = ("-created_at",)
        order_by_field = "sort"


def turn_to_page(request: HttpRequest, table: Table) -> None:
    """django-tables2 alone would let the address say how many rows there are on a page: -1, or all of them."""
    RequestConfig(request, paginate=False).configure(table)
    table.paginate(per_page=ROWS)
    table.page = table.paginator.get_page(number(request.GET.get("page", "")) or 1)
