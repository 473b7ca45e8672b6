"""From a committed entry to a page's group, as each web process does it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import OperationalError, connections

from kvmweb.journal import live, tail, writer
from kvmweb.journal.models import Entry, EntryKind

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]
Rendered = list[list[str]]
write = sync_to_async(writer.write)


@pytest.fixture
async def listen() -> AsyncIterator[Callable[[str], Any]]:
    """A running tail, and a way to hear what it sends about a topic: `hear = await listen(topic)`."""
    await sync_to_async(writer.signal)("before", told="nobody")
    follower = tail.Tail()
    task = asyncio.create_task(follower.run())
    await _until(lambda: follower._last > 0)
    layer = get_channel_layer()
    joined: list[tuple[str, str]] = []

    async def open_channel(topic: str) -> Any:
        name = await layer.new_channel()
        await layer.group_add(live.group_name(topic), name)
        joined.append((live.group_name(topic), name))

        async def hear(seconds: float = 3.0) -> Any:
            return await asyncio.wait_for(layer.receive(name), seconds)

        return hear

    yield open_channel
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for group, name in joined:
        await layer.group_discard(group, name)
    await sync_to_async(connections.close_all)()


def shown(topic: str, text: str) -> str:
    return f'<p id="{live.fragment_id(topic, "text")}">{text}</p>'


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rendered]:
    """Topics "demo:…" have a renderer; the texts of the entries of each call."""
    calls: Rendered = []

    def render(topic: str, entries: Sequence[Entry]) -> dict[str, str] | None:
        calls.append([entry.text for entry in entries])
        if entries[-1].text == "broken":
            raise ValueError("broken")
        return {"text": shown(topic, entries[-1].text)} if entries[-1].text else None

    monkeypatch.setitem(live.RENDERERS, "demo", render)
    return calls


def text_of(push: Any) -> str:
    return str(push["fragments"]["demo-1-text"])


async def _until(true: Callable[[], bool], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_a_page_without_renderer_is_told_to_look_again(listen: Any) -> None:
    hear = await listen("inventory")
    await sync_to_async(writer.signal)("inventory", hosts=[1])
    assert await hear() == {"type": "live.changed", "topic": "inventory"}


async def test_a_renderer_runs_once_for_all_who_look(listen: Any, rendered: Rendered) -> None:
    first, second = await listen("demo:1"), await listen("demo:1")
    await write("demo:1", EntryKind.PROGRESS, "62 %")
    fragments = {"demo-1-text": '<p id="demo-1-text">62 %</p>'}
    assert await first() == await second() == {"type": "live.push", "topic": "demo:1", "fragments": fragments}
    assert rendered == [["62 %"]]


async def test_nothing_is_rendered_when_nobody_looks(listen: Any, rendered: Rendered) -> None:
    hear = await listen("demo:1")
    await write("demo:2", EntryKind.NOTE, "unseen")
    await write("demo:1", EntryKind.NOTE, "seen")
    await hear()
    assert rendered == [["seen"]]


async def test_a_burst_is_pushed_together_and_its_last_state_arrives(listen: Any, rendered: Rendered) -> None:
    hear = await listen("demo:1")

    async def burst() -> None:
        for number in range(60):
            await write("demo:1", EntryKind.PROGRESS, str(number))

    writing = asyncio.create_task(burst())
    pushes, arrived = [await hear()], [time.monotonic()]
    while "59" not in text_of(pushes[-1]):
        pushes.append(await hear())
        arrived.append(time.monotonic())
    await writing
    assert [text for call in rendered for text in call] == [str(number) for number in range(60)]
    assert len(pushes) < 60
    assert arrived[-1] - arrived[0] >= tail.QUIET_SECONDS * (len(pushes) - 1) * 0.8


async def test_an_entry_that_commits_late_is_not_missed(listen: Any, rendered: Rendered) -> None:
    hear = await listen("demo:1")
    newest = await write("demo:1", EntryKind.NOTE, "first")
    await hear()
    await Entry.objects.abulk_create([Entry(pk=newest.pk + 5, topic="demo:1", kind=EntryKind.NOTE, text="newer")])
    await hear()
    await Entry.objects.abulk_create([Entry(pk=newest.pk + 2, topic="demo:1", kind=EntryKind.NOTE, text="late")])
    assert "late" in text_of(await hear())
    assert rendered == [["first"], ["newer"], ["late"]]


async def test_a_renderer_that_fails_makes_its_pages_look_again(listen: Any, rendered: Rendered) -> None:
    hear = await listen("demo:1")
    await write("demo:1", EntryKind.NOTE, "broken")
    assert (await hear())["type"] == "live.changed"
    await write("demo:1", EntryKind.NOTE, "well")
    assert "well" in text_of(await hear())


async def test_a_failing_database_loses_nothing(
    listen: Any, rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, failures = tail.Tail._read, [2]

    def stumble(self: tail.Tail) -> list[Entry]:
        if failures[0]:
            failures[0] -= 1
            raise OperationalError("database is locked")
        return read(self)

    monkeypatch.setattr(tail.Tail, "_read", stumble)
    hear = await listen("demo:1")
    await write("demo:1", EntryKind.NOTE, "patience")
    assert "patience" in text_of(await hear(8))


def test_group_names_are_valid_and_different() -> None:
    layer = get_channel_layer()
    topics = ["migration:17", "guest:1b4e28ba-2fa1-11d2-883f-b9a761bde3fb", "host:ä", "x" * 500, "x" * 501]
    names = {live.group_name(topic) for topic in topics}
    assert len(names) == len(topics)
    for name in names:
        layer.require_valid_group_name(name)
