"""The sockets of people with a role for groups of hosts: a topic of each group, and what they see in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from channels.db import database_sync_to_async

from hosts.models import HostGroup
from hosts.usecases.register_host import change_host
from kvmweb.accounts.models import Team
from kvmweb.journal import writer
from kvmweb.journal.live import echoed
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.reading.follow import MOST_GROUPS, MOST_TOPICS, list_topics
from portal.pages.live import page_topics
from tests.web import seed
from tests.web.groups import person_of
from tests.ws.conftest import Connect
from tests.ws.test_live import changed, pushed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine it would come where a test expects that nothing comes."""
    monkeypatch.setattr("migrations_app.consumers.BEAT_SECONDS", 3600)


@pytest.fixture
def north(scene: dict[str, Any]) -> dict[str, Any]:
    """kvm-a is in North, kvm-b in South, kvm-c in none."""
    groups = {name: HostGroup.objects.create(name=name) for name in ("North", "South")}
    for host, name in (("a", "North"), ("b", "South")):
        scene[host].group = groups[name]
        scene[host].save()
    foreign = seed.make_migration(scene["off"], scene["c"], scene["b"], State.COPYING_MEMORY)
    topics = {name: writer.group_topic(group.pk) for name, group in groups.items()}
    return {**topics, "foreign": foreign.topic, "nora": person_of("nora", operator=groups["North"])}


async def test_people_of_a_group_follow_it_and_no_other_list(
    scene: dict[str, Any], north: dict[str, Any], connect: Connect
) -> None:
    nora, topic = north["nora"], north["North"]
    assert await database_sync_to_async(list_topics)(nora) == [topic]
    assert await database_sync_to_async(list_topics)(scene["viewer"]) == ["inventory", "migrations"]
    socket = await connect(nora, topic, f"host:{scene['a'].pk}", f"guest:{scene['web'].pk}")
    await changed(topic)
    assert json.loads(await socket.receive_from()) == {"changed": topic}
    foreign = f"guest:{scene['idle'].pk}"
    for other in ("inventory", "migrations", north["South"], "group:x", "group:", f"host:{scene['b'].pk}", foreign):
        assert await (await connect(nora, topic, other)).close_code() == 4404, other
    assert await (await connect(nora, "requests")).close_code() == 4403


async def test_their_lists_get_the_progress_of_what_they_see(
    scene: dict[str, Any], north: dict[str, Any], connect: Connect
) -> None:
    socket = await connect(north["nora"], north["North"])
    push = await pushed(scene["running"].topic)
    assert json.loads(await socket.receive_from()) == push
    await pushed(north["foreign"])
    assert await socket.receive_nothing()


async def test_who_loses_the_role_hears_no_more(
    scene: dict[str, Any], north: dict[str, Any], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrations_app.consumers.TRUST_SECONDS", 0)
    socket = await connect(north["nora"], north["North"])
    await database_sync_to_async(north["nora"].grants.all().delete)()
    await pushed(scene["running"].topic)
    assert await socket.close_code() == 4403


async def test_when_a_host_leaves_the_group_its_migrations_are_not_told_any_more(
    scene: dict[str, Any], north: dict[str, Any], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrations_app.consumers.TRUST_SECONDS", 0)
    lists = await connect(north["nora"], north["North"])
    page = await connect(north["nora"], north["North"], f"host:{scene['a'].pk}")
    before = await database_sync_to_async(lambda: Entry.objects.latest("id").pk)()
    await database_sync_to_async(change_host)(scene["a"], {"group": ""}, by=scene["admin"])
    await pushed(scene["running"].topic)
    assert await lists.receive_nothing()
    assert await page.close_code() == 4404
    again = await connect(north["nora"], north["North"], after=before)
    assert json.loads(await again.receive_from()) == {"changed": north["North"]}


def test_entries_echo_for_the_groups_they_are_about(scene: dict[str, Any], north: dict[str, Any]) -> None:
    a, both = {north["North"]}, {north["North"], north["South"]}

    def echo(topic: str, kind: EntryKind = EntryKind.SIGNAL, **body: Any) -> set[str]:
        told = echoed([writer.write(topic, kind, body=body)])
        return {topic for topic in told if topic.startswith("group:")}

    assert echo(writer.INVENTORY, hosts=[scene["a"].pk], guests=[]) == a
    assert echo(writer.INVENTORY, hosts=[], guests=[str(scene["web"].pk)]) == a
    assert echo(writer.INVENTORY, hosts=[], guests=[str(scene["idle"].pk)]) == both  # it was on kvm-a before
    assert echo(writer.INVENTORY, hosts=[scene["c"].pk], guests=[str(scene["lost"].pk)]) == set()
    assert echo(writer.INVENTORY, hosts=[scene["b"].pk], guests=[], groups=[int(north["North"][6:])]) == both
    assert echo(writer.INVENTORY, hosts=[999_999], guests=[]) == both  # removed: nobody knows whose it was
    assert echo(writer.INVENTORY, EntryKind.ACTION) == both
    assert echo(writer.MIGRATIONS, migration=scene["running"].pk) == both
    assert echo(writer.MIGRATIONS) == both
    assert echo(writer.MIGRATIONS, migration=999_999) == set()
    assert echo(scene["running"].topic, EntryKind.PROGRESS) == set()
    request = seed.make_request(scene["web"], Team.objects.create(name="shop"), by=scene["olga"])
    assert echo(writer.request_topic(request.pk), EntryKind.STATE) == a


def test_without_groups_nothing_echoes(scene: dict[str, Any]) -> None:
    entry = writer.write(writer.INVENTORY, EntryKind.SIGNAL, body={"hosts": [scene["a"].pk], "guests": []})
    assert not [topic for topic in echoed([entry]) if topic.startswith("group:")]


def test_a_page_never_follows_more_than_a_socket_takes(scene: dict[str, Any]) -> None:
    person = seed.make_person("max", None)
    for number in range(MOST_GROUPS + 5):
        group = HostGroup.objects.create(name=f"g{number}")
        person.grants.create(role="viewer", scope=writer.group_topic(group.pk))
        person.grants.create(role="member", scope=f"team:{number}")
    assert len(list_topics(person)) == MOST_GROUPS
    assert len(page_topics(person, "request:1").split()) <= MOST_TOPICS


async def test_a_push_that_names_hosts_of_others_is_only_a_sign_to_read_again(
    scene: dict[str, Any], north: dict[str, Any], connect: Connect
) -> None:
    """Fragments are the same for everybody; the page leaves such names out."""
    running = scene["running"]
    await Migration.objects.filter(pk=running.pk).aupdate(state_text="kvm-c is not reachable.")
    socket = await connect(north["nora"], north["North"], running.topic)
    assert json.loads(await socket.receive_from()) == {"changed": running.topic}
    push = await pushed(running.topic)
    assert "kvm-c" in str(push)
    assert json.loads(await socket.receive_from()) == {"changed": running.topic}
    everybody = await connect(scene["viewer"], "migrations", running.topic)
    assert json.loads(await everybody.receive_from())["topic"] == running.topic
