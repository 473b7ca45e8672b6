"""Running commands: argument lists only, one error type, output as text."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LabError(Exception):
    """Something the lab needs is missing or did not work; the text says what."""


class NodeGone(LabError):
    """A node of the lab has ended, or is about to."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"the lab node with pid {pid} no longer runs; start the lab again with `lab up`")


class CommandFailed(LabError):
    """A command ended with an error. `output` is what it printed, both streams."""

    def __init__(self, command: Sequence[str], code: int | None, output: str) -> None:
        self.command = list(command)
        self.code = code
        self.output = output
        ending = "did not end in time" if code is None else f"ended with {code}"
        super().__init__(f"{' '.join(command)}: {ending}: {output.strip()}")


def plain_environment() -> dict[str, str]:
    """The environment of everything inside the lab: nothing of the caller's, always English."""
    return {"PATH": PATH, "LC_ALL": "C", "HOME": "/root", "TERM": "dumb"}


def run(
    command: Sequence[str],
    *,
    stdin: str | None = None,
    timeout: float = 60,
    check: bool = True,
    environment: dict[str, str] | None = None,
) -> str:
    """Run `command` and return what it printed on stdout.

    `timeout` is in seconds. Raises CommandFailed; with `check=False` only for a time-out.
    """
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment if environment is not None else dict(os.environ, LC_ALL="C"),
    )
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise CommandFailed(command, None, f"no end after {timeout} s") from None
    finally:
        if process.returncode is None:  # also after Ctrl-C: nothing may still run during the clean-up
            process.kill()
            process.wait()
    if check and process.returncode != 0:
        raise CommandFailed(command, process.returncode, out + err)
    return out


def tool(name: str) -> str:
    """The full path of a program of the user's machine, or a LabError that names it."""
    found = shutil.which(name, path=PATH)
    if found is None:
        raise LabError(f"the lab needs the program {name!r}; `make demo` and `make test` install it")
    return found
