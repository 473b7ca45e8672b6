"""A push belongs to one object and equals what that object's page shows; for every registered renderer."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from hosts.usecases.teams import create_team, give_guest
from kvmweb.accounts.models import Team
from kvmweb.journal import live, writer
from kvmweb.journal.live import RENDERERS, Unbound, fragment_id, rendered
from kvmweb.journal.models import EntryKind
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from tests.web import seed

VOID = {"input", "br", "img", "hr", "meta", "link", "use"}
WORD = re.compile(r"[a-z][0-9a-z_]*")


class Elements(HTMLParser):
    """The ids in some HTML, and the attributes of its outermost element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.top: list[dict[str, str | None]] = []
        self._depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if self._depth == 0:
            self.top.append(known)
        if "id" in known:
            self.ids.append(str(known["id"]))
        self._depth += tag not in VOID

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag not in VOID


def objects(scene: dict[str, Any]) -> dict[str, list[str]]:
    """Topics of several objects for each renderer. Whoever registers one adds to this."""
    return {"migration": [migration.topic for migration in Migration.objects.all()], "moving": _moving(scene)}


def _moving(scene: dict[str, Any]) -> list[str]:
    """Two teams with a VM that migrates; one has two of them."""
    if not Team.objects.exists():
        shop, data = (create_team(name, by=scene["admin"]) for name in ("Shop", "Data"))
        for team, name in ((shop, "web"), (shop, "idle"), (data, "build")):
            give_guest(team, scene[name], by=scene["admin"])
        for name in ("idle", "build"):
            seed.make_migration(scene[name], scene["b"], scene["a"], State.ARRIVING)
    return [f"moving:{team.pk}" for team in Team.objects.all()]


def topics_of(scene: dict[str, Any]) -> list[str]:
    return [topic for topics in objects(scene).values() for topic in topics]


def test_every_renderer_is_looked_at(scene: dict[str, Any]) -> None:
    assert set(objects(scene)) == set(RENDERERS)
    assert all(len(topics) > 1 for topics in objects(scene).values())


def test_every_id_that_is_pushed_is_made_of_its_topic(scene: dict[str, Any]) -> None:
    for topic in topics_of(scene):
        fragments = rendered(topic, ())
        assert fragments
        for name, html in fragments.items():
            found = Elements(html)
            (root,) = found.top
            assert (root["id"], root["data-topic"]) == (name, topic)
            assert str(root["data-revision"]).isdecimal()
            for one in found.ids:
                word = one.rpartition("-")[2]
                assert WORD.fullmatch(word)
                assert one == fragment_id(topic, word)


def test_no_id_is_pushed_for_two_objects(scene: dict[str, Any]) -> None:
    topics = topics_of(scene)
    whole = [one for topic in topics for html in (rendered(topic, ()) or {}).values() for one in Elements(html).ids]
    assert len(whole) > 5 * len(topics)
    assert len(set(whole)) == len(whole)


def test_two_topics_and_parts_never_make_one_id() -> None:
    names = ["1", "11", "1-1", "a", "b-1", "1b4e28ba-2fa1-11d2-883f-b9a761bde3fb"]
    topics = ["migration", "host", *(f"{kind}:{name}" for kind in ("migration", "host", "guest") for name in names)]
    parts = ["a", "b", "numbers", "row_percent", "entry_1", "entry_11"]
    made = {fragment_id(topic, part) for topic in topics for part in parts}
    assert len(made) == len(topics) * len(parts)


@pytest.mark.parametrize(
    ("topic", "part"),
    [("migration:1", "2-numbers"), ("migration:1", ""), ("migration:", "numbers"), ("Host:1", "a"), ("host:a b", "a"),
     ("host:-1", "a"), ('host:"', "a"), ("migration:1", "A")],
)  # fmt: skip
def test_what_could_be_taken_for_another_is_no_id(topic: str, part: str) -> None:
    with pytest.raises(Unbound):
        fragment_id(topic, part)


