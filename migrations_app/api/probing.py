"""The networks in which VMs may be probed, in the API."""

from __future__ import annotations

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from pydantic import ConfigDict

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.plain import Plain
from kvmweb.web.problems import COMMON
from migrations_app.reading.probing import networks
from migrations_app.usecases.probing import name_network, remove_network

router = Router(tags=["probe networks"])


class ProbeNetworkOut(Schema):
    id: int
    cidr: str


class ProbeNetworkIn(Schema):
    """`cidr`: in the form address/length."""

    model_config = ConfigDict(extra="forbid")

    cidr: Plain = Field(max_length=50)
    reason: Plain = Field("", max_length=1000)


@router.get(
    "/probe-networks", response={200: Listed[ProbeNetworkOut], **COMMON}, summary="List the networks for probes of VMs"
)
def list_networks(request: HttpRequest, page: Query[Page]) -> object:
    require(request.user, Right.MANAGE_PROBING)
    items, following = paged(networks(request.user), page)
    return {"items": items, "next": following}


@router.post("/probe-networks", response={201: ProbeNetworkOut, **COMMON}, summary="Allow probes of VMs in a network")
def add_network(request: HttpRequest, payload: ProbeNetworkIn) -> object:
    return Status(201, name_network(payload.cidr, by=person(request), reason=payload.reason))


@router.delete("/probe-networks/{network_id}", response={204: None, **COMMON}, summary="Remove a network for probes")
def delete_network(request: HttpRequest, network_id: int) -> object:
    require(request.user, Right.SEE)
    remove_network(get_object_or_404(networks(request.user), pk=network_id), by=person(request))
    return Status(204, None)
