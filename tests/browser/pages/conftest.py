"""Fixtures: a seeded web process of its own. No hosts, no workers: what the pages show is in the rows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kvmweb.config import BASE_DIR
from kvmweb.serve.children import die_with_parent
from tests.installed import environment, install
from tests.interpreter import Interpreter
from tests.patience import PATIENCE
from tests.web.seed import PASSWORD


@dataclass
class Site:
    """`run` executes Python with Django ready, `seed` imported, and returns what it printed."""

    url: str
    env: dict[str, str]
    python: Interpreter
    process: subprocess.Popen[bytes] | None = None

    def run(self, code: str) -> str:
        lines = f"from tests.web import seed\nfrom migrations_app.models import *\nfrom hosts.models import *\n{code}"
        return self.python.run(lines).strip()

    def start(self) -> None:
        port = self.url.rsplit(":", 1)[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "kvmweb.asgi:application", "--port", port, "--log-level", "warning"],
            env=self.env,
            cwd=BASE_DIR,
            preexec_fn=partial(die_with_parent, os.getpid()),  # also when the tests are killed
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=2)
                return
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < deadline, "the web process did not come up"
                assert self.process.poll() is None, "the web process ended"
                time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)


def seeded(folder: Path, port: int) -> Iterator[Site]:
    """A web process with tests/web/seed.py's scene with its own database, until the generator continues."""
    env = environment(folder, KVMWEB_REFRESH_SECONDS="86400")  # no watcher reads these hosts again
    install(folder)
    made = Site(url=f"http://127.0.0.1:{port}", env=env, python=Interpreter(env))
    made.run("seed.scene()")
    made.start()
    yield made
    made.stop()
    made.python.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Site]:
    yield from seeded(tmp_path_factory.mktemp("site"), free_port())


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    import socket

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


def log_in(page: Any, url: str, name: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.fill("#id_login", name)
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{url}/")


@pytest.fixture(scope="session")
def cookies(site: Site, browser: Any) -> Callable[[str], Any]:
    """The storage state of a logged-in person, one login each."""
    known: dict[str, Any] = {}

    def of(name: str) -> Any:
        if name not in known:
            context = browser.new_context()
            log_in(context.new_page(), site.url, name)
            known[name] = context.storage_state()
            context.close()
        return known[name]

    return of
