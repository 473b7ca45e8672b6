"""The migration page in each state: where the VM is, what happened, what to do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from hosts.models import Sighting
from kvmweb.journal.models import Entry, EntryKind
from migrations_app.domain.convergence.action import Act
from migrations_app.domain.convergence.policy import GENTLE
from migrations_app.domain.convergence.track import Pass, Track
from migrations_app.domain.forecast import forecast_stop
from migrations_app.domain.lifecycle import State
from migrations_app.domain.options import Options
from migrations_app.domain.orders import ORDERS
from migrations_app.events import fragments
from migrations_app.models import Migration
from migrations_app.words.badges import badge
from migrations_app.words.cancel import cancel_words
from migrations_app.words.headline import headline
from migrations_app.words.outcome import outcome_times
from migrations_app.words.policies import does
from migrations_app.words.stored import told
from migrations_app.words.way import steps, where
from tests.web import seed
from tests.web.pages import flat

#: the name as sentences show it: apart from the rest, and unable to turn it
SHOWN = f"\u2068{seed.RTL.replace(chr(0x202E), chr(0xFFFD))}\u2069"


def text_of(client: Client, migration: Migration) -> str:
    return flat(client.get(f"/migrations/{migration.pk}/"))


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
    assert headline(done, here) == "idle-01 runs on kvm-b."
    here.seen_at = timezone.now()
    assert headline(done, here) == "idle-01 runs on kvm-b."
    here.host = scene["a"]
    assert headline(done, here) == "idle-01 arrived on kvm-b and was seen running there."


def test_an_offline_migration_has_no_figures_and_says_nothing_of_running(
    scene: dict[str, Any], as_viewer: Client
) -> None:
    starts = {"kind": "offline", "options": Options(start_after=True).as_json(), "progress": {}}
    moving = seed.make_migration(
        scene["build"], scene["b"], scene["a"], State.STARTING, was_paused=False, state_text="", **starts
    )
    assert headline(moving) == "build-07 is shut off on kvm-b while kvm-a prepares to receive it."
    assert cancel_words(moving) == (True, "It may be too late. In that case the definition is on kvm-a.")
    text = text_of(as_viewer, moving)
    assert "Dirty rate" not in text
    assert "a paused copy waits here" not in text
    stages = [("Migrate the definition", "now"), ("Start on the destination", "next")]
    assert [(step["name"], step["is"]) for step in steps(moving, ["starting"])] == stages
    moving.state = State.ARRIVING
    assert [step["is"] for step in steps(moving, ["starting", "arriving"])] == ["done", "now"]
    assert where(moving) == "target"
    moving.options = Options().as_json()
    moving.state = State.VERIFYING
    assert [(step["name"], step["is"]) for step in steps(moving, ["starting"])] == [
        ("Migrate the definition", "asking")
    ]
    moving.state, moving.finished_at = State.DONE, timezone.now()
    assert headline(moving) == "The definition of build-07 arrived on kvm-a."
    assert [what for what, _ in outcome_times(moving)] == ["Took"]


def test_a_vm_that_is_shut_down_is_said_to_run_until_it_is_off(scene: dict[str, Any], as_viewer: Client) -> None:
    asked = timezone.now()
    moving = seed.make_migration(
        scene["build"], scene["b"], scene["a"], State.SHUTTING_DOWN, state_text="", was_paused=False, kind="stop_move_start",
        options=Options().as_json(), progress={}, shutdown_asked_at=asked, forecast=forecast_stop([], patience_s=180).as_json(),
    )  # fmt: skip
    assert headline(moving) == "build-07 was asked to shut down on kvm-b."
    may, words = cancel_words(moving)
    assert may
    assert words.startswith("build-07 was asked to shut down, and may still do so. If it shuts down within 180 s")
    assert words.endswith("kvmweb starts it again on kvm-b. If it does so later, it stays off.")
    stages = [
        ("Shut down on the source", "now"),
        ("Migrate the definition", "next"),
        ("Start on the destination", "next"),
    ]
    assert [(step["name"], step["is"]) for step in steps(moving, ["starting", "shutting_down"])] == stages
    assert where(moving) == "source"
    assert "Shutting down" in text_of(as_viewer, moving)
    moving.state = State.SWITCHING_OVER
    assert where(moving) == "between"
    assert [step["is"] for step in steps(moving, ["starting", "switching_over"])] == ["done", "now", "next"]
    moving.state, moving.finished_at, moving.downtime_ms = State.DONE, timezone.now(), 20_000
    moving.off_since = asked + timedelta(seconds=8)
    assert headline(moving) == "build-07 arrived on kvm-a and was seen running there."
    assert outcome_times(moving)[1] == (
        "Interruption",
        "20 s from the request to shut down until it ran on kvm-a; it was off for 12 s of that, expected 5 s to 4 min",
    )


def test_a_paused_vm_is_not_said_to_run(scene: dict[str, Any]) -> None:
    frozen = seed.make_migration(scene["build"], scene["b"], scene["a"], State.STARTING, was_paused=True)
    assert headline(frozen) == "build-07 is paused on kvm-b while kvm-a prepares to receive it."
    assert cancel_words(frozen)[1].startswith("build-07 stays paused on kvm-b.")
    frozen.was_paused = False
    assert headline(frozen).startswith("build-07 runs on kvm-b while")
    frozen.was_paused = None
    assert headline(frozen).startswith("build-07 is on kvm-b while")


@pytest.mark.parametrize("state", [State.REQUESTED, State.CHECKING, State.QUEUED])
def test_before_the_start_the_verb_is_what_was_seen_last(scene: dict[str, Any], state: State) -> None:
    migration = seed.make_migration(seed.make_guest("early"), scene["a"], scene["b"], state)
    here = seed.see(migration.guest, scene["a"])
    verbs = {"running": "runs on", "idle": "runs on", "paused": "is paused on", "shut off": "is on", "crashed": "is on"}
    for seen, verb in verbs.items():
        here.state = seen
        assert headline(migration, here).startswith(f"early {verb} kvm-a. ")
    assert headline(migration, None).startswith("early is on kvm-a. ")
    here.state, here.host.contact = "running", "away"
    assert headline(migration, here).startswith("early was last seen on kvm-a. ")


@pytest.mark.parametrize(
    "state",
    [State.COPYING_DISKS, State.COPYING_MEMORY, State.SWITCHING_OVER, State.POST_COPY, State.ARRIVING, State.VERIFYING,
     State.NEEDS_ATTENTION],
)  # fmt: skip
def test_what_was_observed_is_the_headline_and_said_once(
    scene: dict[str, Any], as_viewer: Client, state: State
) -> None:
    seen = "walker is somewhere. Waiting for kvm-b to be reachable again."
    guest = seed.make_guest("walker", scene["a"])
    migration = seed.make_migration(guest, scene["a"], scene["b"], state, state_text=seen)
    migration.orders.create(what="cancel", asked_at=timezone.now(), asked_by_name="olga")
    text = text_of(as_viewer, migration)
    shown = text[text.index('aria-label="Where the VM is"') :].split('id="route"')[0]
    assert shown.count(seen) == 1
    assert ("Cancel requested by olga." in shown) == (state is not State.NEEDS_ATTENTION)
    migration.state_text = ""
    assert "walker" in headline(migration)


def test_the_first_line_is_pushed_while_the_state_stays(scene: dict[str, Any]) -> None:
    from migrations_app.events import fragments

    def pushed(migration: Migration, text: str) -> dict[str, str]:
        Migration.objects.filter(pk=migration.pk).update(state_text=text)
        return fragments(migration.topic, ()) or {}

    running = pushed(scene["running"], "web-01 runs on kvm-a. Waiting for kvm-b to be reachable again.")
    assert running["sentence"].count("Waiting for kvm-b to be reachable again.") == 1
    assert "Waiting for build-07." in pushed(scene["queued"], "Waiting for build-07.")["sentence"]
    assert "mail-02 is paused on kvm-b." in pushed(scene["attention"], "mail-02 is paused on kvm-b.")["outcome"]
    assert "sentence" not in pushed(scene["done"], "idle-01 runs on kvm-b.")


def test_a_migration_closed_by_hand_claims_no_place(scene: dict[str, Any], as_viewer: Client) -> None:
    said = "ada closed this migration: it runs on kvm-z"
    Migration.objects.filter(pk=scene["failed"].pk).update(closed_by_name="ada", state_text=said)
    text = text_of(as_viewer, scene["failed"])
    assert text.count(said) == 1
    assert "does not have it" not in text
    assert "stayed on" not in text


def test_why_disks_go_through_kvmweb_is_said_meanwhile_and_afterwards(scene: dict[str, Any], as_viewer: Client) -> None:
    for name in ("running", "done"):
        migration = Migration.objects.get(pk=scene[name].pk)
        Migration.objects.filter(pk=migration.pk).update(
            kind="offline_storage", stream={"because": "<b>no br0</b>.", "helper": "", "sizes": {}, "modified": {}}
        )
        text = text_of(as_viewer, migration)
        assert "could not start it paused, and so could not copy its disks: " in text
        assert "&lt;b&gt;no br0&lt;/b&gt;" in text
        assert ("<dt>Disks</dt><dd>Through kvmweb." in text) is (name == "done")


def test_a_second_line_says_something_else(scene: dict[str, Any], as_viewer: Client) -> None:
    text = text_of(as_viewer, scene["queued"])
    assert "db-01 runs on kvm-a. The migration is queued." in text
    assert "Waiting for a free slot: web-01 is migrating from kvm-a." in text


def test_what_ended_before_the_start_shows_no_empty_figures(scene: dict[str, Any], as_viewer: Client) -> None:
    text = text_of(as_viewer, scene["blocked"])
    for part in ('-numbers"', 'id="graph"', 'id="steps"', "copied when it ended"):
        assert part not in text
    assert text.index('id="accepted"') < text.index(f'id="migration-{scene["blocked"].pk}-journal"')
    assert 'id="graph"' in text_of(as_viewer, scene["failed"])


def test_numbers_of_a_moment_ago_are_not_shown_as_now(scene: dict[str, Any], as_viewer: Client) -> None:
    text = text_of(as_viewer, scene["attention"])
    assert "left</div>" not in text
    assert "copied when it was last measured" in text
    assert "being asked" not in text


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
    assert guest.name in headline(migration)
    assert badge(migration).label in text
    assert ">None<" not in text
    assert "None %" not in text


def test_nothing_is_complete_before_the_vm_runs_there(scene: dict[str, Any]) -> None:
    """Each place where the guest can be, by state."""
    guest = seed.make_guest("walker", scene["a"])
    migration = seed.make_migration(guest, scene["a"], scene["b"], State.COPYING_MEMORY)
    at = {}
    for state in State:
        migration.state = state
        at[state] = where(migration)
    assert at[State.COPYING_MEMORY] == at[State.STARTING] == at[State.FAILED] == at[State.BLOCKED] == "source"
    assert at[State.SWITCHING_OVER] == "between"
    assert at[State.POST_COPY] == at[State.ARRIVING] == at[State.DONE] == "target"
    assert at[State.VERIFYING] == at[State.NEEDS_ATTENTION] == "asking"


def test_a_wait_for_a_host_says_since_when_what_it_said_and_what_comes_next(
    scene: dict[str, Any], as_operator: Client, as_viewer: Client
) -> None:
    guest = seed.make_guest("waiter", scene["a"])
    migration = seed.make_migration(guest, scene["a"], scene["b"], State.VERIFYING)
    Migration.objects.filter(pk=migration.pk).update(waiting=seed.silence("kvm-b", minutes=1) | {"at": "source"})
    page = f"/migrations/{migration.pk}/"
    text = flat(as_operator.get(page))
    assert "kvm-b, since" in text
    assert "No route to host" in text
    assert "the migration needs attention" in text
    assert 'id="chip"' in text.split('<span class="role">To</span>')[0]
    assert "waits here" not in text
    assert "not reachable" in text.split('<span class="role">To</span>')[1][:200]
    assert "Try now" in text
    assert "Try now" not in flat(as_viewer.get(page))
    assert as_viewer.post(f"{page}look/").status_code == 403
    assert as_operator.post(f"{page}look/").status_code == 302
    assert migration.orders.get().what == "look"
    until = flat(as_operator.get(f"/migrations/{scene['attention'].pk}/"))
    assert "tries again every 15 seconds" in until
    assert "If this lasts until" not in until


def test_try_now_after_the_end_says_so(scene: dict[str, Any], as_operator: Client) -> None:
    answer = as_operator.post(f"/migrations/{scene['done'].pk}/look/", follow=True)
    assert "has already ended" in flat(answer)


def test_the_stepper_stops_where_the_migration_stopped(scene: dict[str, Any]) -> None:
    seen = [step["is"] for step in steps(scene["failed"], ["checking", "starting", "copying_memory", "failed"])]
    assert seen == ["done", "stopped", "next", "next", "next"]
    begun = ["checking", "starting", "copying_memory", "verifying"]
    assert [step["is"] for step in steps(scene["failed"], [*begun, "failed"])] == seen
    scene["failed"].state = State.VERIFYING
    assert [step["is"] for step in steps(scene["failed"], begun)] == ["done", "asking", "next", "next", "next"]
    running = [step["is"] for step in steps(scene["running"], ["starting", "copying_memory"])]
    assert running == ["done", "now", "next", "next", "next"]
    assert [step["is"] for step in steps(scene["done"], [])] == ["done"] * 5
    assert [step["is"] for step in steps(scene["blocked"], ["checking"])] == ["next"] * 5


def test_disks_that_are_copied_are_a_step_of_their_own(scene: dict[str, Any], as_viewer: Client) -> None:
    guest = seed.make_guest("disks", scene["a"])
    numbers = seed.progress_of(30, phase="disks", rate_bps=3 * 1024**2, disk_total_bytes=4 * 1024**3)
    copying = seed.make_migration(
        guest, scene["a"], scene["b"], State.COPYING_DISKS, kind="live_storage", progress=numbers
    )
    shown = steps(copying, ["checking", "starting", "copying_disks"])
    assert [(step["name"], step["is"]) for step in shown[:3]] == [
        ("Prepare the destination", "done"), ("Copy disks", "now"), ("Copy memory", "next"),
    ]  # fmt: skip
    text = text_of(as_viewer, copying)
    assert "Copy disks" in text
    assert "3 MiB/s" in text
    assert "left" in text.partition('id="route"')[2].partition('id="steps"')[0]
    assert "Copy disks" not in text_of(as_viewer, scene["running"])
    copying.state = State.FAILED
    states = ["starting", "copying_disks", "verifying", "failed"]
    assert [step["is"] for step in steps(copying, states)] == ["done", "stopped", "next", "next", "next", "next"]


def test_suspended_is_paused_before_its_memory_is_copied(scene: dict[str, Any], as_viewer: Client) -> None:
    guest = seed.make_guest("busy", scene["a"])
    said = "busy is paused on kvm-a while its memory is copied to kvm-b."
    copying = seed.make_migration(
        guest, scene["a"], scene["b"], State.COPYING_MEMORY, kind="suspended", state_text=said,
        progress=seed.progress_of(30),
    )  # fmt: skip
    shown = steps(copying, ["checking", "starting", "copying_memory"])
    assert [(step["name"], step["is"]) for step in shown] == [
        ("Prepare the destination", "done"), ("Pause on the source", "done"), ("Copy memory", "now"),
        ("Continue on the destination", "next"),
    ]  # fmt: skip
    assert said in text_of(as_viewer, copying)
    assert cancel_words(copying) == (True, "busy continues on kvm-a. The copied data is discarded.")
    copying.options = {"copy_disks": True}
    assert [step["name"] for step in steps(copying, [])][1] == "Copy disks"
    copying.state, copying.downtime_ms = State.DONE, 12_000
    copying.finished_at = copying.requested_at
    assert ("Downtime", "12 s, the time it was paused for the migration") in outcome_times(copying)


def test_a_wanted_cancel_is_not_a_failure(scene: dict[str, Any], as_viewer: Client) -> None:
    cancelled = scene["cancelled"]
    seen = [step["is"] for step in steps(cancelled, ["starting", "copying_memory", "verifying", "cancelled"])]
    assert seen == ["done", "cancelled", "next", "next", "next"]
    text = text_of(as_viewer, cancelled)
    assert "cancelled here" in text
    assert "is-stopped" not in text
    assert "copied when it ended" in text


def test_the_samples_are_columns_for_the_graph(scene: dict[str, Any], as_viewer: Client) -> None:
    columns = as_viewer.get(f"/migrations/{scene['running'].pk}/samples.json").json()
    times, rates, dirty, passes, left, allowed, needed = columns
    assert {len(column) for column in columns} == {40}
    assert times == sorted(times)
    assert dirty[0] is None
    assert rates[0] == 380 * 1024**2
    assert (passes[0], left[0], passes[10], left[10]) == (1, None, 2, 600 * 1024**2)
    assert (allowed[24], allowed[25], needed[10]) == (300, 500, 600 * 1000 // 380)


def test_many_samples_are_thinned(scene: dict[str, Any], as_viewer: Client) -> None:
    seed.add_samples(scene["failed"], 2000)
    times, *_ = as_viewer.get(f"/migrations/{scene['failed'].pk}/samples.json").json()
    assert 300 <= len(times) <= 600
    assert times[-1] - times[0] == pytest.approx(2000 / 2, rel=0.01)


def test_what_it_needs_stands_against_what_is_allowed(scene: dict[str, Any], as_viewer: Client) -> None:
    text = text_of(as_viewer, scene["running"])
    assert '<meter min="0" max="600" high="300"' in text
    assert "140 ms of downtime needed, 300 ms allowed" in text
    assert "VM slowed down by" not in text
    running = scene["running"]
    Migration.objects.filter(pk=running.pk).update(progress=running.progress | {"throttle_percent": 40})
    assert "<dt>VM slowed down by</dt> <dd>40 %</dd>" in text_of(as_viewer, running)


def test_it_is_said_whether_passes_leave_less_and_less(scene: dict[str, Any], as_viewer: Client) -> None:
    running = scene["running"]

    first, best, worse = (
        Pass(number=n, at_ms=n * 1000, remaining_bytes=left) for n, left in ((2, 90), (3, 50), (4, 60))
    )

    def said(track: Track, **progress: Any) -> str:
        rows = Migration.objects.filter(pk=running.pk)
        rows.update(progress=running.progress | progress, track=track.as_json(), policy=GENTLE.as_json())
        pushed = fragments(running.topic, [Entry(kind=EntryKind.PROGRESS)])
        assert pushed is not None
        assert pushed["course"].strip() in text_of(as_viewer, running)
        return re.sub("<[^>]*>", "", pushed["course"]).strip()

    better = Track(newest=best, lows=(first, best))
    assert "is known after a few of them" in said(Track())
    assert "is known after a few of them" in said(Track(newest=first, lows=(first,)))
    assert said(better).endswith("the VM changes memory more slowly than it is copied.")
    assert said(Track(newest=worse, lows=(first, best))) == "The last pass left no less to copy than those before."
    stalled = Track(newest=worse, lows=(first, best), stalled_at_ms=4000)
    assert said(stalled).endswith("The migration does not end with the allowed downtime.")
    assert said(better, no_data_ms=4000) == ""


@pytest.mark.parametrize("state", State)
def test_only_in_post_copy_the_source_has_a_rest_of_the_memory(state: State, scene: dict[str, Any]) -> None:
    running = scene["running"]
    Migration.objects.filter(pk=running.pk).update(state=state)
    running.refresh_from_db()
    values = {"migration": running, "host": running.source, "at": "target", "end": "source"}
    told = "has the rest of its memory" in render_to_string("migrations/_end.html", values)
    assert told is (state in (State.POST_COPY, State.POST_COPY_FAILED))


def test_orders_and_decisions_are_marks_on_the_time_line(scene: dict[str, Any], as_viewer: Client) -> None:
    running = scene["running"]
    seed.add_marks(running)
    text = text_of(as_viewer, running)
    marks = re.findall(r'data-label="([^"]*)" data-text="([^"]*)"( data-shadow)?', text)
    assert [(label, bool(shadow)) for label, _, shadow in marks] == [
        ("400 MiB/s", False),
        ("500 ms", False),
        ("pause", True),
    ]
    assert "olga" in marks[0][1]
    assert "asked for this bandwidth limit: 400 MiB/s." in marks[0][1]
    assert fragments(running.topic, [Entry(kind=EntryKind.PROGRESS)]).keys().isdisjoint({"marks", "journal"})  # type: ignore[union-attr]
    assert "400 MiB/s" in fragments(running.topic, [Entry(kind=EntryKind.NOTE)])["marks"]  # type: ignore[index]


@pytest.mark.parametrize("act", Act)
def test_each_decision_has_words_on_the_time_line(act: Act, scene: dict[str, Any], as_viewer: Client) -> None:
    running, allowed = scene["running"], 500 if act is Act.RAISE else None
    running.decisions.create(at=timezone.now(), action=act, downtime_ms=allowed, applied=True, text="It was decided.")
    (label,) = re.findall(r'data-label="([^"]*)" data-text="It was decided."', text_of(as_viewer, running))
    assert label
    assert "_" not in label


@pytest.mark.parametrize("what", ORDERS)
def test_each_order_has_words_on_the_time_line(what: str, scene: dict[str, Any], as_viewer: Client) -> None:
    running = scene["running"]
    running.orders.create(what=what, state="applied", asked_by_name="olga", asked_at=timezone.now())
    (label,) = re.findall(r'data-label="([^"]*)" data-text="[^"]*olga', text_of(as_viewer, running))
    assert label
    assert "_" not in label


def test_the_graphs_as_tables(scene: dict[str, Any], as_viewer: Client) -> None:
    running = scene["running"]
    seed.add_marks(running)
    page = flat(as_viewer.get(f"/migrations/{running.pk}/numbers/"))
    assert "The policy gentle allows 500 ms of downtime." in page
    for number, left in ((2, "600 MiB"), (3, "300 MiB"), (4, "200 MiB")):
        assert re.search(
            rf'<td class="num">{number}</td> <td class="nowrap">[^/]*</local-time></td> <td class="num">{left}</td>',
            page,
        )
    assert page.count('<td class="num wide-only">') == 2 * 40
    assert "Nothing was measured." in flat(as_viewer.get(f"/migrations/{scene['queued'].pk}/numbers/"))


def test_what_was_known_before_the_start_stays_readable(scene: dict[str, Any], as_viewer: Client) -> None:
    text = text_of(as_viewer, scene["running"])
    assert "Findings before the start" in text
    assert "Whether the CPU fits could not be seen." in text
    assert "kernel update on kvm-a" in text
    assert "What the preflight check found" in text_of(as_viewer, scene["blocked"])


def test_a_name_from_right_to_left_does_not_turn_the_sentence(scene: dict[str, Any]) -> None:
    sentence = headline(scene["cancelled"])
    assert sentence.startswith("\u2068")
    assert "\u2069 stayed on kvm-b." in sentence


def test_stored_sentences_keep_their_direction_too(scene: dict[str, Any], as_viewer: Client) -> None:
    migration: Migration = scene["cancelled"]
    migration.state_text = f"{seed.RTL} runs on kvm-b. The migration was cancelled."
    assert told(migration) == f"{SHOWN} runs on kvm-b. The migration was cancelled."
    assert f"olga requested the migration of {SHOWN} from kvm-b" in text_of(as_viewer, migration)


def test_a_check_may_name_it_too(scene: dict[str, Any], as_viewer: Client) -> None:
    summary = f"{seed.RTL} uses network \u2069\u202eten, which is missing."
    found = {**seed.FINDINGS[3], "summary": summary, "affects": f"VM {seed.RTL}"}
    Migration.objects.filter(pk=scene["cancelled"].pk).update(findings=[found])
    text = text_of(as_viewer, scene["cancelled"])
    assert f"<strong>{SHOWN} uses network \ufffd\ufffdten, which is missing.</strong>" in text
    assert f'<span class="affects">VM {SHOWN}</span>' in text


# --- afterwards -------------------------------------------------------------------------------------------------------


def test_what_was_true_stands_beside_what_was_foreseen(scene: dict[str, Any], as_viewer: Client) -> None:
    done: Migration = scene["done"]
    assert outcome_times(done)[1:] == [
        ("Transfer", "9.4 s, expected 8 to 12 s"),
        ("Downtime", "84 ms, expected 70 to 140 ms"),
    ]
    assert "9.4 s, expected 8 to 12 s" in text_of(as_viewer, done)
    done.forecast = {"runs": 1, "bps": 1.0, "high_ms": 40_000}
    copying, downtime = outcome_times(done)[1:]
    assert (copying[1], downtime[1]) == ("9.4 s, expected about 40 s for one pass", "84 ms")
    done.suspended, done.downtime_ms = True, 35_718
    assert outcome_times(done)[2] == ("Downtime", "36 s, with the time it was suspended by somebody")
    done.forecast, done.downtime_ms, done.progress = {}, None, {}
    assert outcome_times(done)[1:] == [("Downtime", "not reported by libvirt")]


def test_moves_between_the_same_two_hosts_are_compared(scene: dict[str, Any], as_viewer: Client) -> None:
    done, other, back = scene["done"], scene["hurt"], scene["failed"]
    text = text_of(as_viewer, done)
    panel = text.partition('id="beside"')[2].partition("</section>")[0]
    assert "Compared with other migrations from kvm-a to kvm-b" in panel
    assert panel.index("this one") < panel.index(f"/migrations/{other.pk}/")
    assert f"/migrations/{done.pk}/" not in panel
    assert 'id="beside"' not in text_of(as_viewer, back)  # none that way has ended well
    assert 'id="beside"' not in text_of(as_viewer, scene["running"])
    listed = as_viewer.get("/migrations/", {"source": done.source_id, "target": done.target_id}).content.decode()
    table = listed.partition("<table")[2].partition("</table>")[0]
    assert f"/migrations/{done.pk}/" in table
    assert f"/migrations/{back.pk}/" not in table


# --- closing by hand --------------------------------------------------------------------------------------------------


def test_an_admin_closes_what_needs_attention(scene: dict[str, Any], as_admin: Client) -> None:
    attention: Migration = scene["attention"]
    text = text_of(as_admin, attention)
    assert "Closing changes nothing on the hosts" in text
    assert text.index('id="close"') < text.index(
        f'id="migration-{attention.pk}-outcome"'
    )  # what is pushed must not wipe what is typed
    answer = as_admin.post(f"/migrations/{attention.pk}/close/", {"reason": "it runs on kvm-b"})
    assert (answer.status_code, answer["Location"]) == (302, f"/migrations/{attention.pk}/")
    attention.refresh_from_db()
    assert (attention.state, attention.closed_by_name) == (State.FAILED, scene["admin"].username)
    text = text_of(as_admin, attention)
    assert "closed this migration: it runs on kvm-b" in text
    assert 'id="close"' not in text


def test_only_what_needs_attention_has_the_form_and_only_for_admins(
    scene: dict[str, Any], as_operator: Client, as_admin: Client
) -> None:
    assert 'id="close"' not in text_of(as_operator, scene["attention"])
    for name in ("running", "queued", "done", "failed"):
        assert 'id="close"' not in text_of(as_admin, scene[name]), name


@pytest.mark.parametrize(
    ("reason", "problem"),
    [("", "Say where the VM is"), (" ", "Say where the VM is"), ("a\0b", "must not contain control characters")],
)
def test_closing_without_a_reason_is_refused_at_the_field(
    scene: dict[str, Any], as_admin: Client, reason: str, problem: str
) -> None:
    answer = as_admin.post(f"/migrations/{scene['attention'].pk}/close/", {"reason": reason})
    assert answer.status_code == 422
    form = answer.content.decode().partition('id="close" open')[2].partition("</form>")[0]
    assert problem in form
    assert 'aria-invalid="true"' in form
    scene["attention"].refresh_from_db()
    assert scene["attention"].state == State.NEEDS_ATTENTION


def test_closing_what_has_ended_meanwhile_says_so(scene: dict[str, Any], as_admin: Client) -> None:
    answer = as_admin.post(f"/migrations/{scene['done'].pk}/close/", {"reason": "I think so"}, follow=True)
    assert "Only a migration that needs attention can be closed; this one is: done." in answer.content.decode()


def test_the_record_is_there_to_take_away(scene: dict[str, Any], as_viewer: Client) -> None:
    done = scene["done"]
    xml = "<domain><graphics passwd='secret'/></domain>"
    Migration.objects.filter(pk=done.pk).update(source_xml=xml, copied_disks=["vdb"])
    assert f"/migrations/{done.pk}/record.json" in as_viewer.get(f"/migrations/{done.pk}/").content.decode()
    answer = as_viewer.get(f"/migrations/{done.pk}/record.json")
    assert answer["Content-Disposition"] == f'attachment; filename="migration-{done.pk}.json"'
    assert answer.json()["migration"]["state"] == "done"
    assert answer.json()["migration"]["copied_disks"] == ["vdb"]
    assert "requested the migration" in answer.json()["journal"][0]["text"]
    assert "secret" not in answer.content.decode()


def test_a_copy_that_stands_still_says_so_instead_of_its_last_rate(scene: dict[str, Any], as_viewer: Client) -> None:
    running = scene["running"]
    still = {**running.progress, "rate_bps": 0, "eta_low_ms": None, "eta_high_ms": None, "no_data_ms": 12_000}
    Migration.objects.filter(pk=running.pk).update(progress=still)
    shown = text_of(as_viewer, running)
    assert "No data for 12 s" in shown
    advice = f"No data is being transferred. Check the network between {running.source} and {running.target}"
    assert advice in shown
    Migration.objects.filter(pk=running.pk).update(progress={**still, "no_data_ms": 4_000})
    assert advice not in text_of(as_viewer, running)  # it may come again by itself
    pushed = fragments(running.topic, [Entry(kind=EntryKind.PROGRESS)])
    assert pushed is not None
    assert "No data for 4 s" in pushed["percent"]
    Migration.objects.filter(pk=running.pk).update(progress=still)
    pushed = fragments(running.topic, [Entry(kind=EntryKind.PROGRESS)])
    assert pushed is not None
    assert advice in pushed["sentence"]
    assert "left" not in shown.partition("No data for 12 s")[2][:40]


@pytest.mark.parametrize("address", ["/", "/migrations/", "/vms/", "/hosts/{source}/", "/vms/{vm}/"])
def test_every_page_that_shows_how_far_a_copy_is_says_that_it_stands_still(
    scene: dict[str, Any], as_viewer: Client, address: str
) -> None:
    running = scene["running"]
    Migration.objects.filter(pk=running.pk).update(progress=running.progress | {"no_data_ms": 12_000})
    told = f"{running.progress['percent']} %, no data for 12 s"
    page = as_viewer.get(address.format(source=scene["a"].pk, vm=running.guest_id)).content.decode()
    bar, _, main = " ".join(re.sub("</?span[^>]*>", "", page).split()).partition('id="main"')
    assert told in bar
    assert (told in main) == (address != "/migrations/")


def test_lists_show_no_percentage_of_a_copy_that_nobody_sees_going_on(scene: dict[str, Any], as_viewer: Client) -> None:
    running = scene["running"]
    Migration.objects.filter(pk=running.pk).update(state=State.VERIFYING)
    page = flat(as_viewer.get("/"))
    assert f"{running.progress['percent']} %" not in page
    assert "Verifying" in page


# --- started again ----------------------------------------------------------------------------------------------------


def _start_again(client: Client, running: Migration, policy: str) -> str:
    return flat(client.post(f"/migrations/{running.pk}/orders/", {"what": "restart", "value": policy}, follow=True))


def test_it_is_started_again_with_a_policy_that_is_chosen(
    scene: dict[str, Any], as_operator: Client, as_viewer: Client
) -> None:
    running = scene["running"]
    page = text_of(as_operator, running)
    offered = page.partition('aria-label="Policy of the new migration"')[2].partition("</select>")[0]
    assert re.findall('value="([^"]*)"', offered) == ["", "gentle", "large VM", "must finish", "post-copy"]
    assert "Cancels this migration. Once the VM is seen on the source again, a new one starts" in page
    assert "Policy of the new migration" not in text_of(as_viewer, running)
    for wrong in ("", "nothing"):
        assert "Not changed." in _start_again(as_operator, running, wrong)
    assert not running.orders.exists()
    assert "asked to start the migration again, with the policy" in _start_again(as_operator, running, "must finish")
    assert [(order.what, order.value) for order in running.orders.all()] == [("restart", "must finish")]
    assert "asked to start the migration again" not in text_of(as_viewer, scene["done"])


def test_each_of_the_two_names_the_other(scene: dict[str, Any], as_viewer: Client) -> None:
    old, new = scene["failed"], scene["running"]
    Migration.objects.filter(pk=new.pk).update(restart_of=old)
    assert f'restart of <a href="/migrations/{old.pk}/">migration {old.pk}</a>' in text_of(as_viewer, new)
    assert f'restarted as <a href="/migrations/{new.pk}/">migration {new.pk}</a>' in text_of(as_viewer, old)


def test_the_policy_is_named_with_what_it_does(scene: dict[str, Any], as_viewer: Client) -> None:
    running = scene["running"]
    running.policy = {**GENTLE.as_json(), "name": seed.HOSTILE}
    running.save()
    text = text_of(as_viewer, running)
    assert "<strong>Policy &lt;img src=x onerror=alert(1)&gt;.</strong>" in text
    assert does(GENTLE) in text
