"""How pages say what is known: words, colours and icons of states; sentences about a migration. Pure of any request."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from hosts.facts.guest import RunState
from kvmweb.ui import units
from kvmweb.ui.badge import Badge
from kvmweb.web.plain import isolated, visible_turns
from migrations_app.domain.forecast import Forecast
from migrations_app.domain.lifecycle import IN_FLIGHT, NOT_STARTED, Stage, State, stage_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hosts.models import Sighting
    from migrations_app.models import Migration
    from migrations_app.reading.movability import Candidate, Outlook

SEVERITY_LOOKS: dict[str, Badge] = {
    "blocker": Badge("Blocker", "red", "ban"),
    "unknown": Badge("Unknown", "grey", "question-mark"),
    "warning": Badge("Warning", "amber", "alert-triangle"),
    "info": Badge("Note", "blue", "info-circle"),
    "passed": Badge("Passed", "green", "circle-check"),
}

#: how long the worker's last look is newer than anything else
FRESH = timedelta(minutes=2)
#: states with a watch over both hosts: its sentence is what they said
_WATCHED = (
    State.COPYING_DISKS, State.COPYING_MEMORY, State.SWITCHING_OVER, State.POST_COPY, State.ARRIVING, State.VERIFYING,
    State.NEEDS_ATTENTION,
)  # fmt: skip
#: hosts named in a hint; nobody reads more
MOST_HINTS = 8
_RUNS = {RunState.RUNNING: "running", RunState.BLOCKED: "running", RunState.PAUSED: "paused"}


def where(migration: Migration) -> str:
    """Where the guest truly is: "source", "between", "target", or "asking" where only the hosts or a person can say."""
    state = State(migration.state)
    if state in (State.VERIFYING, State.NEEDS_ATTENTION) or migration.closed_by_name:
        return "asking"
    if state is State.SWITCHING_OVER:
        return "between"
    return "target" if state in (State.POST_COPY, State.ARRIVING, State.DONE) else "source"


def headline(migration: Migration, sighting: Sighting | None = None) -> str:
    """The first sentence of a migration's page. `sighting`: where the guest was seen last."""
    name, source, target = isolated(migration.guest_name), str(migration.source), str(migration.target)
    state = State(migration.state)
    if migration.terminal:
        return _ended(migration, sighting)
    if state in _WATCHED and migration.state_text:
        return told(migration)  # what was seen on both hosts
    here = f"{name} {_verb(migration, sighting)}"
    return {
        State.REQUESTED: f"{here} {source}. The migration waits for a worker.",
        State.CHECKING: f"{here} {source}. Both hosts are being checked; nothing was touched.",
        State.QUEUED: f"{here} {source}. The migration waits for its turn.",
        State.STARTING: f"{here} {source} while {target} prepares to receive it.",
        State.COPYING_DISKS: f"{here} {source} while its disks are copied to {target}.",
        State.COPYING_MEMORY: f"{here} {source} while libvirt copies it to {target}.",
        State.SWITCHING_OVER: f"{name} is paused for a moment; its last pages travel to {target}.",
        State.POST_COPY: f"{name} runs on {target} and still fetches memory from {source}.",
        State.ARRIVING: f"{here} {target}; libvirt finishes.",
        State.VERIFYING: f"Asking {source} and {target} where {name} is.",
        State.NEEDS_ATTENTION: f"{source} and {target} do not say clearly where {name} is. A person has to look.",
    }[state]


def told(migration: Migration) -> str:
    """The worker's own sentence."""
    return with_name(migration.state_text, migration.guest_name)


def with_name(sentence: str, name: str) -> str:
    """A stored sentence has the bare name in it."""
    return sentence.replace(name, isolated(name))


def found(sentence: str, name: str) -> str:
    """Of a check, which is pure and knows nothing of display: besides the VM's it may name anything of a host."""
    return with_name(visible_turns(sentence), visible_turns(name))


def second_line(migration: Migration, first: str) -> str:
    """What the worker says besides the headline: why it waits, what it does. "" when the headline has it."""
    said = told(migration)
    return "" if said == first or migration.state == State.CHECKING else said


def _verb(migration: Migration, sighting: Sighting | None) -> str:
    """As the record says since the start; before it, as the guest was seen last. "is on" claims no more than that."""
    if migration.state not in NOT_STARTED and migration.was_paused is not None:
        return "is paused on" if migration.was_paused else "runs on"
    if sighting is None or sighting.host_id != migration.source_id:
        return "is on"
    if sighting.stale_since is not None:
        return "was last seen on"
    return {"running": "runs on", "paused": "is paused on"}.get(_RUNS.get(RunState(sighting.state), ""), "is on")


