"""Pages about hosts. Each view makes one call to a use case; none talks to a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hosts.forms import GroupForm, HostForm
from hosts.models import Host, HostGroup, Introduction, StoragePool
from hosts.reading import hosts as reading
from hosts.reading.groups import group_rows, visible_groups
from hosts.reading.public_key import public_key_line
from hosts.tables import HostTable
from hosts.usecases import groups
from hosts.usecases.ask import ask_introduction, ask_refresh, ask_volumes
from hosts.usecases.confirm_host_key import confirm_host_key
from hosts.usecases.errors import HostRefused
from hosts.usecases.register_host import change_host, register_host
from hosts.usecases.remove_host import remove_host
from kvmweb.accounts.context import rights_on
from kvmweb.accounts.permissions import Right
from kvmweb.web.page import number, page, person
from kvmweb.web.plain import ReasonForm
from kvmweb.web.refused import RefusalsIn

if TYPE_CHECKING:
    pass


def _host(request: HttpRequest, pk: int) -> Host:
    return get_object_or_404(reading.visible_hosts(request.user), pk=pk)


def _pool(request: HttpRequest, pk: int) -> StoragePool:
    return get_object_or_404(reading.visible_pools(request.user), pk=pk)


@require_GET
@page()
def host_list(request: HttpRequest) -> HttpResponse:
    table = HostTable(reading.host_rows(request.user), order_by=request.GET.get("sort") or "name")
    return render(request, "hosts/list.html", {"table": table})


@require_GET
@page()
def host(request: HttpRequest, pk: int) -> HttpResponse:
    shown = _host(request, pk)
    return render(
        request, "hosts/host.html", {"page": reading.host_page(request.user, shown), **rights_on(request.user, shown)}
    )


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_HOSTS)
def add_host(request: HttpRequest) -> HttpResponse:
    tried = _introduction(request)
    form = HostForm(request.POST or None, initial=tried.fields if tried else None)
    if request.method == "POST" and form.is_valid():
        with RefusalsIn(form):
            made = register_host(form.host_fields(), by=person(request), reason=form.cleaned_data["reason"])
            messages.info(request, f"{made} is registered. kvmweb is connecting to it.")
            return redirect("host", made.pk)
    return _host_form(request, form, tried, None)


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_HOSTS)
def edit_host(request: HttpRequest, pk: int) -> HttpResponse:
    shown = _host(request, pk)
    tried = _introduction(request)
    initial = (tried.fields if tried else {}) | {"fingerprint": "", "host_key": ""}
    form = HostForm(request.POST or None, instance=shown, initial=initial)
    if request.method == "POST" and form.is_valid():
        changes = form.host_fields()
        if not changes["fingerprint"]:  # no new key was confirmed here: the pinned one stays
            del changes["fingerprint"], changes["host_key"]
        with RefusalsIn(form):
            change_host(shown, changes, by=person(request), reason=form.cleaned_data["reason"])
            messages.info(request, f"The settings of {changes['name']} are saved. kvmweb is connecting to it.")
            return redirect("host", pk)
    return _host_form(request, form, tried, _host(request, pk))


def _host_form(request: HttpRequest, form: HostForm, tried: Introduction | None, host: Host | None) -> HttpResponse:
    values = {"form": form, "introduction": tried, "host": host, "key_line": public_key_line()}
    return render(request, "hosts/form.html", values, status=422 if form.errors else 200)


def _introduction(request: HttpRequest) -> Introduction | None:
    """The connection test whose result the page shows."""
    return reading.own_introduction(request.user, number(request.GET.get("introduction", "")))


def _reason(request: HttpRequest) -> str:
    """Of a page with a button and a reason; raises HostRefused."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise HostRefused("reason", " ".join(map(str, form.errors["reason"])))
    return str(form.cleaned_data["reason"])


@require_POST
@page(Right.MANAGE_HOSTS)
def introduce(request: HttpRequest) -> HttpResponse:
    """ "Test connection": a worker does it; the page polls for the answer, or is loaded again."""
    fields = HostForm(request.POST)
    fields.fields["name"].required = False
    fields.is_valid()
    try:
        if fields.errors:
            field, problems = next(iter(fields.errors.items()))
            raise HostRefused(str(fields.fields[field].label or field), str(problems[0]))
        # the key that an earlier test saw must not decide what this one accepts
        made = ask_introduction({**fields.host_fields(), "fingerprint": "", "host_key": ""}, by=person(request))
    except HostRefused as refusal:
        if request.htmx:  # type: ignore[attr-defined]
            return render(request, "hosts/_introduction.html", {"refusal": refusal})
        messages.error(request, refusal.message)
        return redirect(_form_url(request))
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "hosts/_introduction.html", {"introduction": made})
    return redirect(f"{_form_url(request)}?introduction={made.pk}")


