from __future__ import annotations

import sys
import time

import pytest

from hosts.gateway import _process


def run(code: str, **values: object) -> _process.Finished:
    options: dict[str, object] = {"deadline": 10, **values}
    return _process.run([sys.executable, "-c", code], **options)  # type: ignore[arg-type]


def test_what_it_says() -> None:
    code = "import sys; print(sys.stdin.read().upper()); print('e', file=sys.stderr); sys.exit(3)"
    assert run(code, stdin=b"hello") == _process.Finished(code=3, out="HELLO\n", err="e\n")


def test_the_deadline_ends_it_and_its_children() -> None:
    started = time.monotonic()
    done = run("import subprocess; print('x', flush=True); subprocess.run(['sleep', '60'])", deadline=1)
    assert (done.code, done.out) == (None, "x\n")
    assert time.monotonic() - started < 20


def test_one_that_closes_its_outputs_and_stays() -> None:
    started = time.monotonic()
    done = run("import os, time; os.close(1); os.close(2); time.sleep(60)", deadline=0.5)
    assert done.code is None
    assert time.monotonic() - started < 20


def test_one_that_never_stops_talking() -> None:
    started = time.monotonic()
    done = run("while True: print('x' * 100_000)", deadline=20)
    assert done.code is None
    assert len(done.out) < 2 * _process.MOST_BYTES
    assert time.monotonic() - started < 19


def test_one_that_does_not_read() -> None:
    assert run("pass", stdin=b"x" * 4000).code == 0


def test_one_that_is_not_there() -> None:
    with pytest.raises(OSError, match="no-such"):
        _process.run(["/no-such-program"], deadline=1)