def _ended(migration: Migration, sighting: Sighting | None) -> str:
    """What the hosts said at the end, while that is still so; else what was true then."""
    name = isolated(migration.guest_name)
    end = migration.target if migration.state == State.DONE else migration.source
    finished = migration.finished_at or migration.state_since
    seen_since = sighting is not None and sighting.seen_at >= finished
    if migration.closed_by_name:
        return told(migration)  # where it is was for a person to say
    if sighting is not None and seen_since and sighting.host_id == end.pk and sighting.stale_since is None:
        running = f"{name} is {_RUNS.get(RunState(sighting.state), sighting.state)} on {end}."
        return told(migration) or running + _how(migration)
    if migration.state_text and not seen_since and timezone.now() - finished < FRESH:
        return told(migration)  # the worker has just looked at both hosts; the inventory follows
    if migration.state == State.DONE:
        how = "paused" if migration.was_paused else "running"
        return f"{name} arrived on {end} and was seen {how} there."
    return f"{name} stayed on {end}.{_how(migration)}"


def _how(migration: Migration) -> str:
    if migration.state == State.CANCELLED:
        by = f" by {isolated(migration.cancelled_by_name)}" if migration.cancelled_by_name else ""
        return f" The migration was cancelled{by}."
    return {
        State.FAILED: " The migration failed.",
        State.BLOCKED: " The preflight stopped the migration before anything was started.",
    }.get(State(migration.state), "")


def short_title(migration: Migration) -> str:
    """For the browser's tab: the state comes first."""
    way = f"{isolated(migration.guest_name)} → {migration.target}"
    percent = migration.progress.get("percent")
    if migration.state in IN_FLIGHT and percent is not None:
        return f"{percent} % {way}"
    return f"{migration.look.label}: {way}"


def cancel_words(migration: Migration) -> tuple[bool, str]:
    """(may be cancelled, what will be true afterwards)."""
    name, source, target = isolated(migration.guest_name), migration.source, migration.target
    state = State(migration.state)
    if migration.terminal:
        return False, ""
    if migration.cancel_requested_at is not None:
        return False, f"{isolated(migration.cancelled_by_name)} asked to cancel. libvirt has the last word."
    if state in NOT_STARTED:
        return True, f"Nothing was touched yet. {name} stays on {source}."
    if state in (State.STARTING, State.COPYING_DISKS, State.COPYING_MEMORY):
        goes_on = "paused as it is" if migration.was_paused else "and goes on running there"
        return True, f"{name} stays on {source} {goes_on}. What was copied is given up."
    if state is State.SWITCHING_OVER:
        return True, f"It may be too late: then the move ends as done and {name} is on {target}."
    if state is State.NEEDS_ATTENTION:
        return False, f"{name} stays locked until it is clear where it is."
    return False, f"It cannot be taken back: {name} is past the switch-over."


def close_words(migration: Migration) -> str:
    """What will be true after somebody has closed it by hand."""
    name = isolated(migration.guest_name)
    return (
        f"Closing touches no host. The migration ends as failed and {name} can be moved again; what was made on"
        f" {migration.target} stays there. First look where {name} runs: kvmweb looks no more."
    )


def steps(migration: Migration, states: Iterable[str]) -> list[dict[str, str]]:
    """The stepper: [{"name", "is"}] with `is` one of done, now, stopped, next. `states`: those it went through."""
    stages = list(Stage)
    now = State(migration.state)
    if now is State.DONE:
        return [{"name": stage.value, "is": "done"} for stage in stages]
    passed = [stage for stage in map(stage_of, map(State, states)) if stage is not None]
    here = stage_of(now) if now is not State.VERIFYING else None
    if here is None and now in (State.VERIFYING, State.FAILED, State.CANCELLED, State.NEEDS_ATTENTION) and passed:
        here = max(passed, key=stages.index)
    reached = stages.index(here) if here else -1
    at = "now" if now in IN_FLIGHT else "stopped"
    return [
        {"name": stage.value, "is": "done" if place < reached else at if place == reached else "next"}
        for place, stage in enumerate(stages)
    ]


def go_words(guest: str, target: str, verdict: str, unknowns: int) -> str:
    """The text of the button that starts a migration."""
    if verdict == "unknown":
        return f"Migrate with {unknowns} unknown{'' if unknowns == 1 else 's'}"
    return f"Migrate {isolated(guest)} to {target}"


