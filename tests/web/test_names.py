"""Names as hosts and people give them: on no page does one reach beyond itself, and none is altered on its way."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from hosts.models import Bridge, Guest, Host, Network, StoragePool, Volume
from kvmweb.journal.models import Entry
from kvmweb.ui.isolation import shown
from kvmweb.web.plain import TURNS, isolated
from migrations_app.events import fragments
from migrations_app.models import Migration, Preflight
from tests.web import seed
from tests.web.test_pages import addresses, admin_addresses, operator_addresses

OVERRIDE = "sec\u202egnp.exe"
HEBREW = "\u05e9\u05e8\u05ea 12"
#: each way in which a name can turn what follows, at once
WILD = f"{HEBREW} \u2067{OVERRIDE} \u2069\u202c\u2066"
ISOLATED = re.compile("\u2068[^\u2066-\u2069]*\u2069")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web-01", "web-01"),
        (" web-01  ", " web-01  "),
        ("Grün – „eins“", "Grün – „eins“"),
        (HEBREW, f"\u2068{HEBREW}\u2069"),
        (OVERRIDE, "sec\ufffdgnp.exe"),
        (f"\u2069{HEBREW}\u2068", f"\u2068\ufffd{HEBREW}\ufffd\u2069"),
        (f"\u2068{HEBREW}\u2069 runs on kvm-a", f"\u2068{HEBREW}\u2069 runs on kvm-a"),
        (f"\u2068{OVERRIDE}\u2069 runs", "\u2068sec\ufffdgnp.exe\u2069 runs"),
        (f"\u2068\u2068{HEBREW}\u2069\u2069\u2069", f"\u2068\u2068{HEBREW}\u2069\u2069\ufffd"),
        (f"{HEBREW} \u2068{HEBREW}\u2069", f"\u2068{HEBREW} \u2068{HEBREW}\u2069\u2069"),
    ],
)
def test_isolated(text: str, expected: str) -> None:
    assert isolated(text) == expected
    assert isolated(expected) == expected


def test_only_what_people_read_is_isolated() -> None:
    assert shown(1234) == 1234
    assert shown(None) is None
    page = render_to_string("parts/copy.html", {"id": "x", "text": f"echo {HEBREW}"})
    assert f">echo {HEBREW}</pre>" in page
    assert f"<div>\u2068{HEBREW}\u2069</div>" in render_to_string("parts/messages.html", {"messages": [HEBREW]})


@pytest.fixture
def wild(scene: dict[str, Any]) -> dict[str, Any]:
    """Everything that hosts and people can name has this name."""
    disks, nics = Guest.objects.first().disks, Guest.objects.first().nics  # type: ignore[union-attr]
    disks = [{**disks[0], "path": f"/{WILD}"}, {**disks[0], "pool": WILD, "volume": WILD}]
    nics = [{**nics[0], "source": WILD, "portgroup": WILD}]
    Guest.objects.update(name=WILD, title=WILD, disks=disks, nics=nics, cpu=WILD, machine=WILD)
    Host.objects.update(hostname=WILD, contact_text=WILD, cpu_model=WILD)
    StoragePool.objects.filter(name="testvms").update(name=WILD, target_path=f"/{WILD}")
    Network.objects.update(name=WILD, bridge=WILD)
    Bridge.objects.update(name=WILD)
    Volume.objects.update(name=WILD, path=f"/{WILD}")
    said = dict.fromkeys(("summary", "affects"), f"{WILD} does not run.")
    found = {
        **seed.FINDINGS[0],
        **said,
        "evidence": {WILD: WILD},
        "remedies": [{"text": WILD, "command": "", "on": WILD}],
    }
    Preflight.objects.update(findings=[found, seed.FINDINGS[4]])
    error = dict.fromkeys(("cause", "what_to_do", "libvirt"), f"{WILD} stopped.")
    Migration.objects.update(
        guest_name=WILD, requested_by_name=WILD, reason=WILD, state_text=f"{WILD} runs.", findings=[found], error=error
    )
    for entry in Entry.objects.exclude(text=""):
        Entry.objects.filter(pk=entry.pk).update(text=f"{WILD} requested the migration of {WILD}.", reason=WILD)
    scene["admin"].username = HEBREW
    scene["admin"].save()
    return scene


class _Printed(HTMLParser):
    """Texts, and attributes but for those of fields: what a person reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [text for name, text in attributes if text and name != "value"]

    def handle_data(self, text: str) -> None:
        self.found.append(text)


def unisolated(page: str) -> set[str]:
    """Texts of the page with a part that could change the direction of its surroundings."""
    return {text.strip() for text in _Printed(page).found if _turns(text)}


def _turns(text: str) -> bool:
    rest = text
    while (inner := ISOLATED.sub("", rest)) != rest:
        rest = inner
    return any(letter in TURNS or unicodedata.bidirectional(letter) in ("R", "AL") for letter in rest)


def test_on_no_page_a_name_turns_what_stands_around_it(wild: dict[str, Any], as_admin: Client) -> None:
    pages = [*addresses(wild), *operator_addresses(wild), *admin_addresses(wild)]
    pages += [f"/vms/{wild['idle'].pk}/migrate/?preflight={wild['report'].pk}", f"/vms/?q={HEBREW}", "/nowhere/"]
    found = {}
    for address in pages:
        page = as_admin.get(address).content.decode()
        assert "\ufffdgnp.exe" in page or "sec" not in page, address
        if wrong := unisolated(page):
            found[address] = wrong
    assert not found


def test_nor_in_what_is_pushed(wild: dict[str, Any]) -> None:
    for name in ("running", "failed"):
        pushed = fragments(wild[name].topic, [])
        assert pushed
        assert not {part: wrong for part, html in pushed.items() if (wrong := unisolated(html))}


def test_nor_in_what_an_action_answers(wild: dict[str, Any], as_admin: Client) -> None:
    choices = {"target": str(wild["b"].pk), "kind": "live", "persist": "on", "undefine_source": "on"}
    page = as_admin.post(f"/vms/{wild['web'].pk}/migrate/", choices, follow=True).content.decode()
    assert "is already migrating" in page
    assert not unisolated(page)


def test_a_name_is_found_as_it_was_copied_from_a_page(scene: dict[str, Any], as_viewer: Client) -> None:
    Guest.objects.filter(pk=scene["idle"].pk).update(name=HEBREW)
    Migration.objects.filter(pk=scene["done"].pk).update(guest_name=HEBREW)
    for address, row in (("/vms/", "idle"), ("/migrations/", "done")):
        answer = as_viewer.get(address, {"q": isolated(HEBREW)})
        assert [record.pk for record in answer.context["table"].data] == [scene[row].pk]
        assert f'value="{isolated(HEBREW)}"' in answer.content.decode()  # what was typed comes back


@pytest.mark.parametrize("name", [" web-09", "web-09 ", "web  09", "17", HEBREW, OVERRIDE])
def test_a_name_that_is_easily_copied_wrong(scene: dict[str, Any], as_operator: Client, name: str) -> None:
    Guest.objects.filter(pk=scene["idle"].pk).update(name=name)
    shown_name = isolated(name)
    assert f"<h1>{shown_name}</h1>" in as_operator.get(f"/vms/{scene['idle'].pk}/").content.decode()
    page = as_operator.get(f"/vms/{scene['idle'].pk}/migrate/?preflight={scene['report'].pk}").content.decode()
    line = re.search(r"virsh -c .*", page)
    assert line
    assert f" {scene['idle'].pk} qemu+" in line[0]
