"""The lists of VMs and migrations as tables: sorted in the database, so that the address of the page says how."""

from __future__ import annotations

from typing import ClassVar

import django_tables2 as tables
from django.db.models import DurationField, ExpressionWrapper, F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django_tables2 import RequestConfig, Table

from hosts.models import Guest
from kvmweb.ui import units
from kvmweb.web.page import number
from migrations_app.models import Migration

_QUIET = {"cell": {"class": "quiet nowrap roomy-only"}}


ROWS = 50


class GuestTable(tables.Table):  # type: ignore[misc]
    run_state = tables.TemplateColumn(template_name="hosts/_run_state_cell.html", verbose_name="State")
    name = tables.TemplateColumn(template_name="vms/_name_cell.html", attrs={"td": {"class": "cell-name"}})
    here = tables.TemplateColumn(
        template_name="vms/_host_cell.html", verbose_name="Host",
        attrs={"cell": {"class": "wide-only"}, "td": {"class": "cell-host wide-only"}},
    )  # fmt: skip
    memory_kib = tables.Column(verbose_name="Memory", attrs={"cell": {"class": "num wide-only"}})
    vcpus = tables.Column(verbose_name="vCPUs", attrs={"cell": {"class": "num roomy-only"}})
    movable = tables.TemplateColumn(
        template_name="vms/_movable_cell.html",
        verbose_name="Movable",
        orderable=False,
        attrs={"cell": {"class": "broad-only"}, "td": {"class": "cell-why broad-only"}},
    )
    now = tables.TemplateColumn(
        template_name="vms/_now_cell.html",
        verbose_name="Doing now",
        orderable=False,
        attrs={"cell": {"class": "wide-only"}, "td": {"class": "cell-now wide-only"}},
    )
    run_seen = tables.TemplateColumn(template_name="vms/_seen_cell.html", verbose_name="Seen", attrs=_QUIET)
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
            "run_state", "name", "here", "memory_kib", "vcpus", "movable", "now", "run_seen", "menu",
        )  # fmt: skip
        order_by: ClassVar = ("name",)
        order_by_field = "sort"
        row_attrs: ClassVar = {
            "id": lambda record: f"vm-{record.pk}",
            "data-migrate": lambda record: reverse("vm-migrate", args=[record.pk]),
        }

    def render_memory_kib(self, value: int) -> str:
        return units.size(value * 1024)


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


def turn_to_page(request: HttpRequest, table: Table) -> None:
    """django-tables2 alone would let the address say how many rows there are on a page: -1, or all of them."""
    RequestConfig(request, paginate=False).configure(table)
    table.paginate(per_page=ROWS)
    table.page = table.paginator.get_page(number(request.GET.get("page", "")) or 1)
