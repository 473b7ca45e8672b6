"""What a migration's page shows. The page and what is pushed to it are made of the same values and templates, so they
cannot say two things; nothing of it depends on who looks."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration
from migrations_app.reading.journal import journal_of, states_of
from migrations_app.reading.migrations import migration_of, sighting_of
from migrations_app.words.arrival import arrival_part
from migrations_app.words.cancel import cancel_words
from migrations_app.words.close import close_words
from migrations_app.words.controls import controls_on_page, finish_words
from migrations_app.words.course import course_words, marks
from migrations_app.words.headline import headline, second_line
from migrations_app.words.policies import does
from migrations_app.words.waiting import waiting
from migrations_app.words.way import steps

_MEASURED_BEFORE = (State.VERIFYING, State.NEEDS_ATTENTION, State.POST_COPY_FAILED)


def migration_or_404(request: HttpRequest, pk: int) -> Migration:
    found = migration_of(request.user, pk)
    if found is None:
        raise Http404("There is no such migration.")
    return found


def pushed_values(migration: Migration) -> dict[str, Any]:
    """What the fragments show, but for the journal. `migration` has its `revision`."""
    sighting = sighting_of(migration)
    first_line = headline(migration, sighting)
    may_cancel, consequence = cancel_words(migration)
    return {
        "migration": migration,
        "progress": migration.progress,
        "sighting": sighting,
        "first_line": first_line,
        "second_line": second_line(migration, first_line),
        #: nothing goes on by itself: what came of it is said instead
        "over": migration.terminal or migration.state in (State.NEEDS_ATTENTION, State.POST_COPY_FAILED),
        #: the numbers are those of the last look at libvirt's job: it has ended, or its host does not say
        "measured_before": migration.terminal or migration.state in _MEASURED_BEFORE,
        #: false when it ended before libvirt was asked: there is nothing to measure
        "started": migration.call_made or not migration.terminal,
        "waiting": waiting(migration),
        "finish_words": finish_words(migration),
        "course_words": course_words(migration),
        "policy_words": does(policy) if (policy := migration.policy_data) else "",
        "may_cancel": may_cancel,
        "consequence": consequence,
    }


def page_values(migration: Migration) -> dict[str, Any]:
    """All that the page shows, but for what depends on who looks."""
    journal = journal_of(migration)
    return {
        **pushed_values(migration),
        "journal": journal,
        "steps": steps(migration, states_of(journal)),
        "controls": controls_on_page(migration),
        "marks": marks(migration),
        "closing": close_words(migration) if migration.state == State.NEEDS_ATTENTION else "",
        "accepted": [f for f in migration.findings if f["severity"] in ("blocker", "unknown", "warning")],
        "arrival": arrival_part(migration),
        "passed": sum(f["severity"] == "passed" for f in migration.findings),
    }
