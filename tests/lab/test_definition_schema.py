"""schema.txt knows everything that the lab's libvirt allows in a definition, whatever version that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import Lab
from scripts.definition_schema import unlisted

pytestmark = pytest.mark.lab
FOLDER = "/usr/share/libvirt/schemas"


def test_every_place_of_the_hosts_schemas_is_listed(lab: Lab, tmp_path: Path) -> None:
    for name, host in lab.hosts.items():
        folder = tmp_path / name
        folder.mkdir()
        for path in host.exec("sh", "-c", f"ls {FOLDER}/*.rng").split():
            (folder / Path(path).name).write_text(host.exec("cat", path))
        assert unlisted(folder) == [], f"libvirt of {name} allows more: run scripts/definition_schema.py"