@pytest.mark.parametrize(
    "html",
    [
        "<p>nobody's</p>",
        '<p id="numbers">everybody\'s</p>',
        '<p id="demo-2-numbers">another object\'s</p>',
        '<p id="demo-1-title">another part\'s</p>',
        '<div><p id="demo-1-numbers">inside</p></div>',
        'text before <p id="demo-1-numbers"></p>',
        '<p id="demo-1-numbers"><span id="sample">everybody\'s inside</span></p>',
        '<p id="demo-1-numbers"><span id="demo-2-sample">another\'s inside</span></p>',
        '<p id="demo-1-numbers"><span id="entry-1">another\'s inside</span></p>',
    ],
)
def test_a_fragment_that_is_not_bound_is_refused(monkeypatch: pytest.MonkeyPatch, html: str) -> None:
    monkeypatch.setitem(live.RENDERERS, "demo", lambda topic, entries: {"numbers": html})
    with pytest.raises(Unbound):
        rendered("demo:1", ())
    good = '<p id="demo-1-numbers"><span id="demo-1-sample"></span></p>'
    monkeypatch.setitem(live.RENDERERS, "demo", lambda topic, entries: {"numbers": good})
    assert rendered("demo:1", ()) == {"demo-1-numbers": good}


def test_the_page_says_what_is_pushed(scene: dict[str, Any], as_viewer: Client) -> None:
    """In every state: the same words from the same place, so a push changes nothing on a page that has just been read."""
    for migration in Migration.objects.all():
        page = as_viewer.get(f"/migrations/{migration.pk}/").content.decode()
        shown = Elements(page).ids
        assert len(set(shown)) == len(shown), migration.state
        fragments = rendered(migration.topic, ()) or {}
        for name, html in fragments.items():
            elsewhere = "-row_" in name or ("-drawer_" in name and migration.terminal)
            assert (name in shown) == (not elsewhere), name
            assert elsewhere or html.strip() in page, name
        bound = {name for name in shown if name.startswith("migration-")}
        drawer = re.compile(r"migration-\d+-drawer_(percent|progress)")
        own = f"migration-{migration.pk}-"
        assert all(name.startswith(own) or drawer.fullmatch(name) for name in bound), migration.state


def test_lists_show_each_moving_vm_once_and_patch_it(scene: dict[str, Any], as_viewer: Client) -> None:
    for address in ("/", "/vms/", f"/vms/{scene['web'].pk}/", "/migrations/"):
        page = as_viewer.get(address).content.decode()
        shown = Elements(page).ids
        assert len(set(shown)) == len(shown), address
        places = ("drawer",) if address == "/migrations/" else ("drawer", "row")
        fragments = rendered(scene["running"].topic, ()) or {}
        for place in places:
            name = f"migration-{scene['running'].pk}-{place}_percent"
            assert fragments[name].strip() in page, (address, name)


@pytest.mark.dual
def test_what_is_shown_knows_how_new_it_is(scene: dict[str, Any]) -> None:
    """Newer rows have higher numbers, also of a list, and what happens to others does not count."""
    topic, others = scene["running"].topic, scene["queued"].topic

    def revision() -> int:
        (row,) = [row for row in Migration.objects.shown() if row.topic == topic]
        return int(row.revision)

    seen = [revision()]
    for kind in (EntryKind.PROGRESS, EntryKind.STATE, EntryKind.NOTE):
        entry = writer.write(topic, kind, "x")
        seen.append(revision())
        assert seen[-1] == entry.pk
    writer.write(others, EntryKind.NOTE, "x")
    assert revision() == seen[-1]
    assert all(before < after for before, after in pairwise(seen))


def test_what_is_not_read_for_pages_cannot_be_shown(scene: dict[str, Any]) -> None:
    """A row without its revision would be newer than everything: an error, not a page."""
    plain = Migration.objects.get(pk=scene["running"].pk)
    with pytest.raises(AttributeError):
        render_to_string("migrations/_place_percent.html", {"migration": plain, "place": "row"})
