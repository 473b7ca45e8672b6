"""Python with Django ready, in a process of its own that is asked again and again: to start one takes longer than most
of what it is asked."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import traceback
from contextlib import redirect_stdout
from functools import partial

from kvmweb.config import BASE_DIR
from kvmweb.serve.children import die_with_parent


class Interpreter:
    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.interpreter"],
            cwd=BASE_DIR,
            env=environment | {"DJANGO_SETTINGS_MODULE": "kvmweb.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=partial(die_with_parent, os.getpid()),  # also when the tests are killed
        )

    def run(self, code: str) -> str:
        """What `code` prints. It has the names that `manage.py shell` has, and none that an earlier one left."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert not answer["error"], f"{code}\n{answer['error']}"
        return str(answer["said"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def main() -> None:
    import django

    django.setup()
    from django.core.management.commands.shell import Command
    from django.db import connections

    for line in sys.stdin:
        said, error = io.StringIO(), ""
        try:
            with redirect_stdout(said):
                exec(compile(json.loads(line), "<asked>", "exec"), Command().get_namespace(verbosity=0))
        except Exception:
            error = traceback.format_exc()
        connections.close_all()
        print(json.dumps({"said": said.getvalue(), "error": error}), flush=True)


if __name__ == "__main__":
    main()
