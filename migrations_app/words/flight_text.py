"""The record of a migration as plain text, to read and to send. Made of the same values as its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kvmweb.ui import units
from migrations_app.domain.arrival import Sign
from migrations_app.domain.forecast import Forecast
from migrations_app.domain.gate import Lane
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.lifecycle import State
from migrations_app.words.arrival import LABELS
from migrations_app.words.badges import STATE_BADGES
from migrations_app.words.chosen import chosen
from migrations_app.words.felt import felt_line
from migrations_app.words.forecast import forecast_words, rests_on
from migrations_app.words.page_of_text import grid, hung, line, lines, section, table

_NOT_RECORDED = "not recorded"
_Pairs = Iterable[tuple[str, str | Sequence[str]]]


def flight_text(record: Mapping[str, Any]) -> str:
    """`record`: api.flight_record.RecordOut as JSON."""
    moved = record["migration"]
    way = f"from {moved['source']} to {moved['target']}" if _leaves(moved) else f"within {moved['source']}"
    title = line(f"Migration {moved['id']} of {moved['guest_name']}, {way}")
    parts = [section(title, table(_facts(moved)), mark="=")]
    parts += [section(head, body) for head, body in _sections(record, moved) if body]
    return "\n".join(parts)


def _leaves(moved: Mapping[str, Any]) -> bool:
    return bool(moved["source_id"] != moved["target_id"])


def _sections(record: Mapping[str, Any], moved: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The times of all are in UTC."""
    yield "How it ended", table(_error(moved["error"])) if moved["error"] else ""
    yield "Versions at the start", table(_versions(record["versions"], moved))
    yield "Options that were chosen", table(_options(moved))
    yield "Forecast at the start", table(_forecast(moved))
    yield "Measured", table(_truth(record["truth"], moved)) if record["truth"] else ""
    yield "Tests of the VM after it arrived", "".join(map(_test, moved["arrival"]))
    yield "Taken out of the running VM", "".join(map(_taken_out, moved["taken_out"]))
    yield "Checks before the start", "".join(map(_finding, sorted(moved["findings"], key=_is_passed)))
    yield "Orders (UTC)", "".join(map(_order, record["orders"]))
    yield "Decisions of the policy (UTC)", "".join(map(_decision, record["decisions"]))
    yield "Journal (UTC)", "".join(hung(_time(entry["time"]), _said(entry)) for entry in record["journal"])
    yield "Definition before, without secrets", _whole(record["definition_before"])
    yield "Definition afterwards, without secrets", _afterwards(record)
    yield "Measurements (UTC)", _samples(record["samples"])


def _facts(moved: Mapping[str, Any]) -> _Pairs:
    yield "State", STATE_BADGES[State(moved["state"])].label
    yield "", line(moved["state_text"])
    for host, why in (moved["waiting"] or {}).get("hosts", {}).items():
        yield "Not reachable", f"{line(host)}: {line(why)}"
    yield "VM", f"{line(moved['guest_name'])}, UUID {moved['guest']}"
    yield "Method", KIND[Kind(moved["kind"])].label
    yield "", line(f"kvmweb copies the disks itself: {moved['streamed_because']}") if moved["streamed_because"] else ""
    yield "Policy", line(moved["policy"] or "")
    yield "Requested", f"{_time(moved['requested_at'])} UTC by {line(moved['requested_by'])}"
    yield "", "for a request of the portal" if moved["lane"] == Lane.PORTAL else ""
    yield "", "urgent" if moved["urgent"] else ""
    yield "Reason", line(moved["reason"])
    yield "Started instead", f"of migration {moved['restart_of']}" if moved["restart_of"] else ""
    yield "Started", f"{_time(moved['started_at'])} UTC" if moved["started_at"] else ""
    yield "Ended", f"{_time(moved['finished_at'])} UTC" if moved["finished_at"] else ""
    yield "", f"migration {moved['restarted_as']} was started instead" if moved["restarted_as"] else ""
    yield "Took", ", ".join(f"{name} {units.duration(seconds * 1000)}" for name, seconds in moved["timings"].items())
    yield "Progress", _progress(moved["progress"]) if not moved["terminal"] else ""


def _progress(so_far: Mapping[str, Any]) -> str:
    if so_far["percent"] is None:
        return ""
    return f"{so_far['percent']} %, {units.size(so_far['transferred_bytes'])} transferred"


def _error(error: Mapping[str, str]) -> _Pairs:
    yield "Cause", line(error["cause"])
    yield "What to do", line(error["what_to_do"])
    yield "libvirt says", lines(error["libvirt"])


def _versions(versions: Mapping[str, Any], moved: Mapping[str, Any]) -> _Pairs:
    yield "kvmweb", line(versions["kvmweb"]) or _NOT_RECORDED
    for end in ("source", "target") if _leaves(moved) else ("source",):
        has = versions[end]
        known = [f"{name} {line(has[key])}" for key, name in (("libvirt", "libvirt"), ("qemu", "QEMU")) if has[key]]
        yield line(moved[end]), ", ".join(known) or _NOT_RECORDED


