"""The commands in what kvmweb advises, taken out of its text as a person would take them, and carried out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab import Host
from tests.faults.cell import Cell

#: where a command ends and the sentence goes on
_SENTENCE = frozenset({"and", "command", "if", "says", "so", "then", "there", "to"})
_ENDS_IT = ".,;:)"
#: the text says FILE where the person chooses a name
_FILE = "/tmp/recorded.xml"
_QUESTIONS = ("domstate", "domjobinfo")


@dataclass(frozen=True)
class Step:
    host: str
    command: tuple[str, ...]


def steps(text: str) -> list[Step]:
    """Every virsh command in the text, with the host that was named last before it, in order."""
    found, host, before = [], "", ""
    words = iter(text.split())
    for word in words:
        if before.lower() == "on":
            host = word.strip(_ENDS_IT)
        if word == "virsh":
            found.append(Step(host, tuple(_command(words))))
        before = word
    return found


def _command(words: Iterator[str]) -> Iterator[str]:
    for word in words:
        if word.strip(_ENDS_IT) in _SENTENCE or word.startswith("("):
            return
        yield word.rstrip(_ENDS_IT)
        if word[-1] in _ENDS_IT:
            return


def follow(cell: Cell, text: str) -> None:
    """Run them all, one after the other. One that fails fails the test; a question may well be answered with no."""
    for step in steps(text):
        run(cell, step)


def run(cell: Cell, step: Step) -> None:
    host = cell.lab.hosts[step.host]
    command = [_FILE if word == "FILE" else word for word in step.command]
    if step.command == ("define", "FILE"):
        save_definition(cell, host)
    if len(command) == 1:  # "virsh start there"
        command.append(cell.uuid)
    host.virsh(*command, timeout=60, check=command[0] not in _QUESTIONS)


def save_definition(cell: Cell, host: Host) -> None:
    """The one recorded with the migration, in FILE, as docs/operations.md says."""
    script = f"from migrations_app.models import Migration; print(Migration.objects.get(pk={cell.pk}).source_xml)"
    host.exec("tee", _FILE, stdin=cell.kvmweb.manage("shell", "-v", "0", "-c", script))
