"""The next start uses the saved definition: what kvmweb says of it is what libvirt does."""

from __future__ import annotations

from typing import Any

import pytest

from lab import Lab
from lab.run import CommandFailed
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NETWORK = "source-only"
XML = f"<network><name>{NETWORK}</name><bridge name='br-only'/></network>"


def of_saved(report: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [finding for finding in report if finding["check"] == "saved_definition"]


def test_a_network_of_the_saved_definition_alone_is_told_and_is_missing_at_the_next_start(
    fresh: Serving, lab: Lab
) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    body = {"guest": fresh.guest("web-01")["uuid"], "target": "kvm-b"}
    (ordinary,) = of_saved(fresh.preflight(body).body["findings"])
    assert ordinary["severity"] == "passed"

    a.exec("virsh", "-q", "net-define", "/dev/stdin", stdin=XML)
    a.virsh("net-start", NETWORK)
    a.virsh("attach-interface", "web-01", "network", NETWORK, "--model", "virtio", "--config")
    report = fresh.preflight(body).body
    (finding,) = of_saved(report["findings"])
    assert (finding["severity"], finding["affects"]) == ("warning", f"network {NETWORK}")
    assert finding["summary"] == (
        "After a shutdown, web-01 will not start on kvm-b with its saved definition:"
        f" kvm-b has no network {NETWORK}, which web-01 uses."
    )

    migration = fresh.wait_for_end(fresh.migrate("web-01", "kvm-b")["id"])
    assert migration["state"] == "done", migration
    assert of_saved(migration["findings"]) == [finding]
    b.virsh("destroy", "web-01")
    with pytest.raises(CommandFailed, match=f"no network with matching name '{NETWORK}'"):
        b.virsh("start", "web-01")
    b.exec("virsh", "-q", "net-define", "/dev/stdin", stdin=XML)
    b.virsh("net-start", NETWORK)
    b.virsh("start", "web-01")


def test_a_definition_that_does_not_migrate_is_not_judged(fresh: Serving, lab: Lab) -> None:
    a = lab.hosts["kvm-a"]
    a.exec("virsh", "-q", "net-define", "/dev/stdin", stdin=XML)
    a.virsh("attach-interface", "web-01", "network", NETWORK, "--model", "virtio", "--config")
    options = {"persist": False, "undefine_source": False}
    body = {"guest": fresh.guest("web-01")["uuid"], "target": "kvm-b", "options": options}
    (finding,) = of_saved(fresh.preflight(body).body["findings"])
    assert finding["severity"] == "passed"