def _options(moved: Mapping[str, Any]) -> _Pairs:
    yield from ((label, line(value)) for label, value in chosen(moved["options"]))
    yield "Disks that are copied", line(", ".join(moved["copied_disks"] or ()))


def _forecast(moved: Mapping[str, Any]) -> _Pairs:
    seen = Forecast.from_json(moved["forecast"] or {})
    yield from forecast_words(line(moved["guest_name"]), seen)
    yield "", rests_on(seen)


def _truth(truth: Mapping[str, Any], moved: Mapping[str, Any]) -> _Pairs:
    for label, value, said in (
        ("Transfer", truth["duration_ms"], units.duration),
        ("Downtime", truth["downtime_ms"], units.duration),
        ("Transferred", truth["transferred_bytes"], units.size),
        ("Average rate", truth["rate_bps"], units.rate),
    ):
        yield label, said(value) if value is not None else ""
    yield "Passes", str(moved["progress"]["iteration"] or "")
    if moved["felt"] or (moved["felt_reason"] and moved["state"] == State.DONE):
        yield "Felt downtime", line(felt_line(moved["felt"], moved["felt_reason"]))


def _test(one: Mapping[str, str]) -> str:
    return hung(f"{one['result']:8}", f"{LABELS[Sign(one['test'])]}: {line(one['text'])}")


def _taken_out(one: Mapping[str, str]) -> str:
    where = f" in drive {line(one['drive'])}" if one["drive"] else ""
    on = f" on {line(one['host'])}" if one["host"] else ""
    said = f"{line(one['name'])}{where}: {one['state'].replace('_', ' ')}{on}"
    return hung("-", said, *filter(None, (line(one["why"]), line(one["what_to_do"]))))


def _is_passed(finding: Mapping[str, Any]) -> bool:
    return bool(finding["severity"] == "passed")


def _finding(finding: Mapping[str, Any]) -> str:
    said = hung(
        f"{finding['severity']:8}",
        f"{line(finding['summary'])} [{finding['check']}]",
        *(f"{line(name)}: {line(value)}" for name, value in finding["evidence"].items()),
    )
    for one in finding["remedies"]:
        said += hung(" " * 8, f"What to do: {line(one['text'])}")
        if one["command"]:  # to copy, so in one line
            prompt = f"{line(one['on'])}# " if one["on"] else ""
            said += f"{'':10}{prompt}{line(one['command'])}\n"
    return said


def _order(order: Mapping[str, Any]) -> str:
    value = "" if order["value"] is None else f" {line(str(order['value']))}"
    said = [f"{order['what']}{value} by {line(order['by'])}: {order['state']}.", line(order["text"])]
    if order["requested"] is not None:
        read = "" if order["read_back"] is None else f", it reported {order['read_back']}"
        said.append(f"libvirt was asked for {order['requested']}{read}.")
    said.append(f"“{line(order['reason'])}”" if order["reason"] else "")
    return hung(_time(order["created_at"]), " ".join(filter(None, said)))


def _decision(decision: Mapping[str, Any]) -> str:
    done = "" if decision["applied"] else " (not carried out)"
    return hung(_time(decision["at"]), f"{line(decision['text'])}{done}")


def _said(entry: Mapping[str, Any]) -> str:
    """A state has its name before its sentence."""
    state = entry["body"].get("state") if entry["kind"] == "state" else None
    named = STATE_BADGES[State(state)].label if state in STATE_BADGES else ""
    said = ": ".join(filter(None, (named, entry["text"])))
    return line(f"{said} “{entry['reason']}”" if entry["reason"] else said)


def _whole(definition: str) -> str:
    return "".join(f"{one}\n" for one in lines(definition)) or f"{_NOT_RECORDED}\n"


def _afterwards(record: Mapping[str, Any]) -> str:
    if not record["migration"]["terminal"]:
        return ""
    if record["definition_after"] and record["definition_after"] == record["definition_before"]:
        return "The same as before.\n"
    return _whole(record["definition_after"])


def _samples(samples: Sequence[Mapping[str, Any]]) -> str:
    if not samples:
        return ""
    heads = ("Time", "Rate", "Dirty rate", "Pass", "Left at its start", "Allowed downtime", "Needed downtime")
    return grid(
        heads,
        (
            (
                _time(one["at"], "milliseconds"),
                units.rate(one["rate_bps"]),
                units.rate(one["dirty_bps"]),
                units.NONE if one["iteration"] is None else str(one["iteration"]),
                units.size(one["pass_remaining_bytes"]),
                units.duration(one["allowed_downtime_ms"]),
                units.duration(one["needed_downtime_ms"]),
            )
            for one in samples
        ),
    )


def _time(moment: str, exact: str = "seconds") -> str:
    return datetime.fromisoformat(moment).replace(tzinfo=None).isoformat(" ", exact)
