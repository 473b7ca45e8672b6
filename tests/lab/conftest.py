"""A kvmweb for all tests of a folder that use the lab; the lab is that of the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import Lab
from tests.lab.serving import Serving


@contextmanager
def _served(lab: Lab, folder: Path, transport: str = "tcp") -> Iterator[Serving]:
    serving = Serving(lab, folder, transport=transport)
    serving.prepare()
    serving.start()
    try:
        serving.register_hosts()
        yield serving
    finally:
        serving.stop()


@pytest.fixture(scope="package")
def kvmweb(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """kvmweb with both hosts registered over TCP, refresh once an hour."""
    with _served(lab, tmp_path_factory.mktemp("serve")) as serving:
        yield serving


@pytest.fixture(scope="module")
def kvmweb_over_ssh(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """kvmweb with both hosts registered over ssh: it can also ask what libvirt does not tell."""
    with _served(lab, tmp_path_factory.mktemp("over-ssh"), "ssh") as serving:
        yield serving


@pytest.fixture
def fresh(lab: Lab, kvmweb: Serving) -> Serving:
    """Both hosts connected and all guests at home, as kvmweb has seen for itself."""
    lab.reset()
    kvmweb.wait_for_hosts()
    for name in ("web-01", "db-01", "build-01"):
        kvmweb.wait_for_guest(name, "kvm-a", seconds=30)
    return kvmweb
