"""Every page, every operation of the API and every topic of the socket, for every role, about an object of the own team,
one of others, and none. A new one fails here until it has a rule.

The rules are here; test_matrix_*.py try them, a file for each share of the work, so that workers run them side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from approvals.models import Approval, Vote
from approvals.models import Rule as ApprovalRule
from hosts.models import Errand, Host, HostGroup, Introduction, StoragePool
from hosts.usecases import groups
from hosts.usecases import teams as usecases
from kvmweb.accounts import teams
from kvmweb.accounts.models import Grant, Ownership, Team, Token
from kvmweb.accounts.permissions import Role, groups_of, teams_of
from kvmweb.accounts.roles import group_scope
from kvmweb.api import api
from kvmweb.journal import live, writer
from kvmweb.journal.models import Entry
from migrations_app.domain.lifecycle import State
from migrations_app.models import GuestConsent, Migration, PathRate, Policy, PolicyChoice, Preflight, ProbeNetwork
from migrations_app.reading import follow
from portal.models import Blackout, Delay, Quota, Request, Storage, Terms, Window
from tests.web import seed
from tests.web.conftest import client_of

NOBODY, INACTIVE, NONE, SUPERUSER = "not logged in", "inactive", "no role", "superuser"
GROUP_VIEWER, GROUP_OPERATOR = "viewer of a group", "operator of a group"
ROLES = (NOBODY, INACTIVE, NONE, *Role, GROUP_VIEWER, GROUP_OPERATOR, SUPERUSER)
ONLY_OWN = {Role.MEMBER, Role.LEAD}
OF_GROUPS = {GROUP_VIEWER, GROUP_OPERATOR}
#: to whom not everything belongs
NARROW = ONLY_OWN | OF_GROUPS

OPEN = frozenset(ROLES)
PEOPLE = OPEN - {NOBODY, INACTIVE}
ENTER = PEOPLE - {NONE}
SEE = ENTER - ONLY_OWN
REFRESH = SEE - {Role.AUDITOR}
MOVE = frozenset({Role.OPERATOR, Role.ADMIN, GROUP_OPERATOR, SUPERUSER})
DECIDE = MOVE - OF_GROUPS
RECORDS = frozenset({Role.AUDITOR, Role.ADMIN, SUPERUSER})
ADMIN = frozenset({Role.ADMIN, SUPERUSER})
OWN = frozenset({*ONLY_OWN, SUPERUSER})
EVERYTHING = SEE - OF_GROUPS
TEAMS = EVERYTHING | {Role.LEAD}
#: with a team of their own
ASK = frozenset(ONLY_OWN)
#: not even an admin
NEVER: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rule:
    """Who may GET and POST it; None: it does not take this. `answers`: what those get who may."""

    get: frozenset[str] | None = None
    post: frozenset[str] | None = None
    answers: frozenset[str] = frozenset({"done"})


GONE = frozenset({"missing"})
LEAVES = frozenset({"done", "log in"})
#: name of the address, or its pattern when it has none -> rule
PAGES = {
    "dashboard": Rule(ENTER),
    "portal": Rule(OWN),
    "portal-guest": Rule(ASK),
    "portal-ask": Rule(ASK, ASK),
    "portal-terms": Rule(ENTER, MOVE | {Role.LEAD}),
    "portal-go-ahead": Rule(post=ASK),
    "window-list": Rule(ADMIN),
    "window-add": Rule(ADMIN, ADMIN),
    "window": Rule(ADMIN, ADMIN),
    "window-remove": Rule(post=ADMIN),
    "blackout-add": Rule(ADMIN, ADMIN),
    "blackout": Rule(ADMIN, ADMIN),
    "request-list": Rule(ENTER),
    "request": Rule(ENTER),
    "request-withdraw": Rule(ASK, ASK),
    "search": Rule(SEE),
    "vm-list": Rule(SEE),
    "vm-forget": Rule(post=MOVE),
    "vm": Rule(SEE),
    "vm-migrate": Rule(MOVE, MOVE),
    "vm-preflight": Rule(post=MOVE),
    "vm-measure-path": Rule(post=MOVE),
    "path-rate": Rule(SEE),
    "preflight": Rule(SEE),
    "migration-list": Rule(SEE),
    "migrations-dismiss": Rule(post=SEE),
    "migration": Rule(SEE),
    "migration-cancel": Rule(post=MOVE),
    "migration-order": Rule(post=MOVE),
    "migration-look": Rule(post=MOVE),
    "migration-examine": Rule(post=MOVE),
    "migration-clock": Rule(post=MOVE),
    "migration-close": Rule(ADMIN, ADMIN),
    "migration-record": Rule(SEE),
    "migration-record-text": Rule(SEE),
    "migration-history": Rule(SEE),
    "migration-compare": Rule(SEE),
    "migration-samples": Rule(SEE),
    "migration-numbers": Rule(SEE),
    "policy-list": Rule(SEE),
    "policy-add": Rule(ADMIN, ADMIN),
    "policy": Rule(ADMIN, ADMIN),
    "policy-remove": Rule(post=ADMIN),
    "policy-of-installation": Rule(post=ADMIN),
    "policy-of-host": Rule(post=ADMIN),
    "policy-of-vm": Rule(post=MOVE),
    "team-list": Rule(TEAMS),
    "team": Rule(TEAMS),
    **dict.fromkeys(("team-add", "team-change", "team-members", "team-vms", "team-delete"), Rule(post=ADMIN)),
    "approval-list": Rule(ENTER),
    "approval": Rule(ENTER, DECIDE),
    "rule-list": Rule(ADMIN),
    "rule-add": Rule(ADMIN, ADMIN),
    "rule": Rule(ADMIN, ADMIN),
    **dict.fromkeys(("rule-remove", "four-eyes"), Rule(post=ADMIN)),
    "rollback-copy-list": Rule(SEE),
    "rollback-copy": Rule(SEE),
    "rollback-copy-delete": Rule(ADMIN, ADMIN),
    "host-list": Rule(SEE),
    "host-group-list": Rule(SEE),
    **dict.fromkeys(("host-group-add", "host-group-change", "host-group-delete"), Rule(post=ADMIN)),
    "host-add": Rule(ADMIN, ADMIN),
    "introduction-ask": Rule(post=ADMIN),
    "introduction": Rule(ADMIN),
    "host": Rule(SEE),
    "host-edit": Rule(ADMIN, ADMIN),
    "host-refresh": Rule(post=REFRESH),
    "host-key": Rule(post=ADMIN),
    "host-remove": Rule(post=ADMIN),
    "pool": Rule(SEE),
    "pool-volumes": Rule(post=REFRESH),
    "health": Rule(RECORDS),
    "health-bundle": Rule(post=ADMIN),
    "healthz": Rule(OPEN),
    "setup": Rule(OPEN, OPEN, GONE),  # there are users
    "account_login": Rule(OPEN, OPEN),
    "account_logout": Rule(OPEN, OPEN, LEAVES),
    "account_confirm_login_code": Rule(OPEN, OPEN, GONE),
    "account_change_password": Rule(PEOPLE, PEOPLE),
    "accounts/": Rule(PEOPLE, PEOPLE),
    "^accounts/*": Rule(PEOPLE, PEOPLE, GONE),
    "account_*": Rule(PEOPLE, PEOPLE, GONE),
    "api:openapi-json": Rule(OPEN, OPEN),
    "api:openapi-view": Rule(PEOPLE, PEOPLE),
    "api:api-root": Rule(OPEN, OPEN, GONE),
    "console": Rule(RECORDS),
    **dict.fromkeys(("console-history", "console-history-export"), Rule(RECORDS)),
    **dict.fromkeys(("console-people", "console-person"), Rule(ADMIN)),
    "console-person-add": Rule(ADMIN, ADMIN),
    **dict.fromkeys(
        (f"console-person-{what}" for what in ("change", "password", "active", "team", "group")), Rule(post=ADMIN)
    ),
    **dict.fromkeys(("console-token-add", "console-token-revoke"), Rule(post=ADMIN)),
    "console-quotas": Rule(ADMIN),
    **dict.fromkeys(("console-quota", "console-storage"), Rule(ADMIN, ADMIN)),
    "console-storage-remove": Rule(post=ADMIN),
    "console-probing": Rule(ADMIN, ADMIN),
    "console-probing-remove": Rule(post=ADMIN),
    "vm-probe-address": Rule(post=MOVE),
    "own-tokens": Rule(ENTER),
    "own-token-add": Rule(post=ENTER),
    "own-token-revoke": Rule(post=ENTER),
}
#: an address for a pattern that is none
SAMPLES = {
    "^accounts/*": "/accounts/signup/",
    "account_confirm_email": "/accounts/confirm-email/x/",
    "account_reset_password_from_key": "/accounts/password/reset/key/1-x/",
}
OPERATIONS = {
    "get /me": PEOPLE,
    "get /hosts": SEE,
    "post /hosts": ADMIN,
    "get /hosts/{host_id}": SEE,
    "patch /hosts/{host_id}": ADMIN,
    "post /hosts/{host_id}/refresh": REFRESH,
    "get /host-groups": SEE,
    "post /host-groups": ADMIN,
    "patch /host-groups/{group}": ADMIN,
    "delete /host-groups/{group}": ADMIN,
    "get /guests": SEE,
    "get /guests/{uuid}": SEE,
    "patch /guests/{uuid}": MOVE,
    "get /guests/{uuid}/kinds": SEE,
    "get /policies": SEE,
    "post /policies": ADMIN,
    "get /policies/{name}": SEE,
    "patch /policies/{name}": ADMIN,
    "delete /policies/{name}": ADMIN,
    "get /policy-choices": SEE,
    "put /policy-choices/installation": ADMIN,
    "put /policy-choices/hosts/{host}": ADMIN,
    "get /migrations/{migration_id}/decisions": SEE,
    "get /options": SEE,
    "post /preflights": MOVE,
    "get /preflights/{preflight_id}": SEE,
    "get /migrations": SEE,
    "post /migrations": MOVE,
    "get /migrations/{migration_id}": SEE,
    "get /migrations/{migration_id}/journal": SEE,
    "get /migrations/{migration_id}/record": SEE,
    "post /migrations/{migration_id}/cancel": MOVE,
    "post /migrations/{migration_id}/look": MOVE,
    "post /migrations/{migration_id}/arrival": MOVE,
    "post /migrations/{migration_id}/clock": MOVE,
    "post /migrations/{migration_id}/close": ADMIN,
    "get /migrations/{migration_id}/controls": SEE,
    "get /migrations/{migration_id}/orders": SEE,
    "post /migrations/{migration_id}/orders": MOVE,
    "get /migrations/{migration_id}/orders/{order_id}": SEE,
    "get /rollback-copies": SEE,
    "get /rollback-copies/{copy_id}": SEE,
    "post /rollback-copies/{copy_id}/delete": ADMIN,
    "get /journal": RECORDS,
    "get /health": RECORDS,
    "get /people": ADMIN,
    "post /people": ADMIN,
    "get /people/{username}": ADMIN,
    "patch /people/{username}": ADMIN,
    "get /people/{username}/tokens": ADMIN,
    "post /people/{username}/tokens": ADMIN,
    "delete /people/{username}/tokens/{token_id}": ADMIN,
    "get /teams": TEAMS,
    "post /teams": ADMIN,
    "get /teams/{team_id}": TEAMS,
    "patch /teams/{team_id}": ADMIN,
    "delete /teams/{team_id}": ADMIN,
    "put /teams/{team_id}/members/{username}": ADMIN,
    "delete /teams/{team_id}/members/{username}": ADMIN,
    "put /teams/{team_id}/guests/{uuid}": ADMIN,
    "delete /teams/{team_id}/guests/{uuid}": ADMIN,
    "get /teams/{team_id}/quota": TEAMS,
    "put /teams/{team_id}/quota": ADMIN,
    "get /portal/requests": ENTER,
    "post /portal/requests": ASK,
    "get /portal/requests/{request_id}": ENTER,
    "post /portal/requests/{request_id}/withdraw": ASK,
    "get /approvals": ENTER,
    "get /approvals/{approval_id}": ENTER,
    "post /approvals/{approval_id}/votes": DECIDE,
    "get /approval-rules": ADMIN,
    "post /approval-rules": ADMIN,
    "patch /approval-rules/{name}": ADMIN,
    "delete /approval-rules/{name}": ADMIN,
    "get /four-eyes": ADMIN,
    "put /four-eyes": ADMIN,
    "get /windows": SEE,
    "post /windows": ADMIN,
    "get /windows/{name}": SEE,
    "patch /windows/{name}": ADMIN,
    "delete /windows/{name}": ADMIN,
    "get /blackouts": SEE,
    "post /blackouts": ADMIN,
    "delete /blackouts/{blackout_id}": ADMIN,
    "get /probe-networks": ADMIN,
    "post /probe-networks": ADMIN,
    "delete /probe-networks/{network_id}": ADMIN,
    "post /path-rates": MOVE,
    "get /path-rates/{path_rate_id}": SEE,
    "get /portal/guests/{uuid}/terms": ENTER,
    "put /portal/guests/{uuid}/terms": MOVE | {Role.LEAD},
    "post /portal/guests/{uuid}/go-ahead": ASK,
}
#: an empty object for the others
BODIES: dict[str, Any] = {
    "post /hosts": {"name": "x", "transport": "tcp", "address": "a/b"},
    "patch /hosts/{host_id}": {"group": "north"},
    "post /host-groups": {"name": "south", "site": "Site south"},
    "post /migrations/{migration_id}/close": {"reason": "seen on kvm-b"},
    "post /migrations/{migration_id}/orders": {"what": "cancel"},
    "post /rollback-copies/{copy_id}/delete": {"confirm": "web-01"},
    "patch /guests/{uuid}": {"consent": {"slow": "never"}, "policy": "gentle"},
    "post /policies": {"name": "gentle"},
    "put /policy-choices/installation": {"policy": "gentle"},
    "put /policy-choices/hosts/{host}": {"policy": "gentle"},
    "post /people": {"username": "pia", "roles": ["admin"]},
    "patch /people/{username}": {"roles": ["admin"]},
    "post /teams": {"name": "Night"},
    "put /teams/{team_id}/members/{username}": {"role": "lead"},
    "post /approvals/{approval_id}/votes": {"vote": "approve", "plan": "x"},
    "post /approval-rules": {"name": "night", "role": "lead"},
    "put /four-eyes": {"unsafe": True, "closing": True},
    "post /windows": {"name": "night", "rule": "FREQ=DAILY", "minutes": 60},
    "post /blackouts": {"name": "freeze", "begins": "2027-12-24T00:00:00Z", "ends": "2028-01-02T00:00:00Z"},
    "post /path-rates": {"source": "kvm-a", "target": "kvm-b"},
    "post /probe-networks": {"cidr": "203.0.113.0/24"},
    "put /portal/guests/{uuid}/terms": {"quiet_hours": "08:00-18:00"},
}
TOPICS = {"inventory": EVERYTHING, "migrations": EVERYTHING, "guest": SEE, "migration": SEE, "host": SEE}
TOPICS |= {"group": SEE, "requests": EVERYTHING, "request": ENTER, "portal": ASK, "moving": ASK}
#: what belongs to no host, so that everybody who sees hosts sees it
OF_ALL = ("/policies/", "/windows/", "/blackouts/", "/probe-networks/")
#: what nobody who sees only their own may ever receive: hosts, addresses, paths, libvirt's words, other people's VMs
SECRETS = (
    "kvm-a",
    "kvm-b",
    "kvm-c",
    "kvm-d",
    "kvm-e",
    "kvm-f",
    ".lab",
    "192.0.2.",
    "198.51.100.",
    "/testvms",
    "/var/lib",
    "virbr",
    "libvirtd",
)
FOREIGN = ("far-01", "db-01", "idle-01", "build-07", "mail-02", "archive", "Zebra", "fred")
#: nothing of these hosts for people with roles for another group
OF_OTHER_GROUPS = ("kvm-d", "kvm-e", "kvm-f", "192.0.2.4", "192.0.2.5", "192.0.2.6", "south", "far-01", "Zebra", "fred")
OWN_OBJECT, OTHERS, MISSING = "own", "others'", "missing"
WHICH = (OWN_OBJECT, OTHERS, MISSING)


def _which(role: str) -> tuple[str, ...]:
    """To somebody without a team or group all objects belong to others, and who has no role reaches none."""
    if role == GROUP_VIEWER:  # the operator of the group tries the rest
        return WHICH[:2]
    return WHICH if role in NARROW else WHICH[1:2] if role in (NOBODY, INACTIVE, NONE) else WHICH[1:]


@pytest.fixture
def one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    document = api.get_openapi_schema()
    monkeypatch.setattr(api, "get_openapi_schema", lambda **_: document)  # it takes a second each time


#: beside and above every page, also one that refuses: most of what a page costs. What they hold has tests of its own.
FRAME = ("alarms", "rail", "topbar")


@pytest.fixture
def no_frame(settings: Any) -> None:
    """For people of whom only the answer counts, not each word of it."""
    settings.KVMWEB_INSERTS = {**settings.KVMWEB_INSERTS, **dict.fromkeys(FRAME, ())}


@pytest.fixture
def scene(db: None) -> dict[str, Any]:
    cache.clear()
    scene = seed.scene()
    admin = scene["admin"]
    shop, data = (usecases.create_team(name, by=admin) for name in ("Shop", "Zebra"))
    people: dict[str, Any] = {role: seed.make_person(f"the-{role}", role) for role in set(Role) - ONLY_OWN}
    people |= {role: seed.make_person(f"mia-{role}", None) for role in sorted(ONLY_OWN)}
    for role in sorted(ONLY_OWN):
        teams.set_member(shop, people[role], role, by=admin)
    teams.set_member(data, seed.make_person("fred", None), "member", by=admin)
    people |= {NOBODY: None, NONE: seed.make_person("stan", None)}
    people[SUPERUSER] = seed.make_person("sue", None, is_superuser=True)
    people[INACTIVE] = seed.make_person("ines", None, is_superuser=True, is_active=False)
    north, south = groups.create_group("north", "Site north", by=admin), groups.create_group("south", by=admin)
    Host.objects.filter(pk__in=[scene["a"].pk, scene["b"].pk]).update(group=north)
    for role, given in ((GROUP_VIEWER, Role.VIEWER), (GROUP_OPERATOR, Role.OPERATOR)):
        people[role] = seed.make_person(f"nora-{given}", None)
        people[role].grants.create(role=given, scope=group_scope(north.pk))
    e, f = (seed.make_host(name, number=number, group=south) for name, number in (("kvm-e", 5), ("kvm-f", 6)))
    seed.make_places(e)
    far = seed.make_guest("far-01", e)
    queued = seed.make_migration(far, e, f, State.QUEUED)
    usecases.give_guest(shop, scene["web"], by=admin)
    usecases.give_guest(data, far, by=admin)
    own = {"guest": scene["web"], "team": shop, "username": f"mia-{Role.MEMBER}", "move": scene["running"]}
    own |= {"hosts": (scene["a"], scene["b"]), "group": north}
    others = {"guest": far, "team": data, "username": "fred", "move": queued, "hosts": (e, f), "group": south}
    for one in (own, others):
        one["copy"] = seed.make_copy(seed.make_migration(one["guest"], *one["hosts"], State.DONE))
        one["path"] = PathRate.objects.create(source=one["hosts"][0], target=one["hosts"][1], asked_at=timezone.now())
        one["report"] = seed.make_preflight(one["guest"], one["hosts"][1])
        one["request"] = seed.make_request(one["guest"], one["team"], by=User.objects.get(username=one["username"]))
        one["approval"] = seed.make_approval(one["guest"])
        one["order"] = one["move"].orders.create(what="finish", asked_at=timezone.now())
    ApprovalRule.objects.create(name="gentle", role="lead")
    scene["window"] = Window.objects.create(name="gentle", rule="FREQ=DAILY", minutes=60)
    now = timezone.now()
    scene["blackout"] = Blackout.objects.create(name="freeze", begins=now, ends=now + timedelta(days=1))
    return {**scene, "people": people, OWN_OBJECT: own, OTHERS: others}


def _objects(scene: dict[str, Any], which: str, user: User | None) -> dict[str, Any]:
    """Parameter of an address -> value. A new one has to be entered here."""
    if which == MISSING:
        return {
            **dict.fromkeys(
                (
                    "host_id",
                    "migration_id",
                    "preflight_id",
                    "copy_id",
                    "order_id",
                    "team_id",
                    "request_id",
                    "approval_id",
                    "blackout_id",
                    "network_id",
                    "network_pk",
                    "path_rate_id",
                    "path",
                ),
                999_999,
            ),
            **dict.fromkeys(("host", "migration", "preflight", "copy", "pool", "introduction", "request"), 999_999),
            "uuid": uuid4(),
            "name": "nothing",
            "group": "nothing",
            **dict.fromkeys(("host-group", "policy", "approval", "rule", "window", "blackout"), 999_999),
            "team": 999_999,
            "username": "nobody",
            **dict.fromkeys(("user_pk", "token_pk", "token_id", "own_token", "team_pk", "storage_pk"), 999_999),
        }
    one, host = scene[which], scene[which]["hosts"][0]
    asked = Introduction.objects.create(fields={}, asked_by=user if user and user.pk else None)
    return {
        "uuid": one["guest"].pk,
        "username": one["username"],
        "team": one["team"].pk,
        "team_id": one["team"].pk,
        "blackout_id": scene["blackout"].pk,
        "blackout": scene["blackout"].pk,
        "window": scene["window"].pk,
        "name": "gentle",
        "group": one["group"].name,
        "host-group": one["group"].pk,
        "policy": Policy.objects.get(name="gentle").pk,
        "approval": one["approval"].pk,
        "approval_id": one["approval"].pk,
        "rule": ApprovalRule.objects.get().pk,
        "host": host.pk,
        "host_id": host.pk,
        "migration": one["move"].pk,
        "migration_id": one["move"].pk,
        "order_id": one["order"].pk,
        "request": one["request"].pk,
        "request_id": one["request"].pk,
        "copy": one["copy"].pk,
        "copy_id": one["copy"].pk,
        "preflight": one["report"].pk,
        "preflight_id": one["report"].pk,
        **dict.fromkeys(("path", "path_rate_id"), one["path"].pk),
        "pool": StoragePool.objects.filter(host=host).earliest("pk").pk,
        "introduction": asked.pk,
        "user_pk": scene["viewer"].pk,
        "team_pk": one["team"].pk,
        "storage_pk": Storage.objects.get_or_create(name="fast", pool="default")[0].pk,
        **dict.fromkeys(("network_id", "network_pk"), ProbeNetwork.objects.get_or_create(cidr="203.0.113.64/26")[0].pk),
        "token_pk": _token(scene["viewer"]),
        "token_id": _token(User.objects.get(username=one["username"])),
        "own_token": _token(
            scene["viewer"] if user is None or (which == OTHERS and (teams_of(user) or groups_of(user))) else user
        ),
    }


def _token(user: User) -> int:
    Token.issue(user)
    return user.tokens.latest("pk").pk


def _of_page(name: str, objects: dict[str, Any]) -> dict[str, Any]:
    """The parameters of pages are called pk, whatever they are of."""
    kind = "host" if name.endswith("-of-host") else name.split("-")[0]
    kind = "host-group" if name.startswith("host-group") else kind
    kind = {"rollback": "copy"}.get(kind, kind)
    found = {**objects, "pk": objects.get(kind)}
    if name == "own-token-revoke":
        found["token_pk"] = objects["own_token"]
    return found


def _routes(patterns: Any, space: str = "", before: str = "") -> Iterator[tuple[str, str, set[str]]]:
    """(name, or the pattern when it has none; pattern; its parameters) of everything but the operations of the API."""
    for pattern in patterns:
        whole = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(
                pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space, whole
            )
        elif not whole.startswith("api/v1/") or pattern.name in ("openapi-json", "openapi-view", "api-root"):
            yield f"{space}{pattern.name}" if pattern.name else whole, whole, set(pattern.pattern.converters)


def _rule(name: str) -> str:
    return next((known for known in PAGES if known == name or fnmatchcase(name, known)), "")


def _outcome(answer: Any) -> str:
    status, to = answer.status_code, answer.get("Location", "")
    if status == 401 or (status == 302 and to.startswith("/accounts/login/")):
        return "log in"
    known = {403: "forbidden", 404: "missing", 405: "not taken"}
    return known.get(status, "done" if status < 500 else "broken")


def _expected(role: str, allowed: frozenset[str] | None, which: str, *, named: bool, shown: bool = False) -> set[str]:
    """`named`: the address names an object. `shown`: the user sees the object, but may not do this with it."""
    if role in (NOBODY, INACTIVE):
        return {"done"} if allowed and role in allowed else {"log in", "not taken"} if allowed is None else {"log in"}
    if allowed is None:
        return {"not taken"}
    if role in allowed:
        return {"missing"} if named and which == MISSING else {"done"}
    if role in ONLY_OWN and named:
        return {"forbidden"} if shown else {"missing"}
    if role in OF_GROUPS and named:
        # a page refuses before it knows which object it is about
        return {"forbidden"} if shown else {"forbidden", "missing"} if which == OWN_OBJECT else {"missing"}
    return {"forbidden", "missing"} if named and (role == NONE or which == MISSING) else {"forbidden"}


def _everything() -> tuple[int, ...]:
    """How many rows there are of what people make; refusals are noted themselves. One question: it is asked twice for
    each of thousands of requests."""
    models = (
        User,
        Token,
        Migration,
        Preflight,
        Host,
        HostGroup,
        Errand,
        Team,
        Grant,
        Ownership,
        Policy,
        PolicyChoice,
        GuestConsent,
        Request,
        Quota,
        Window,
        Blackout,
        Terms,
        Delay,
        PathRate,
    )
    models += (Approval, ApprovalRule, Vote)
    counts = [f"(SELECT count(*) FROM {model._meta.db_table})" for model in models]
    counts.append(f"(SELECT count(*) FROM {Entry._meta.db_table} WHERE topic <> %s)")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counts)}", [writer.LOGINS])
        return tuple(cursor.fetchone())


def _undone(send: Callable[[], Any]) -> tuple[Any, bool]:
    """The answer, and whether rows were made or gone although it was refused; then all is as it was."""
    with transaction.atomic():
        before = _everything()
        answer = send()
        changed = _outcome(answer) != "done" and _everything() != before
        transaction.set_rollback(True)
    return answer, changed


def _seen_by_groups(path: str) -> bool:
    """Whether their people see what the address names, if it has to do with their hosts."""
    return not path.startswith(("/teams/", "/people/", "/approval-rules/")) and not path.endswith("/go-ahead")


def _leaks(answer: Any, role: str) -> list[str]:
    if answer.get("Content-Type", "").startswith("text/html") and b"<h1>API</h1>" in answer.content:
        return []  # it explains with examples
    text = (answer.content.decode() + str(answer.headers)).replace(answer.wsgi_request.path, "")
    return [secret for secret in (OF_OTHER_GROUPS if role in OF_GROUPS else (*SECRETS, *FOREIGN)) if secret in text]


# --- what has no rule ---------------------------------------------------------------------------------------------------


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    routes = [name for name, _, _ in _routes(get_resolver().url_patterns)]
    assert [name for name in routes if not _rule(name)] == []
    assert set(PAGES) - {_rule(name) for name in routes} == set()


def test_every_operation_has_a_rule() -> None:
    document = api.get_openapi_schema()["paths"]
    operations = {
        f"{method} {path.removeprefix('/api/v1')}" for path, methods in document.items() for method in methods
    }
    assert operations == set(OPERATIONS)


def test_every_topic_has_a_rule() -> None:
    assert {*follow.LISTS, *follow.OBJECTS, *follow.REGISTERED} == set(TOPICS)
    assert set(live.RENDERERS) <= set(TOPICS)


# --- what the files of the matrix try ---------------------------------------------------------------------------------


def page_mistakes(scene: dict[str, Any], role: str) -> dict[str, Any]:
    user = scene["people"][role]
    client = client_of(user) if user else Client()
    client.raise_request_exception = False
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    wrong: dict[str, Any] = {}
    for which in _which(role):
        objects = _objects(scene, which, user)
        for name, pattern, parameters in _routes(get_resolver().url_patterns):
            rule = PAGES[_rule(name)]
            address = SAMPLES.get(name) or SAMPLES.get(_rule(name)) or f"/{pattern}"
            values = _of_page(name, objects)
            for parameter in parameters:
                for written in (f"<int:{parameter}>", f"<uuid:{parameter}>", f"<path:{parameter}>", f"<{parameter}>"):
                    address = address.replace(written, str(values[parameter]))
            if not parameters and which == MISSING:
                continue
            for method, allowed in (("get", rule.get), ("post", rule.post)):
                client.cookies.load(cookies)  # one of them logs out
                answer, changed = _undone(lambda method=method, address=address: getattr(client, method)(address))
                outcome = _outcome(answer)
                shown = name in ("approval", "portal-terms") and which == OWN_OBJECT
                expected = _expected(role, allowed, which, named=bool(parameters), shown=shown)
                if "done" in expected:
                    expected = set(rule.answers)
                if role in NARROW and which == OTHERS and parameters and expected == {"done"}:
                    expected = {"missing"}  # they see what is their team's, or on their hosts
                if changed or outcome not in expected:
                    wrong[f"{method} {address} ({which})"] = (answer.status_code, outcome, expected)
                if role in NARROW and (told := _leaks(answer, role)):
                    wrong[f"{method} {address} ({which}) tells"] = told
    return wrong


def operation_mistakes(scene: dict[str, Any], role: str) -> dict[str, Any]:
    user = scene["people"][role]
    headers = {"Authorization": f"Bearer {Token.issue(user)}"} if user else {}
    client = Client(raise_request_exception=False)
    wrong: dict[str, Any] = {}
    for which in _which(role):
        objects = _objects(scene, which, user)
        guest = {"guest": str(objects["uuid"])}
        guests = dict.fromkeys(("post /preflights", "post /migrations"), guest | {"target": "kvm-b"})
        guests["post /portal/requests"] = guest | {"wish": "away"}
        for operation, allowed in OPERATIONS.items():
            method, path = operation.split()
            about = guests.get(operation)
            body = about or BODIES.get(operation, {})
            address = "/api/v1" + path.format(**objects)
            if method == "get":
                send = lambda address=address: client.get(address, headers=headers)  # noqa: E731
            else:
                send = lambda address=address, method=method, body=body: getattr(client, method)(  # noqa: E731
                    address, json.dumps(body), content_type="application/json", headers=headers
                )
            answer, changed = _undone(send)
            outcome = _outcome(answer)
            own = ("/teams/", "/approvals/") if role == Role.LEAD else ("/approvals/", "/portal/guests/")
            shown = which == OWN_OBJECT and path.startswith(own) and role not in OF_GROUPS
            named = "{" in path or (about is not None and role in allowed)
            expected = _expected(role, allowed, which, named=named, shown=shown)
            seen_by_all = role in OF_GROUPS and path.startswith(OF_ALL)
            if role in OF_GROUPS and named and ((which == OWN_OBJECT and _seen_by_groups(path)) or seen_by_all):
                expected = {"missing"} if which == MISSING else {"done"} if role in allowed else {"forbidden"}
            if role in NARROW and which == OTHERS and named and not seen_by_all:
                expected = {"missing"}  # also of what these people see if it is their own
            if changed or outcome not in expected:
                wrong[f"{operation} ({which})"] = (answer.status_code, answer.content[:200], expected)
            if role in NARROW and (told := _leaks(answer, role)):
                wrong[f"{operation} ({which}) tells"] = told
    return wrong


def check_topics(scene: dict[str, Any], role: str) -> None:
    user = scene["people"][role]
    session = client_of(user).session.session_key if user else None
    codes = {"log in": follow.NOT_LOGGED_IN, "forbidden": follow.NOT_ALLOWED, "missing": follow.NOT_FOUND, "done": 0}
    for which in _which(role):
        objects = _objects(scene, which, user)
        for topic, allowed in TOPICS.items():
            named = topic not in (*follow.LISTS, "requests")
            about = {"guest": "uuid", "group": "host-group", "portal": "team", "moving": "team"}.get(topic, topic)
            whole = f"{topic}:{objects[about]}" if named else topic
            code = follow.refusal(user.pk if user else None, session, [whole])
            # nobody who may not listen learns what there is
            expected = (
                "forbidden" if role in PEOPLE - allowed else next(iter(_expected(role, allowed, which, named=named)))
            )
            if role in NARROW and which == OTHERS and named and expected == "done":
                expected = "missing"
            if role in OF_GROUPS and topic in follow.LISTS:
                expected = "missing"  # their fragments name every host
            assert code == codes[expected], (role, whole, which)
