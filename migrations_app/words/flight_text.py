"""The record of a migration as plain text, to read and to send. Made of the same values as its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kvmweb.ui import units
from kvmweb.web.plain import isolated
from migrations_app.domain.forecast import Forecast
from migrations_app.domain.kinds import KIND, Kind
from migrations_app.domain.lifecycle import State
from migrations_app.words.badges import STATE_BADGES
from migrations_app.words.chosen import chosen
from migrations_app.words.forecast import forecast_words

_SHOWN = "\ufffd"
_UNKNOWN = "not known"
_Pairs = Iterable[tuple[str, str]]


def flight_text(record: Mapping[str, Any]) -> str:
    """`record`: api.flight_record.RecordOut as JSON."""
    moved = record["migration"]
    title = f"Migration {moved['id']} of {_line(moved['guest_name'])}, from {moved['source']} to {moved['target']}"
    parts = [f"{title}\n{'=' * len(title)}\n{_table(_facts(moved))}"]
    parts += [f"{head}\n{'-' * len(head)}\n{body}" for head, body in _sections(record, moved) if body]
    return "\n".join(parts)


def _sections(record: Mapping[str, Any], moved: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Options that were chosen", _table((label, _line(value)) for label, value in chosen(moved["options"]))
    yield "Versions at the start", _table(_versions(record["versions"], moved))
    yield "Forecast", _table(forecast_words(_line(moved["guest_name"]), Forecast.from_json(moved["forecast"] or {})))
    yield "Measured", _table(_truth(record["truth"])) if record["truth"] else ""
    yield "How it ended", _table(_error(moved["error"])) if moved["error"] else ""
    yield "Checks before the start", "".join(map(_finding, moved["findings"]))
    yield "Orders", "".join(map(_order, record["orders"]))
    yield "Decisions of the policy", "".join(map(_decision, record["decisions"]))
    yield "Journal", "".join(f"{_time(entry['time'])}  {_said(entry)}\n" for entry in record["journal"])
    yield "Measurements", _samples(record["samples"])
    yield "Definition before, without secrets", _whole(record["definition_before"])
    yield "Definition afterwards, without secrets", _whole(record["definition_after"])


def _facts(moved: Mapping[str, Any]) -> _Pairs:
    yield "State", STATE_BADGES[State(moved["state"])].label
    yield "", _line(moved["state_text"])
    yield "VM", f"{_line(moved['guest_name'])}, UUID {moved['guest']}"
    yield "Method", KIND[Kind(moved["kind"])].label
    yield "Policy", _line(moved["policy"] or "none")
    yield "Requested", f"{_time(moved['requested_at'])} by {_line(moved['requested_by'])}"
    yield "Reason", _line(moved["reason"])
    yield "Started", _time(moved["started_at"])
    yield "Ended", _time(moved["finished_at"])


def _versions(versions: Mapping[str, Mapping[str, str]], moved: Mapping[str, Any]) -> _Pairs:
    for end in ("source", "target"):
        has = versions[end]
        yield moved[end], f"libvirt {has['libvirt'] or _UNKNOWN}, QEMU {has['qemu'] or _UNKNOWN}"


def _truth(truth: Mapping[str, Any]) -> _Pairs:
    yield "Transfer", units.duration(truth["duration_ms"])
    yield "Downtime", units.duration(truth["downtime_ms"])
    yield "Transferred", units.size(truth["transferred_bytes"])
    yield "Average rate", units.rate(truth["rate_bps"])


def _error(error: Mapping[str, str]) -> _Pairs:
    yield "Cause", _line(error["cause"])
    yield "What to do", _line(error["what_to_do"])
    yield "libvirt", _line(error["libvirt"])


def _finding(finding: Mapping[str, Any]) -> str:
    lines = [f"{finding['severity']:8}  {_line(finding['summary'])}"]
    lines += [f"{'':8}  {_line(name)}: {_line(value)}" for name, value in finding["evidence"].items()]
    lines += [f"{'':8}  Remedy: {_line(one['text'])}" for one in finding["remedies"]]
    return "".join(f"{line}\n" for line in lines)


def _order(order: Mapping[str, Any]) -> str:
    value = "" if order["value"] is None else f" {order['value']}"
    said = f"{order['what']}{value} by {_line(order['by'])}: {order['state']}. {_line(order['text'])}"
    return f"{_time(order['created_at'])}  {said.rstrip()}\n"


def _decision(decision: Mapping[str, Any]) -> str:
    done = "" if decision["applied"] else " (not carried out)"
    return f"{_time(decision['at'])}  {_line(decision['text'])}{done}\n"


def _said(entry: Mapping[str, Any]) -> str:
    text = entry["text"] or str(entry["body"].get("state", "")).replace("_", " ")
    return _line(f"{text} “{entry['reason']}”" if entry["reason"] else text)


def _samples(samples: Sequence[Mapping[str, Any]]) -> str:
    if not samples:
        return ""
    heads = ("Time (UTC)", "Rate", "Dirty rate", "Pass", "Left when it began", "Allowed downtime", "Needed downtime")
    rows = [
        (
            _clock(one["at"]),
            units.rate(one["rate_bps"]),
            units.rate(one["dirty_bps"]),
            units.NONE if one["iteration"] is None else str(one["iteration"]),
            units.size(one["pass_remaining_bytes"]),
            units.duration(one["allowed_downtime_ms"]),
            units.duration(one["needed_downtime_ms"]),
        )
        for one in samples
    ]
    wide = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ("  ".join(cell.rjust(width) for cell, width in zip(row, wide, strict=True)) for row in (heads, *rows))
    return "".join(f"{line}\n" for line in lines)


def _table(pairs: _Pairs) -> str:
    rows = [(label, value) for label, value in pairs if value]
    wide = max((len(label) for label, _ in rows), default=0)
    return "".join(f"{label:{wide}}  {value}\n" for label, value in rows)


def _time(moment: str | None) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%H:%M:%S.%f")[:-3]


def _whole(definition: str) -> str:
    return "".join(f"{_line(line)}\n" for line in definition.splitlines())


def _line(text: str) -> str:
    """Without what turns or breaks a line, and what a terminal would obey."""
    return isolated("".join(one if one.isprintable() else _SHOWN for one in text))
