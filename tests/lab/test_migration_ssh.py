"""The whole way over ssh: kvmweb to the hosts with its own key, and host to host with root's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab
from tests.lab.leftovers import assert_moved, take
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.fixture
def over_ssh(lab: Lab, tmp_path: Path) -> Iterator[Serving]:
    lab.reset()
    serving = Serving(lab, tmp_path, transport="ssh", peer="ssh")
    serving.prepare()
    serving.start()
    try:
        serving.register_hosts()
        serving.wait_for_guest("web-01", "kvm-a")
        yield serving
    finally:
        serving.stop()


def test_a_guest_moves_over_ssh(over_ssh: Serving, lab: Lab) -> None:
    host = next(host for host in over_ssh.items("/hosts") if host["name"] == "kvm-a")
    assert host["fingerprint"].startswith("SHA256:")
    report = over_ssh.post("/preflights", {"guest": over_ssh.guest("web-01")["uuid"], "target": "kvm-b"})
    assert report.status == 200
    assert [finding for finding in report.body["findings"] if finding["severity"] in ("blocker", "unknown")] == []
    before = take(lab)
    migration = over_ssh.wait_for_end(over_ssh.migrate("web-01", "kvm-b")["id"])
    assert migration["state"] == "done", migration
    assert_moved(lab, before, "web-01")
