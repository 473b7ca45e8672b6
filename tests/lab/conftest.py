"""One lab and one kvmweb for all lab and browser tests of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import Lab, Wanted
from tests.lab.serving import Serving


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two hosts. KVMWEB_LAB_PREFIX names one that is up already, for work on a single test."""
    if prefix := os.environ.get("KVMWEB_LAB_PREFIX"):
        yield _on_gluster(Lab.load(prefix))
        return
    made = Lab.up(Wanted(prefix=f"t{os.getpid() % 100_000}", hosts=2, profile="test", owned=True))
    try:
        yield _on_gluster(made)
    finally:
        made.down()


def _on_gluster(lab: Lab) -> Lab:
    """With the fallback libvirt calls every live migration unsafe, so these tests would prove nothing."""
    assert lab.state.shared_storage == "glusterfs", lab.state.fallback_reason
    return lab


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


@pytest.fixture(scope="session")
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
