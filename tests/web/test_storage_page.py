"""A storage migration on every page that shows it: from pool to pool, on one host."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from kvmweb.steps import StepState, Written
from migrations_app.domain.lifecycle import TERMINAL, State
from migrations_app.domain.options import Options
from migrations_app.domain.placement import placements
from migrations_app.models import Migration
from migrations_app.models.migration import MAKE_VOLUME
from migrations_app.reading.dashboard import host_bars
from migrations_app.reading.forecast import forecast_for
from migrations_app.words.cancel import cancel_words
from migrations_app.words.close import close_words
from migrations_app.words.ended import ended_line
from migrations_app.words.headline import headline, short_title
from migrations_app.words.outcome import outcome_times
from migrations_app.words.way import steps
from tests.web import seed
from tests.web.pages import flat

OLD = {"target": "vda", "path": "/vms/idle.qcow2", "pool": "vms", "volume": "idle.qcow2", "format": "qcow2"}
PROGRESS = {"percent": 40, "disk_total_bytes": 2**30, "disk_remaining_bytes": 600 * 2**20, "rate_bps": 10**8}
PLACES = placements({"vda": {"pool": "fast", "name": "new.qcow2"}})


def moving(scene: dict[str, Any], state: State, **fields: Any) -> Migration:
    values = {
        "kind": "storage",
        "options": Options(disks=PLACES).as_json(),
        "source_disks": [OLD],
        "was_paused": False,
        "source_run": 3,
        "progress": PROGRESS,
    }
    return seed.make_migration(scene["idle"], scene["b"], scene["b"], state, **{**values, **fields})


@pytest.mark.parametrize("state", State)
def test_no_page_speaks_of_another_host(scene: dict[str, Any], as_admin: Client, state: State) -> None:
    made = moving(scene, state)
    assert "kvm-b → kvm-b" not in short_title(made)
    text = flat(as_admin.get(f"/migrations/{made.pk}/"))
    assert "Storage migration of idle-01" in text
    for word in ("Dirty rate", "Downtime", "Pass", "the destination", "the source", "kvm-b</strong>"):
        assert word not in text.split("Journal")[0], word
    for address in (
        "/",
        "/vms/",
        f"/vms/{scene['idle'].pk}/",
        "/migrations/",
        f"/hosts/{scene['b'].pk}/",
        "/search/?q=idle",
    ):
        shown = flat(as_admin.get(address, follow=True))
        assert "kvm-b → kvm-b" not in shown


def test_a_running_copy_says_how_much_of_which_disk(scene: dict[str, Any], as_operator: Client) -> None:
    about = {"target": "vda", "pool": "fast", "name": "new.qcow2", "path": "/fast/new.qcow2"}
    step = Written(step=MAKE_VOLUME, about=about, state=StepState.DONE)
    made = moving(scene, State.COPYING_DISKS, steps=[step.as_json()])
    text = flat(as_operator.get(f"/migrations/{made.pk}/"))
    for words in ("pool vms", "pool fast", "vda: /vms/idle.qcow2", "vda: /fast/new.qcow2", "40 % of 1 GiB"):
        assert words in text
    assert headline(made) == "idle-01 runs on kvm-b while its disks are copied there."
    assert short_title(made) == "40 % idle-01: vda to pool fast as new.qcow2"
    assert cancel_words(made) == (True, "idle-01 keeps its old disks. The copies are deleted.")


def test_its_stages(scene: dict[str, Any]) -> None:
    been = ["starting", "copying_disks", "switching_over"]
    made = moving(scene, State.SWITCHING_OVER)
    assert [(one["name"], one["is"]) for one in steps(made, been)] == [
        ("Create the new disks", "done"),
        ("Copy disks", "done"),
        ("Switch over to the new disks", "now"),
    ]
    made.state = State.FAILED
    assert [one["is"] for one in steps(made, been[:2])] == ["done", "stopped", "next"]
    made.state = State.DONE
    assert {one["is"] for one in steps(made, been)} == {"done"}


def test_a_vm_that_is_shut_off_is_not_said_to_run(scene: dict[str, Any]) -> None:
    made = moving(scene, State.COPYING_DISKS, source_run=-1, state_text="")
    assert headline(made) == "idle-01 is shut off on kvm-b while its disks are copied there."


@pytest.mark.parametrize(
    ("state", "may"),
    [(State.QUEUED, True), (State.SWITCHING_OVER, True), (State.VERIFYING, False), (State.DONE, False)],
)
def test_a_cancel_is_too_late_after_the_switch(scene: dict[str, Any], state: State, may: bool) -> None:
    made = moving(scene, state)
    found, words = cancel_words(made)
    assert found is may
    assert bool(words) is (state not in TERMINAL)


def test_its_end(scene: dict[str, Any]) -> None:
    done = moving(scene, State.DONE, state_text="")
    assert ended_line(done) == "The storage of idle-01 migrated within kvm-b."
    assert "Downtime" not in dict(outcome_times(done))
    stuck = moving(scene, State.NEEDS_ATTENTION)
    assert close_words(stuck).startswith("First check which disks idle-01 uses.")


def test_on_the_dashboard_nothing_leaves_and_nothing_arrives(scene: dict[str, Any]) -> None:
    made = moving(scene, State.COPYING_DISKS)
    kinds = {part.kind for bar in host_bars(scene["viewer"], [made]) for part in bar.segments}
    assert not kinds & {"leaving", "arriving"}


def test_it_has_no_forecast(scene: dict[str, Any]) -> None:
    done = moving(scene, State.DONE)
    assert forecast_for(scene["olga"], done.request, scene["idle"], scene["b"], paused=False) == {}
