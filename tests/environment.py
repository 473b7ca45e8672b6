"""A data folder of their own for the tests. A plugin (`-p`, see pyproject.toml): it must come before Django's settings,
which pytest-django reads before any conftest."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

#: a worker of pytest-xdist may be given no time to tidy up; whoever started it does
_above = os.environ["KVMWEB_DATA_DIR"] if "PYTEST_XDIST_WORKER" in os.environ else None
#: an installation's settings must not reach the tests; KVMWEB_LAB_PREFIX names a lab that is up already
for _name in [name for name in os.environ if name.startswith("KVMWEB_")]:
    if _name not in ("KVMWEB_LAB_PREFIX", "KVMWEB_DATABASE_URL"):
        del os.environ[_name]
_folder = tempfile.TemporaryDirectory(prefix="kvmweb-tests-", dir=_above)
os.environ["KVMWEB_DATA_DIR"] = _folder.name
os.environ["KVMWEB_CONFIG_FILE"] = f"{_folder.name}/none.toml"  # instead of the one in /etc
Path(os.environ["KVMWEB_CONFIG_FILE"]).touch()
