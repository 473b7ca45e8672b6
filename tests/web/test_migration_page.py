"""The migration page in each state: where the VM is, what happened, what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from hosts.models import Sighting
from migrations_app import words
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from tests.web import seed


def text_of(client: Client, migration: Migration) -> str:
    return client.get(f"/migrations/{migration.pk}/").content.decode()


def test_the_title_carries_the_state(scene: dict[str, Any], as_viewer: Client) -> None:
    assert "<title>62 % web-01 → kvm-b – kvmweb</title>" in text_of(as_viewer, scene["running"])
    assert "<title>Failed: build-07 → kvm-a – kvmweb</title>" in text_of(as_viewer, scene["failed"])


def test_a_failure_says_first_where_the_vm_is_and_last_what_libvirt_said(
    scene: dict[str, Any], as_viewer: Client
) -> None:
    Sighting.objects.filter(guest=scene["build"]).update(seen_at=timezone.now() + timedelta(seconds=1), state="running")
    text = text_of(as_viewer, scene["failed"])
    places = [
        text.index(part)
        for part in (
            "build-07 is running on kvm-b.",
            "libvirt daemon stopped while memory was copied",
            "Start libvirtd on kvm-a",
            "client socket is closed",
        )
    ]
    assert places == sorted(places)


def test_an_outcome_is_told_in_the_worker_s_words_while_it_is_true(scene: dict[str, Any]) -> None:
    done: Migration = scene["done"]
    done.state_text = "idle-01 runs on kvm-b."
    here = Sighting.objects.select_related("host").get(guest=scene["idle"], host=scene["b"])
    here.seen_at = done.finished_at - timedelta(seconds=3)
    assert words.headline(done, here) == "idle-01 runs on kvm-b."
    here.seen_at = timezone.now()
    assert words.headline(done, here) == "idle-01 runs on kvm-b."
    here.host = scene["a"]
    assert words.headline(done, here) == "idle-01 arrived on kvm-b and was seen running there."


def test_an_old_outcome_does_not_claim_to_be_the_present(scene: dict[str, Any], as_viewer: Client) -> None:
    Sighting.objects.filter(guest=scene["idle"]).update(seen_at=timezone.now() - timedelta(days=1))
    text = text_of(as_viewer, scene["done"])
    assert "idle-01 arrived on kvm-b and was seen running there." in text
    assert "84 ms" in text


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_its_words(scene: dict[str, Any], as_viewer: Client, state: State) -> None:
    guest = seed.make_guest(f"vm-{state}", scene["a"])
    migration = seed.make_migration(guest, scene["a"], scene["b"], state)
    text = text_of(as_viewer, migration)
    assert guest.name in words.headline(migration)
    assert migration.look.label in text
    assert ">None<" not in text
    assert "None %" not in text


def test_nothing_is_complete_before_the_vm_runs_there(scene: dict[str, Any]) -> None:
    """Each place where the guest can be, by state."""
    guest = seed.make_guest("walker", scene["a"])
    migration = seed.make_migration(guest, scene["a"], scene["b"], State.COPYING_MEMORY)
    at = {}
    for state in State:
        migration.state = state
        at[state] = words.where(migration)
    assert at[State.COPYING_MEMORY] == at[State.STARTING] == at[State.FAILED] == at[State.BLOCKED] == "source"
    assert at[State.SWITCHING_OVER] == "between"
    assert at[State.POST_COPY] == at[State.ARRIVING] == at[State.DONE] == "target"
    assert at[State.VERIFYING] == at[State.NEEDS_ATTENTION] == "asking"


def test_the_stepper_stops_where_the_migration_stopped(scene: dict[str, Any]) -> None:
    seen = [step["is"] for step in words.steps(scene["failed"], ["checking", "starting", "copying_memory", "failed"])]
    assert seen == ["done", "stopped", "next", "next", "next"]
    running = [step["is"] for step in words.steps(scene["running"], ["starting", "copying_memory"])]
    assert running == ["done", "now", "next", "next", "next"]
    assert [step["is"] for step in words.steps(scene["done"], [])] == ["done"] * 5
    assert [step["is"] for step in words.steps(scene["blocked"], ["checking"])] == ["next"] * 5


def test_the_samples_are_columns_for_the_graph(scene: dict[str, Any], as_viewer: Client) -> None:
    times, rates, dirty = as_viewer.get(f"/migrations/{scene['running'].pk}/samples.json").json()
    assert len(times) == len(rates) == len(dirty) == 40
    assert times == sorted(times)
    assert dirty[0] is None
    assert rates[0] == 380 * 1024**2


def test_many_samples_are_thinned(scene: dict[str, Any], as_viewer: Client) -> None:
    from kvmweb.journal.models import Entry, Kind

    topic = f"migration:{scene['done'].pk}"
    Entry.objects.bulk_create(
        Entry(topic=topic, kind=Kind.PROGRESS, body={"rate_bps": 1, "dirty_bps": 1}) for _ in range(2000)
    )
    times, _, _ = as_viewer.get(f"/migrations/{scene['done'].pk}/samples.json").json()
    assert 300 <= len(times) <= 600


def test_what_was_known_before_the_start_stays_readable(scene: dict[str, Any], as_viewer: Client) -> None:
    text = text_of(as_viewer, scene["running"])
    assert "Known before the start" in text
    assert "Whether the CPU fits could not be seen." in text
    assert "kernel update on kvm-a" in text
    assert "What the preflight found" in text_of(as_viewer, scene["blocked"])


def test_a_name_from_right_to_left_does_not_turn_the_sentence(scene: dict[str, Any]) -> None:
    sentence = words.headline(scene["cancelled"])
    assert sentence.startswith("\u2068")
    assert "\u2069 stayed on kvm-b." in sentence
