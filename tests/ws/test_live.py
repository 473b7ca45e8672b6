"""The socket of a page: permissions, messages, recovery."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from hosts.usecases.teams import create_team, give_guest
from kvmweb.journal import writer
from kvmweb.journal.live import group_name, rendered
from kvmweb.journal.models import Entry, EntryKind
from migrations_app import consumers
from migrations_app.domain.lifecycle import State
from migrations_app.events import fragments
from migrations_app.models import Migration
from tests.patience import PATIENCE
from tests.web import seed
from tests.ws.conftest import session_of

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Any]


async def changed(topic: str) -> None:
    layer: Any = get_channel_layer()
    await layer.group_send(group_name(topic), {"type": "live.changed", "topic": topic})


async def pushed(topic: str) -> dict[str, Any]:
    fragments = await database_sync_to_async(rendered)(topic, ())
    layer: Any = get_channel_layer()
    await layer.group_send(group_name(topic), {"type": "live.push", "topic": topic, "fragments": fragments})
    return {"topic": topic, "fragments": fragments}


async def test_a_signal_reaches_the_page(scene: dict[str, Any], connect: Connect) -> None:
    socket = await connect(scene["viewer"], "inventory")
    await changed("inventory")
    assert json.loads(await socket.receive_from()) == {"changed": "inventory"}


async def test_without_login_the_socket_is_closed(scene: dict[str, Any], connect: Connect) -> None:
    assert await (await connect(AnonymousUser(), "inventory")).close_code() == 4401


async def test_without_a_role_the_socket_is_closed(scene: dict[str, Any], connect: Connect) -> None:
    stranger = await database_sync_to_async(seed.make_person)("stan", None)
    assert await (await connect(stranger, "inventory")).close_code() == 4403


@pytest.mark.parametrize("role", ["member", "lead"])
async def test_people_of_teams_never_get_an_operators_fragment(
    scene: dict[str, Any], connect: Connect, role: str
) -> None:
    def make() -> Any:
        team = create_team("Shop", by=scene["admin"])
        give_guest(team, scene["web"], by=scene["admin"])
        person = seed.make_person("mia", None)
        person.grants.create(role=role, scope=team.scope)
        return person

    person = await database_sync_to_async(make)()
    for topic in ("inventory", "migrations", f"guest:{scene['web'].pk}", scene["running"].topic, scene["queued"].topic):
        socket = await connect(person, topic)
        assert (await socket.receive_output(timeout=PATIENCE))["type"] == "websocket.close", topic


async def test_a_superuser_needs_no_role_and_an_inactive_one_is_refused(
    scene: dict[str, Any], connect: Connect
) -> None:
    make = database_sync_to_async(seed.make_person)
    socket = await connect(await make("sue", None, is_superuser=True), "inventory")
    await changed("inventory")
    assert json.loads(await socket.receive_from()) == {"changed": "inventory"}
    inactive = await make("ines", None, is_superuser=True, is_active=False)
    assert await (await connect(inactive, "inventory")).close_code() == 4401


@pytest.mark.parametrize(
    "topic",
    [
        "migration:999999",
        "migration:x",
        "migration:",
        "host:0",
        "guest:nope",
        "guest:",
        "secrets",
        "migration:1'--",
        "migration:१",
    ],
)
async def test_what_does_not_exist_closes_the_socket(scene: dict[str, Any], connect: Connect, topic: str) -> None:
    assert await (await connect(scene["viewer"], "inventory", topic)).close_code() == 4404


async def test_too_many_topics_close_the_socket(scene: dict[str, Any], connect: Connect) -> None:
    topics = [f"host:{number}" for number in range(33)]
    assert await (await connect(scene["viewer"], *topics)).close_code() == 4404
    assert await (await connect(scene["viewer"])).close_code() == 4404


async def test_a_new_socket_gets_the_present_state(scene: dict[str, Any], connect: Connect) -> None:
    socket = await connect(scene["viewer"], f"migration:{scene['running'].pk}")
    push = json.loads(await socket.receive_from())
    assert push["topic"] == scene["running"].topic
    own = f"migration-{scene['running'].pk}-"
    assert {f"{own}{part}" for part in ("title", "percent", "numbers", "sentence", "journal")} <= set(push["fragments"])
    assert "62 %" in push["fragments"][f"{own}percent"]


async def test_what_happened_while_the_page_opened_is_said(scene: dict[str, Any], connect: Connect) -> None:
    newest = await database_sync_to_async(lambda: Entry.objects.latest("id").pk)()
    await database_sync_to_async(writer.signal)("inventory", hosts=[1], guests=[])
    socket = await connect(scene["viewer"], "inventory", "migrations", after=newest)
    assert json.loads(await socket.receive_from()) == {"changed": "inventory"}
    quiet = await connect(scene["viewer"], "inventory")
    assert await quiet.receive_nothing()


async def test_numbers_that_came_while_a_list_opened_are_said_too(scene: dict[str, Any], connect: Connect) -> None:
    """The last ones may be the last for long: of a migration that waits for a host."""
    newest = await database_sync_to_async(lambda: Entry.objects.latest("id").pk)()
    await database_sync_to_async(writer.write)(scene["running"].topic, EntryKind.PROGRESS, body={})
    socket = await connect(scene["viewer"], "inventory", "migrations", after=newest)
    assert json.loads(await socket.receive_from()) == {"changed": scene["running"].topic}


async def test_numbers_of_running_migrations_reach_every_list(scene: dict[str, Any], connect: Connect) -> None:
    """A page that listens to "migrations" gets the fragments of those in flight, also of one that starts later."""
    socket = await connect(scene["viewer"], "migrations")
    push = await pushed(f"migration:{scene['running'].pk}")
    assert json.loads(await socket.receive_from()) == push
    assert f"migration-{scene['running'].pk}-row_percent" in push["fragments"]
    await pushed(f"migration:{scene['queued'].pk}")
    assert await socket.receive_nothing()
    await Migration.objects.filter(pk=scene["queued"].pk).aupdate(state=State.COPYING_MEMORY)
    await changed("migrations")
    assert json.loads(await socket.receive_from()) == {"changed": "migrations"}
    push = await pushed(f"migration:{scene['queued'].pk}")
    assert json.loads(await socket.receive_from()) == push


async def test_a_push_says_whose_it_is_and_holds_nobody_else(scene: dict[str, Any], connect: Connect) -> None:
    """The page of a queued migration receives pushes of the running one for its drawer, all bound to that one."""
    running, queued = scene["running"], scene["queued"]
    socket = await connect(scene["viewer"], "inventory", "migrations", queued.topic)
    snapshot = json.loads(await socket.receive_from())
    assert snapshot["topic"] == queued.topic
    assert "web-01" in snapshot["fragments"][f"migration-{queued.pk}-sentence"]  # it waits for that one
    await pushed(running.topic)
    push = json.loads(await socket.receive_from())
    assert push["topic"] == running.topic
    assert not set(push["fragments"]) & set(snapshot["fragments"])
    for said in (snapshot, push):
        for html in said["fragments"].values():
            assert f'data-topic="{said["topic"]}"' in html


async def test_rights_are_asked_for_again(
    scene: dict[str, Any], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "TRUST_SECONDS", 0)
    socket = await connect(scene["viewer"], "inventory")
    await database_sync_to_async(scene["viewer"].grants.all().delete)()
    await changed("inventory")
    assert await socket.close_code() == 4403


async def test_a_log_out_ends_the_socket(
    scene: dict[str, Any], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "TRUST_SECONDS", 0)
    session = await database_sync_to_async(session_of)(scene["viewer"])
    socket = await connect(scene["viewer"], "inventory", session=session)
    await database_sync_to_async(session.flush)()
    await changed("inventory")
    assert await socket.close_code() == 4401


async def test_a_quiet_socket_beats(scene: dict[str, Any], connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "BEAT_SECONDS", 0.05)
    socket = await connect(scene["viewer"], "inventory")
    assert json.loads(await socket.receive_from()) == {"beat": True}
    await asyncio.sleep(0.1)
    assert json.loads(await socket.receive_from()) == {"beat": True}


def test_a_page_misses_a_beat_before_it_calls_itself_stale() -> None:
    script = (settings.BASE_DIR / "static" / "js" / "live.js").read_text()
    assert f"const QUIET_MS = {2 * consumers.BEAT_SECONDS}_000;" in script


def test_fragments_hold_nothing_per_person_and_no_hostile_markup(scene: dict[str, Any]) -> None:
    for name in ("running", "hurt", "attention"):
        html = "".join((fragments(scene[name].topic, ()) or {}).values())
        assert "csrf" not in html
        assert "<form" not in html
        assert "<img" not in html


def test_a_progress_entry_sends_numbers_only(scene: dict[str, Any]) -> None:
    topic = f"migration:{scene['running'].pk}"
    tick = writer.write(topic, EntryKind.PROGRESS, body={})
    assert "journal" not in (fragments(topic, [tick]) or {})
    note = writer.write(topic, EntryKind.NOTE, "Pass 3 took longer than pass 2.")
    assert "Pass 3 took longer" in (fragments(topic, [tick, note]) or {})["journal"]
    assert fragments("migration:999999", [tick]) is None
