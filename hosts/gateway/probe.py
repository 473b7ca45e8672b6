"""The shape of a probe: one question to a host's own system, over ssh or on this machine. One question = one file in
`probes/`, registered by `@probe` or `@path_probe`; `HostConnection.probe` asks it.

Pure: a probe says what is run there, as an argument list, and reads what it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class NoAnswer(ValueError):
    """What the program wrote is no answer to the question."""


class Asked(Flag):
    """Which hosts are asked before a migration, as a fact for the checks: `facts.target.told["name of the probe"]`."""

    NOBODY = 0
    SOURCE = auto()
    TARGET = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Generic[T]):
    """`name` is the module's. The words of a question (paths, for example) follow `command`, each as it is.

    `asks` continues "kvm-a could not ..." when there is no answer: the program failed, or `read` raised NoAnswer.
    """

    name: str
    command: tuple[str, ...]
    asks: str
    read: Callable[[str, tuple[str, ...]], T]
    asked: Asked = Asked.NOBODY
    #: its words are absolute paths; what is no such path is left out of the question and of the answer
    paths: bool = False

    def words(self, words: Sequence[str]) -> tuple[str, ...]:
        """What can be asked about, each once."""
        return tuple(word for word in dict.fromkeys(words) if not self.paths or is_askable(word))


PROBES: dict[str, Probe[Any]] = {}


def probe(*command: str, asks: str, asked: Asked = Asked.NOBODY) -> Callable[[Callable[[str], T]], Probe[T]]:
    """Make a question without words of the function that reads what `command` wrote."""

    def made(read: Callable[[str], T]) -> Probe[T]:
        name = _name(read)
        return _register(Probe(name=name, command=command, asks=asks, asked=asked, read=lambda out, _: read(out)))

    return made


def path_probe(
    script: str, *, asks: str, lines: int = 1
) -> Callable[[Callable[..., T | None]], Probe[dict[str, T | None]]]:
    """Make a question about paths of the function that reads the `lines` that `script`, which gets the paths as its
    arguments, writes for each. None stands for what the host cannot tell."""

    def made(read: Callable[..., T | None]) -> Probe[dict[str, T | None]]:
        def read_all(out: str, paths: tuple[str, ...]) -> dict[str, T | None]:
            said = out.split("\n")[:-1]
            if len(said) != lines * len(paths):
                raise NoAnswer
            return {path: read(*said[number * lines : (number + 1) * lines]) for number, path in enumerate(paths)}

        command = ("sh", "-c", script, "sh")
        return _register(Probe(name=_name(read), command=command, asks=asks, read=read_all, paths=True))

    return made


def is_askable(path: str) -> bool:
    return path.startswith("/") and not set("\0\n") & set(path)


def _name(read: Callable[..., object]) -> str:
    return read.__module__.rsplit(".", 1)[-1]


def _register(made: Probe[T]) -> Probe[T]:
    PROBES[made.name] = made
    return made
