"""What is taken out for a migration, on its page, on the migrate page and in the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from kvmweb.steps import StepState, Written
from migrations_app.events import fragments
from migrations_app.models import Migration
from migrations_app.models.taken_out import KEPT, LEFT_OUT, PUT_BACK, TAKE_OUT, about_part
from tests.fakes.parts import medium, usb
from tests.web.api_client import Api
from tests.web.pages import flat

HOSTILE = "/isos/<img src=x onerror=alert(1)>.iso"


def with_steps(migration: Migration, *steps: Written) -> Migration:
    Migration.objects.filter(pk=migration.pk).update(steps=[step.as_json() for step in steps])
    return migration


def out(part: Any, state: StepState = StepState.VERIFIED) -> Written:
    evidence = {"out": True} if state is StepState.VERIFIED else None
    return Written(step=TAKE_OUT, about=about_part(part, other_there=False), state=state, evidence=evidence)


def back(part: Any) -> Written:
    about = {"key": part.key, "host": "kvm-b"}
    return Written(step=PUT_BACK, about=about, state=StepState.VERIFIED, evidence={"back": True})


def left(part: Any, step: str = LEFT_OUT) -> Written:
    about = {"key": part.key, "host": "kvm-b", "why": "Did not find it", "to_do": "When kvm-b has it, run this."}
    return Written(step=step, about=about, state=StepState.DONE)


@pytest.mark.parametrize(
    ("steps", "word", "state"),
    [
        ((out(medium("/a.iso"), StepState.BEGUN),), "Being ejected", "leaving"),
        ((out(medium("/a.iso")),), "Ejected", "out"),
        ((out(medium("/a.iso")), back(medium("/a.iso"))), "Inserted again", "back"),
        ((out(medium("/a.iso")), left(medium("/a.iso"))), "Not inserted", "left_out"),
        ((out(usb(), StepState.DONE),), "Detached", "out"),
        ((out(usb()), back(usb())), "Attached again", "back"),
        ((out(usb()), left(usb())), "Not attached", "left_out"),
        ((out(usb(), StepState.BEGUN), left(usb(), KEPT)), "Not detached", "kept"),
    ],
)
def test_its_page_and_the_api_say_where_it_is(
    scene: dict[str, Any], as_viewer: Client, steps: tuple[Written, ...], word: str, state: str
) -> None:
    migration = with_steps(scene["running"], *steps)
    page = flat(as_viewer.get(f"/migrations/{migration.pk}/"))
    assert "Taken out for the migration" in page
    assert word in page
    (one,) = Api(scene["viewer"]).get(f"/migrations/{migration.pk}").json()["taken_out"]
    assert (one["state"], bool(one["what_to_do"])) == (state, state in ("left_out", "kept"))
    assert ("When kvm-b has it, run this." in page) is (state in ("left_out", "kept"))
    pushed = fragments(f"migration:{migration.pk}", [])
    assert pushed is not None
    assert word in pushed["taken_out"]


def test_a_page_without_it_says_nothing(scene: dict[str, Any], as_viewer: Client) -> None:
    assert "Taken out for the migration" not in flat(as_viewer.get(f"/migrations/{scene['running'].pk}/"))
    assert Api(scene["viewer"]).get(f"/migrations/{scene['running'].pk}").json()["taken_out"] == []


def test_names_of_media_are_text(scene: dict[str, Any], as_viewer: Client) -> None:
    migration = with_steps(scene["running"], out(medium(HOSTILE)), left(medium(HOSTILE)))
    assert "<img src=x" not in as_viewer.get(f"/migrations/{migration.pk}/").content.decode()


def test_the_remedy_is_a_button_that_sets_the_option(scene: dict[str, Any]) -> None:
    finding = {
        "severity": "blocker",
        "summary": "no",
        "remedies": [{"text": "Let kvmweb eject it.", "command": "", "on": "", "kind": "", "option": "eject"}],
    }
    values = {"finding": finding, "about": "web-01", "guest": scene["web"]}
    html = render_to_string("vms/_finding.html", {**values, "offers_kinds": True})
    assert 'name="eject"' in html
    assert "Choose “Eject CDs that the destination lacks”" in html
    assert "<button" not in render_to_string("vms/_finding.html", values)
