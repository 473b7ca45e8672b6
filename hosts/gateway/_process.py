"""Run a program with a deadline and a limit on what it may say. Argument lists only."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: more than this from a host is no answer to any question of ours
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """`code` None: it was killed, because the deadline passed or it wrote too much."""

    code: int | None
    out: str
    err: str


def run(
    argv: Sequence[str], *, deadline: float, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> Finished:
    """Raises OSError when the program cannot be started. The program and its children are killed at the deadline."""
    end = time.monotonic() + deadline
    with subprocess.Popen(
        list(argv),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=dict(environment) if environment is not None else None,
    ) as process:
        try:
            out, err, complete = _talk(process, stdin, end)
            code = _wait(process, end) if complete else None
        finally:
            _kill(process)
    return Finished(code=code, out=out.decode("utf-8", "replace"), err=err.decode("utf-8", "replace"))


def _talk(process: subprocess.Popen[bytes], stdin: bytes, end: float) -> tuple[bytes, bytes, bool]:
    """What it wrote until both its outputs were closed; False when the deadline or the limit came first."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(stdin)  # at most a few kilobytes: fits the pipe
        process.stdin.close()
    heard: dict[int, bytearray] = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    out, err = heard.values()
    with selectors.DefaultSelector() as selector:
        for descriptor in heard:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            left = end - time.monotonic()
            if left <= 0 or len(out) + len(err) > MOST_BYTES:
                return bytes(out), bytes(err), False
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, 65536)
                heard[key.fd].extend(chunk)
                if not chunk:
                    selector.unregister(key.fd)
    return bytes(out), bytes(err), True


def _wait(process: subprocess.Popen[bytes], end: float) -> int | None:
    try:
        return process.wait(max(0.05, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Its whole session, which is its own: a helper of it must not outlive it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
