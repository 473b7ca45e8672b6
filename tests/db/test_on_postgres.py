"""Everything marked `dual` (constraints, claims, journal, watcher, kills) again, on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kvmweb.config import BASE_DIR
from kvmweb.serve.children import die_with_parent
from tests.postgres import postgres


@pytest.mark.timeout(1500)
def test_what_depends_on_the_database_holds_on_postgresql(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    with postgres() as url:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "dual", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"],
            cwd=BASE_DIR,
            env={**os.environ, "KVMWEB_DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=1400,
            check=False,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    said = done.stdout[-6000:] + done.stderr[-2000:]
    assert done.returncode == 0, said
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    counts = {name: int(suite.attrib[name]) for name in ("tests", "errors", "failures", "skipped")}
    assert counts["tests"] > 0, said
    assert counts == {**counts, "errors": 0, "failures": 0, "skipped": 0}, said