def verdict_words(guest: str, target: str, verdict: str, counts: dict[str, int]) -> str:
    """The report in one sentence."""

    def many(severity: str, word: str) -> str:
        count = counts.get(severity, 0)
        return f"{count} {word}{'' if count == 1 else 's'}"

    if verdict == "blocked":
        rest = "must be" if counts.get("blocker", 0) != 1 else "has to be"
        return f"{guest} cannot move to {target} now: {many('blocker', 'finding')} {rest} settled first."
    if verdict == "unknown":
        return f"{guest} can probably move to {target}, but {many('unknown', 'thing')} could not be seen."
    if verdict == "warnings":
        return f"{guest} can move to {target}. Read {many('warning', 'warning')} first."
    return f"{guest} can move to {target}. Every check passed."


def movable(outlook: Outlook) -> tuple[str, str, str]:
    """For one row of a list: (where to or why not, the reasons when there are several, each host for the hint)."""
    others, clear = outlook.others, outlook.clear
    if outlook.held:
        return outlook.held, "", ""
    if not others:
        return "There is no other host.", "", ""
    hint = " ".join(candidate_words(candidate) for candidate in others[:MOST_HINTS])
    if len(others) > MOST_HINTS:
        hint += f" And {len(others) - MOST_HINTS} more."
    if not clear and len(others) == 1:
        return candidate_words(others[0]), "", ""
    many = f"{len(others)} host{'' if len(others) == 1 else 's'}"
    if clear:
        return f"To {len(clear)} of {many}", "", hint
    return f"To none of {many}", " ".join(map(candidate_words, others[:2])) + (" …" if len(others) > 2 else ""), hint


def candidate_words(candidate: Candidate) -> str:
    """A destination by what was last seen, as a sentence."""
    return f"{candidate.host} {candidate.against or 'shows nothing that stands in the way'}."


def forecast_words(guest: str, seen: Forecast | None) -> list[tuple[str, str]]:
    """(what, words): how long copying takes, how long the VM stands still, whether it ends. [] without a forecast."""
    if seen is None:
        return []
    if seen.high_ms is None:
        takes = "Not known: its disks were not copied this way before."
    elif seen.low_ms is None:
        takes = f"About {units.duration(seen.high_ms)} for one pass over all of its memory; longer if it writes much."
    else:
        takes = f"{_first_upper(units.span(seen.low_ms, seen.high_ms))}, for what it sent in its earlier moves."
    lines = [("Copying takes", takes)]
    if seen.paused:
        return lines
    if stood := _foreseen_downtime(seen):
        lines.append(("Stands still", f"{_first_upper(stood)}, by what was felt before."))
    carried = f"the link carried {units.rate(seen.bps)}"
    if seen.limit_bps is not None and seen.limit_bps < seen.bps:
        carried = f"at most {units.rate(seen.limit_bps)} may be sent"
    if seen.ends is None or not seen.dirty_bps:
        ends = f"Not known: how fast {guest} writes to its memory was not seen yet; {carried}."
    elif seen.ends:
        ends = f"It did before: it wrote {units.rate(seen.dirty_bps)} and {carried}."
    else:
        ends = f"Not certain: it wrote {units.rate(seen.dirty_bps)} and {carried}."
        ends += " Auto-converge or a longer downtime lets it end."
    return [*lines, ("Will it end", ends)]


def outcome_times(migration: Migration) -> list[tuple[str, str]]:
    """(what, words) of a move that ended well: what was true beside what was foreseen when it started."""
    seen = Forecast.from_json(migration.forecast)
    lines = [("Took", f"{units.duration(migration.whole_ms)} from the request to the proof")]
    if migration.copying_ms is not None:
        lines.append(("Copying", units.duration(migration.copying_ms) + _foreseen_copying(seen)))
    if migration.downtime_ms is None:
        return [*lines, ("Downtime", "not reported by libvirt")]
    stood = _foreseen_downtime(seen)
    return [*lines, ("Downtime", f"{migration.downtime_ms} ms{f', foreseen {stood}' if stood else ''}")]


def _foreseen_downtime(seen: Forecast | None) -> str:
    if seen is None or seen.downtime_low_ms is None or seen.downtime_high_ms is None:
        return ""
    return units.downtime(seen.downtime_low_ms, seen.downtime_high_ms)


def _foreseen_copying(seen: Forecast | None) -> str:
    if seen is None or seen.high_ms is None:
        return ""
    if seen.low_ms is None:
        return f", foreseen about {units.duration(seen.high_ms)} for one pass"
    return f", foreseen {units.span(seen.low_ms, seen.high_ms)}"


def _first_upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
