"""The sockets of people in teams: their own topics, with percentages and nothing of operators."""

from __future__ import annotations

import json
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from hosts.usecases.teams import create_team, give_guest
from kvmweb.journal import writer
from kvmweb.journal.live import echoed, group_name, rendered
from kvmweb.journal.models import Entry, EntryKind
from tests.web import seed
from tests.ws.conftest import Connect

pytestmark = pytest.mark.django_db(transaction=True)
SECRETS = ("kvm-", "192.0.2", "/testvms", "libvirt", "kernel update", "olga")


@pytest.fixture
def shop(scene: dict[str, Any]) -> dict[str, Any]:
    """Two teams, each with somebody, a VM and a request."""
    made: dict[str, Any] = {}
    for name, guest in (("shop", "web"), ("data", "db")):
        team = create_team(name, by=scene["admin"])
        give_guest(team, scene[guest], by=scene["admin"])
        person = seed.make_person(f"of-{name}", None)
        person.grants.create(role="member", scope=team.scope)
        request = seed.make_request(scene[guest], team, by=person)
        made[name] = {"team": team, "person": person, "request": writer.request_topic(request.pk)}
    return made


async def test_a_member_follows_the_own_team_only(
    scene: dict[str, Any], shop: dict[str, Any], connect: Connect
) -> None:
    own, other = shop["shop"], shop["data"]
    for topic in (f"portal:{own['team'].pk}", f"moving:{own['team'].pk}", own["request"]):
        socket = await connect(own["person"], topic)
        layer: Any = get_channel_layer()
        while not socket.output_queue.empty():
            await socket.receive_from()
        await layer.group_send(group_name(topic), {"type": "live.changed", "topic": topic})
        assert json.loads(await socket.receive_from()) == {"changed": topic}
    for topic in (f"portal:{other['team'].pk}", f"moving:{other['team'].pk}", other["request"], "portal:x", "request:"):
        assert await (await connect(own["person"], topic)).close_code() == 4404, topic
    for topic in ("inventory", "migrations", "requests", scene["running"].topic, f"guest:{scene['web'].pk}"):
        assert await (await connect(own["person"], f"portal:{own['team'].pk}", topic)).close_code() == 4403, topic


async def test_an_operator_follows_requests_and_no_team(
    scene: dict[str, Any], shop: dict[str, Any], connect: Connect
) -> None:
    await connect(scene["olga"], "inventory", "requests", shop["shop"]["request"])
    assert await (await connect(scene["olga"], f"portal:{shop['shop']['team'].pk}")).close_code() == 4403


async def test_who_leaves_the_team_hears_no_more(
    scene: dict[str, Any], shop: dict[str, Any], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrations_app.consumers.TRUST_SECONDS", 0)
    own = shop["shop"]
    topic = f"portal:{own['team'].pk}"
    socket = await connect(own["person"], topic)
    await database_sync_to_async(own["person"].grants.all().delete)()
    layer: Any = get_channel_layer()
    await layer.group_send(group_name(topic), {"type": "live.changed", "topic": topic})
    assert await socket.close_code() in (4403, 4404)


async def test_a_new_socket_gets_percentages_and_no_more(shop: dict[str, Any], connect: Connect) -> None:
    topic = f"moving:{shop['shop']['team'].pk}"
    socket = await connect(shop["shop"]["person"], topic)
    said = await socket.receive_from()
    assert json.loads(said)["topic"] == topic
    assert "62 %" in said
    assert [secret for secret in SECRETS if secret in said] == []


async def test_what_happened_while_the_page_opened_is_said(
    scene: dict[str, Any], shop: dict[str, Any], connect: Connect
) -> None:
    own, other = shop["shop"], shop["data"]
    before = await database_sync_to_async(lambda: Entry.objects.latest("id").pk)()
    await database_sync_to_async(writer.signal)("inventory", hosts=[], guests=[str(scene["web"].pk)])
    socket = await connect(own["person"], f"portal:{own['team'].pk}", after=before)
    assert json.loads(await socket.receive_from()) == {"changed": f"portal:{own['team'].pk}"}
    assert (await connect(other["person"], f"portal:{other['team'].pk}", after=before)).output_queue.empty()


def test_entries_echo_for_the_teams_they_are_about(scene: dict[str, Any], shop: dict[str, Any]) -> None:
    web, host = scene["web"], scene["a"]
    own, both = f"portal:{shop['shop']['team'].pk}", {f"portal:{one['team'].pk}" for one in shop.values()}
    running = scene["running"].topic

    def echo(topic: str, kind: EntryKind = EntryKind.SIGNAL, **body: Any) -> set[str]:
        return set(echoed([writer.write(topic, kind, body=body)]))

    assert echo(running, EntryKind.STATE) == {own}
    assert echo(running, EntryKind.PROGRESS) == {own.replace("portal", "moving")}
    assert echo(writer.MIGRATIONS, migration=scene["running"].pk) == {own}
    assert echo(f"guest:{web.pk}") == {own}
    assert echo(writer.INVENTORY, hosts=[host.pk], guests=[str(web.pk)]) == {own}
    assert echo(writer.INVENTORY, hosts=[host.pk], guests=[]) == both
    assert echo(f"team:{shop['shop']['team'].pk}", EntryKind.ACTION) == {own}
    assert echo(shop["shop"]["request"], EntryKind.STATE) == {own, "requests"}
    for topic in ("inventory", "migrations", "logins", "guest:nonsense", "migration:999999", "request:999999"):
        assert echo(topic) <= {"requests"}, topic


def test_fragments_of_teams_name_nothing(scene: dict[str, Any], shop: dict[str, Any]) -> None:
    fragments = rendered(f"moving:{shop['shop']['team'].pk}", ()) or {}
    assert len(fragments) == 1
    assert not [secret for html in fragments.values() for secret in SECRETS if secret in html]
    assert rendered(f"moving:{shop['data']['team'].pk}", ()) is None  # its VM waits
