"""The list of hosts as a table, sorted in the database by the page's address."""

from __future__ import annotations

from typing import ClassVar

import django_tables2 as tables

from hosts.models import Host


class HostTable(tables.Table):  # type: ignore[misc]
    contact = tables.TemplateColumn(template_name="hosts/_contact_cell.html", verbose_name="Contact")
    name = tables.TemplateColumn(template_name="hosts/_name_cell.html", attrs={"td": {"class": "cell-name"}})
    running = tables.TemplateColumn(
        "{% if record.seen_at %}{{ record.running }} of {{ record.guests }}{% else %}–{% endif %}",
        verbose_name="VMs running",
        attrs={"cell": {"class": "num wide-only"}},
    )
    memory = tables.TemplateColumn(
        template_name="hosts/_memory_cell.html", order_by="memory_free_kib", attrs={"cell": {"class": "num"}},
        verbose_name="Memory free",
    )  # fmt: skip
    cpus = tables.TemplateColumn(
        "{{ record.cpus|default:'–' }}", verbose_name="CPUs", attrs={"cell": {"class": "num roomy-only"}}
    )
    libvirt_version = tables.TemplateColumn(
        "{{ record.libvirt|default:'–' }}", verbose_name="libvirt", attrs={"cell": {"class": "num roomy-only"}}
    )
    qemu_version = tables.TemplateColumn(
        "{{ record.qemu|default:'–' }}", verbose_name="QEMU", attrs={"cell": {"class": "num roomy-only"}}
    )
    seen_at = tables.TemplateColumn(
        "{% load ui %}{% ago record.seen_at %}",
        verbose_name="Last contact",
        attrs={"cell": {"class": "quiet nowrap wide-only"}},
    )

    class Meta:
        model = Host
        fields: ClassVar = ()
        sequence: ClassVar = (
            "contact",
            "name",
            "running",
            "memory",
            "cpus",
            "libvirt_version",
            "qemu_version",
            "seen_at",
        )
        row_attrs: ClassVar = {
            "data-open": lambda record: f"/hosts/{record.pk}/",
            # numbers of a host that is not connected are those of its last contact
            "class": lambda record: "" if record.answers else "is-old",
        }
        order_by_field = "sort"