def _form_url(request: HttpRequest) -> str:
    host = number(request.POST.get("host", ""))
    return reverse("host-edit", args=[host]) if host else reverse("host-add")


@require_GET
@page(Right.MANAGE_HOSTS)
def introduction(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Introduction, pk=pk, asked_by=request.user.pk)
    return render(request, "hosts/_introduction.html", {"introduction": found})


@require_POST
@page(Right.REFRESH)
def refresh_host(request: HttpRequest, pk: int) -> HttpResponse:
    asked = _host(request, pk)
    ask_refresh(asked, by=person(request))
    messages.info(request, f"kvmweb is reading {asked} again. This page updates by itself.")
    return redirect("host", pk)


@require_POST
@page(Right.MANAGE_HOSTS)
def confirm_key(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        fingerprint, reason = request.POST.get("fingerprint", ""), _reason(request)
        confirm_host_key(_host(request, pk), by=person(request), fingerprint=fingerprint, reason=reason)
    except HostRefused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.info(request, "The host key is trusted. kvmweb is connecting to the host.")
    return redirect("host", pk)


@require_POST
@page(Right.MANAGE_HOSTS)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    gone = _host(request, pk)
    try:
        remove_host(gone, by=person(request), reason=_reason(request))
    except HostRefused as refusal:
        messages.error(request, refusal.message)
        return redirect("host-edit", pk)
    messages.info(request, f"{gone.name} is removed from kvmweb. The host itself was not changed.")
    return redirect("host-list")


@require_GET
@page()
def pool(request: HttpRequest, pk: int) -> HttpResponse:
    shown = _pool(request, pk)
    return render(request, "hosts/pool.html", {"page": reading.pool_page(shown), **rights_on(request.user, shown)})


@require_POST
@page(Right.REFRESH)
def list_volumes(request: HttpRequest, pk: int) -> HttpResponse:
    ask_volumes(_pool(request, pk), by=person(request))
    return redirect("pool", pk)


@require_GET
@page()
def group_list(request: HttpRequest) -> HttpResponse:
    return _groups(request, GroupForm())


@require_POST
@page(Right.MANAGE_HOSTS)
def add_group(request: HttpRequest) -> HttpResponse:
    form = GroupForm(request.POST)
    if form.is_valid():
        with RefusalsIn(form):
            groups.create_group(**form.cleaned_data, by=person(request))
            return redirect("host-group-list")
    return _groups(request, form)


@require_POST
@page(Right.MANAGE_HOSTS)
def change_group(request: HttpRequest, pk: int) -> HttpResponse:
    changed = get_object_or_404(visible_groups(request.user), pk=pk)
    form = _form_of(changed, request.POST)
    if form.is_valid():
        with RefusalsIn(form):
            groups.change_group(changed, **form.cleaned_data, by=person(request))
            return redirect("host-group-list")
    return _groups(request, GroupForm(), changed, form)


@require_POST
@page(Right.MANAGE_HOSTS)
def delete_group(request: HttpRequest, pk: int) -> HttpResponse:
    groups.remove_group(get_object_or_404(visible_groups(request.user), pk=pk), by=person(request))
    return redirect("host-group-list")


def _groups(
    request: HttpRequest, form: GroupForm, changed: HostGroup | None = None, refused: GroupForm | None = None
) -> HttpResponse:
    """`refused`: the form of `changed`, with what is wrong in it."""
    rows = [(group, refused if refused and group == changed else _form_of(group)) for group in group_rows(request.user)]
    status = 422 if form.errors or refused else 200
    return render(request, "hosts/groups.html", {"groups": rows, "form": form}, status=status)


def _form_of(group: HostGroup, given: QueryDict | None = None) -> GroupForm:
    return GroupForm(given, initial={"name": group.name, "site": group.site}, auto_id=f"group-{group.pk}-%s")
