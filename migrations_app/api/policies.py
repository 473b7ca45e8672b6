"""Policies in the API: what they are, where they apply, and what they decided in a migration."""

from __future__ import annotations

from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from kvmweb.accounts.permissions import Right, require
from kvmweb.web.page import person
from kvmweb.web.paging import Listed, Page, paged
from kvmweb.web.problems import COMMON, Problem, ProblemError, located
from migrations_app.api.common import unfit
from migrations_app.api.policy_answers import DecisionOut, PolicyChoiceOut, PolicyOut
from migrations_app.api.policy_requests import ChosenPolicyIn, HostName, HostPolicyIn, PolicyChangesIn, PolicyIn
from migrations_app.api.requests import PolicyName
from migrations_app.models import Policy, PolicyChoice
from migrations_app.reading.hosts import host_called
from migrations_app.reading.migrations import whole_rows
from migrations_app.reading.policies import choices, decisions_of, policies, policy_named
from migrations_app.usecases.choose_policy import choose_for_host, choose_for_installation
from migrations_app.usecases.errors import PolicyStays
from migrations_app.usecases.policies import change_policy, make_policy, remove_policy

router = Router(tags=["policies"])


@router.get("/policies", response={200: Listed[PolicyOut], **COMMON}, summary="List the policies")
def list_policies(request: HttpRequest, page: Query[Page]) -> object:
    require(request.user, Right.SEE)
    items, following = paged(policies(request.user), page)
    return {"items": items, "next": following}


@router.post("/policies", response={201: PolicyOut, **COMMON}, summary="Make a policy", openapi_extra=located(201))
def create_policy(request: HttpRequest, payload: PolicyIn, response: HttpResponse) -> object:
    if payload.built_in:
        raise unfit("built_in", "Only the policies that come with kvmweb are built in.")
    made = make_policy(payload.fields(), by=person(request), reason=payload.reason)
    response["Location"] = f"/api/v1/policies/{quote(made.name, safe='')}"
    return Status(201, made)


@router.get("/policies/{name}", response={200: PolicyOut, **COMMON}, summary="Get a policy")
def get_policy(request: HttpRequest, name: PolicyName) -> object:
    return _policy(request, name)


@router.patch("/policies/{name}", response={200: PolicyOut, **COMMON}, summary="Change a policy")
def patch_policy(request: HttpRequest, name: PolicyName, payload: PolicyChangesIn) -> object:
    """It counts for migrations that are requested from now on."""
    policy = _policy(request, name)
    if payload.built_in not in (None, policy.built_in):
        raise unfit("built_in", "This cannot be changed.")
    try:
        return change_policy(policy, payload.fields(), by=person(request), reason=payload.reason)
    except Policy.DoesNotExist:
        raise Http404 from None


@router.delete("/policies/{name}", response={204: None, **COMMON, 409: Problem}, summary="Remove a policy")
def delete_policy(request: HttpRequest, name: PolicyName) -> object:
    """409: it comes with kvmweb, or it is chosen somewhere. Migrations keep theirs."""
    try:
        remove_policy(_policy(request, name), by=person(request))
    except PolicyStays as stays:
        raise ProblemError(409, str(stays)) from None
    return Status(204, None)


@router.get(
    "/policy-choices", response={200: Listed[PolicyChoiceOut], **COMMON}, summary="List where which policy is set"
)
def list_choices(request: HttpRequest, page: Query[Page]) -> object:
    """That of the installation has neither host nor VM. A VM's own is set with PATCH /guests/{uuid}."""
    require(request.user, Right.SEE)
    items, following = paged(choices(request.user), page)
    return {"items": items, "next": following}


@router.put(
    "/policy-choices/installation",
    response={200: PolicyChoiceOut, **COMMON},
    summary="Set the policy of the installation",
)
def put_installation_choice(request: HttpRequest, payload: ChosenPolicyIn) -> object:
    choose_for_installation(payload.policy, by=person(request), reason=payload.reason)
    return choices(request.user).get(host=None, guest=None)


@router.put(
    "/policy-choices/hosts/{host}", response={200: PolicyChoiceOut, **COMMON}, summary="Set the policy of a host"
)
def put_host_choice(request: HttpRequest, host: HostName, payload: HostPolicyIn) -> object:
    """`host`: id or name. It counts for migrations from this host."""
    require(request.user, Right.SEE)
    found = host_called(request.user, host)
    if found is None:
        raise Http404
    choose_for_host(found, payload.policy, by=person(request), reason=payload.reason)
    return choices(request.user).filter(host=found).first() or PolicyChoice(host=found)


@router.get(
    "/migrations/{migration_id}/decisions",
    response={200: Listed[DecisionOut], **COMMON},
    summary="List what the policy of a migration decided, oldest first",
)
def list_decisions(request: HttpRequest, migration_id: int, page: Query[Page]) -> object:
    require(request.user, Right.SEE)
    migration = get_object_or_404(whole_rows(request.user), pk=migration_id)
    items, following = paged(decisions_of(migration), page)
    return {"items": items, "next": following}


def _policy(request: HttpRequest, name: str) -> Policy:
    require(request.user, Right.SEE)
    found = policy_named(request.user, name)
    if found is None:
        raise Http404
    return found
