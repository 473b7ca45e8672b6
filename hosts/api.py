"""Hosts over the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from pydantic import ConfigDict, WithJsonSchema

from hosts.facts.endpoint import Transport
from hosts.models import Host, HostGroup
from hosts.reading.groups import visible_groups
from hosts.reading.hosts import visible_hosts
from hosts.reading.veil import veil_of
from hosts.usecases.ask import ask_refresh
from hosts.usecases.groups import LONGEST, change_group, create_group, remove_group
from hosts.usecases.host_fields import HostFields
from hosts.usecases.register_host import change_host, register_host
from hosts.words.contact import with_details
from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON, located

router = Router(tags=["hosts"])
Contact = Annotated[str, WithJsonSchema({"type": "string", "enum": list(Host.Contact.values)})]
Way = Annotated[str, WithJsonSchema({"type": "string", "enum": [way.value for way in Transport]})]
PeerWay = Annotated[str, WithJsonSchema({"type": "string", "enum": ["", "ssh", "tls", "tcp"]})]


class HostIn(Schema):
    """Addresses are fields, never URIs. `fingerprint` pins the ssh host key; without it the first one is trusted."""

    model_config = ConfigDict(extra="forbid")

    name: Plain = Field(max_length=63)
    transport: Literal["ssh", "tls", "tcp", "unix"]
    address: Plain = Field("", max_length=253)
    port: int | None = Field(None, ge=1, le=65535, strict=True)
    user: Plain = Field("", max_length=32)
    peer_address: Plain = Field("", max_length=253)
    peer_transport: Literal["", "ssh", "tls", "tcp"] = ""
    peer_user: Plain = Field("", max_length=32)
    migration_address: Plain = Field("", max_length=253)
    fingerprint: Plain = Field("", max_length=80)
    group: Plain = Field("", max_length=63)
    reason: Plain = Field("", max_length=1000)


class HostChangesIn(HostIn):
    """What is missing stays. After a change of address, port or transport the next ssh host key is trusted."""

    name: Plain = Field("", max_length=63, min_length=1)
    transport: Literal["ssh", "tls", "tcp", "unix"] = "ssh"


class GroupIn(Schema):
    """`site`: what people of teams read instead of the name of a host in this group."""

    model_config = ConfigDict(extra="forbid")

    name: Plain = Field(max_length=LONGEST)
    site: Plain = Field("", max_length=LONGEST)
    reason: Plain = Field("", max_length=1000)


class GroupChangesIn(Schema):
    """What is missing stays."""

    model_config = ConfigDict(extra="forbid")

    name: Plain | None = Field(None, max_length=LONGEST)
    site: Plain | None = Field(None, max_length=LONGEST)
    reason: Plain = Field("", max_length=1000)


class GroupOut(Schema):
    """`id`: a role for this group has the scope `group:ID`. `hosts`: their names."""

    id: int
    name: str
    site: str
    hosts: list[str]

    @staticmethod
    def resolve_hosts(group: HostGroup) -> list[str]:
        return [host.name for host in group.hosts.all()]


class HostOut(Schema):
    """`contact`: never, confirm, answers, away, denied, refused; `contact_text` says why and what to do. All that
    the host reported is as of `seen_at`. `group`: its name, or empty. Memory in MiB."""

    id: int
    name: str
    transport: Way
    address: str
    port: int | None
    user: str
    peer_address: str
    peer_transport: PeerWay
    peer_user: str
    migration_address: str
    fingerprint: str
    group: str
    contact: Contact
    contact_text: str
    contact_since: datetime | None
    seen_at: datetime | None
    hostname: str
    host_uuid: str | None
    libvirt: str
    qemu: str
    arch: str
    cpus: int
    cpu_model: str
    memory_total_mib: int
    memory_free_mib: int

    @staticmethod
    def resolve_group(host: Host) -> str:
        return host.group.name if host.group else ""

    @staticmethod
    def resolve_contact_text(host: Host, context: Any) -> str:
        return str(veil_of(context)(with_details(host.contact_text, host.contact_details)))

    @staticmethod
    def resolve_host_uuid(host: Host) -> str | None:
        return str(host.host_uuid) if host.host_uuid else None

    @staticmethod
    def resolve_memory_total_mib(host: Host) -> int:
        return host.memory_total_kib // 1024

    @staticmethod
    def resolve_memory_free_mib(host: Host) -> int:
        return host.memory_free_kib // 1024


class Accepted(Schema):
    errand: int


@router.get("/hosts", response={200: Listed[HostOut], **COMMON}, summary="List the registered hosts")
def list_hosts(request: HttpRequest, page: Query[Page]) -> object:
    require(request.user, Right.SEE)
    items, following = paged(visible_hosts(request.user).select_related("group"), page)
    return {"items": items, "next": following}


@router.post("/hosts", response={201: HostOut, **COMMON}, summary="Register a host", openapi_extra=located(201))
def create_host(request: HttpRequest, payload: HostIn, response: HttpResponse) -> object:
    """kvmweb connects at once; `contact` then has the result."""
    fields = cast("HostFields", payload.dict(exclude={"reason"}))
    host = register_host(fields, by=person(request), reason=payload.reason)
    response["Location"] = f"/api/v1/hosts/{host.pk}"
    return Status(201, host)


@router.get("/hosts/{host_id}", response={200: HostOut, **COMMON}, summary="Get a host")
def get_host(request: HttpRequest, host_id: int) -> object:
    require(request.user, Right.SEE)
    return get_object_or_404(visible_hosts(request.user), pk=host_id)


@router.patch("/hosts/{host_id}", response={200: HostOut, **COMMON}, summary="Change a host")
def patch_host(request: HttpRequest, host_id: int, payload: HostChangesIn) -> object:
    """kvmweb connects again; `contact` then has the result."""
    host = get_object_or_404(visible_hosts(request.user), pk=host_id)
    changes = cast("HostFields", payload.dict(exclude_unset=True, exclude={"reason"}))
    return change_host(host, changes, by=person(request), reason=payload.reason)


@router.post("/hosts/{host_id}/refresh", response={202: Accepted, **COMMON}, summary="Refresh a host")
def refresh_host(request: HttpRequest, host_id: int) -> object:
    host = get_object_or_404(visible_hosts(request.user), pk=host_id)
    return Status(202, {"errand": ask_refresh(host, by=person(request)).pk})


@router.get("/host-groups", response={200: Listed[GroupOut], **COMMON}, summary="List the groups of hosts")
def list_host_groups(request: HttpRequest, page: Query[Page]) -> object:
    require(request.user, Right.SEE)
    items, following = paged(visible_groups(request.user).prefetch_related("hosts"), page)
    return {"items": items, "next": following}


@router.post(
    "/host-groups", response={201: GroupOut, **COMMON}, summary="Create a group of hosts", openapi_extra=located(201)
)
def create_host_group(request: HttpRequest, payload: GroupIn, response: HttpResponse) -> object:
    """A host joins it with PATCH /hosts/{host_id}."""
    group = create_group(payload.name, payload.site, by=person(request), reason=payload.reason)
    response["Location"] = f"/api/v1/host-groups/{quote(group.name, safe='')}"
    return Status(201, group)


@router.patch("/host-groups/{group}", response={200: GroupOut, **COMMON}, summary="Change a group of hosts")
def patch_host_group(request: HttpRequest, group: Plain, payload: GroupChangesIn) -> object:
    """`group`: its name."""
    found = _group(request, group)
    change_group(found, by=person(request), name=payload.name, site=payload.site, reason=payload.reason)
    return found


@router.delete("/host-groups/{group}", response={204: None, **COMMON}, summary="Delete a group of hosts")
def delete_host_group(request: HttpRequest, group: Plain) -> object:
    """Its hosts belong to no group afterwards."""
    remove_group(_group(request, group), by=person(request))
    return Status(204, None)


def _group(request: HttpRequest, name: str) -> HostGroup:
    found = visible_groups(request.user).filter(name=name).first()
    if found is None:
        raise Http404
    return found
