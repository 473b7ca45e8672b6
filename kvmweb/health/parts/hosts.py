"""The hosts that kvmweb reaches, and those that it does not. Only the watcher knows; while it is silent nobody does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hosts.models import Host
from kvmweb.health.row import Row, State
from kvmweb.serve import pulse
from kvmweb.web.plain import isolated

_NAMED = 5
_LOST = frozenset({Host.Contact.AWAY, Host.Contact.DENIED, Host.Contact.REFUSED})


def rows() -> Iterator[Row]:
    contacts = dict(Host.objects.order_by("name").values_list("name", "contact"))
    yield reached(contacts, watcher_silent=pulse.age(pulse.file("watcher")))


def reached(contacts: Mapping[str, str], *, watcher_silent: float | None) -> Row:
    """`contacts`: by name of the host. `watcher_silent`: seconds."""
    if not contacts:
        return Row("Hosts", State.WELL, "No host is registered.")
    if watcher_silent is None or not abs(watcher_silent) < pulse.SILENT_SECONDS:
        return Row("Hosts", State.UNKNOWN, "The watcher does not report, so it is not known which hosts are reachable.")
    lost = [name for name, contact in contacts.items() if contact in _LOST]
    pending = [name for name, contact in contacts.items() if contact not in _LOST | {Host.Contact.ANSWERS}]
    total = "1 host" if len(contacts) == 1 else f"{len(contacts)} hosts"
    if lost:
        state = State.BAD if len(lost) == len(contacts) else State.WARNING
        return Row("Hosts", state, f"{len(lost)} of {total} cannot be used: {_names(lost)}.")
    if pending:
        text = f"{len(pending)} of {total} are not contacted yet, or have a host key to confirm: {_names(pending)}."
        return Row("Hosts", State.UNKNOWN, text)
    return Row("Hosts", State.WELL, f"kvmweb reaches {'the one host' if len(contacts) == 1 else f'all {total}'}.")


def _names(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(map(isolated, names[:_NAMED])) + (f" and {rest} more" if rest > 0 else "")
