"""An installation without a row in it, made once and copied: to apply the schema migrations anew takes longer than most
tests that begin with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from kvmweb.config import BASE_DIR


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Of a kvmweb with this data folder."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("KVMWEB_")}
    return plain | {"KVMWEB_DATA_DIR": str(folder), **settings}


def install(folder: Path) -> None:
    """A database, its keys, and the static files, in an empty data folder."""
    shutil.copytree(_made().name, folder, dirs_exist_ok=True)


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    made = tempfile.TemporaryDirectory(prefix="kvmweb-installed-", dir=os.environ.get("KVMWEB_DATA_DIR"))
    for command in (["migrate"], ["collectstatic", "--no-input"]):
        subprocess.run(
            [sys.executable, "manage.py", *command, "-v0"],
            env=environment(Path(made.name)),
            cwd=BASE_DIR,
            check=True,
            timeout=300,
        )
    return made
