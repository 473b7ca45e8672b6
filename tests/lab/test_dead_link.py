"""A migration link that is cut in the middle of a copy: QEMU and libvirt say nothing for minutes, kvmweb does in seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab import Lab
from tests.lab.serving import Serving, wait_until
from tests.lab.test_migration import SLOW, hurry

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

#: from the cut
SAID_SECONDS = 10.0


@pytest.fixture
def cut(fresh: Serving, lab: Lab) -> Iterator[tuple[int, float]]:
    """A migration whose link has just been cut, and when that was."""
    pk = fresh.migrate("web-01", "kvm-b", **SLOW)["id"]
    fresh.wait_for_copying(pk)
    wait_until(lambda: fresh.migration(pk)["progress"]["transferred_bytes"] > 2**20, 30, "data is transferred")
    lab.hosts["kvm-b"].link("mig", up=False)
    yield pk, time.monotonic()
    lab.hosts["kvm-b"].link("mig", up=True)


def test_it_is_said_in_time_and_the_copy_continues(cut: tuple[int, float], fresh: Serving, lab: Lab) -> None:
    pk, since = cut

    def told() -> bool:
        lines = [entry["text"] for entry in fresh.journal(pk)]
        return any(line.startswith("No data has been transferred from kvm-a to kvm-b for") for line in lines)

    wait_until(told, 30, "the journal says that no data comes", tell=fresh.tail_of_log)
    shown = fresh.migration(pk)
    took = time.monotonic() - since
    assert took < SAID_SECONDS
    assert shown["state"] == "copying_memory", shown
    assert shown["progress"]["no_data_ms"] >= 3000, shown["progress"]
    assert (shown["progress"]["rate_bps"], shown["progress"]["eta_low_ms"]) == (0, None)
    lab.hosts["kvm-b"].link("mig", up=True)
    wait_until(lambda: fresh.migration(pk)["progress"]["no_data_ms"] is None, 60, "data comes again")
    assert any(entry["text"].startswith("Data is transferred again") for entry in fresh.journal(pk))
    hurry(lab, "web-01")
    assert fresh.wait_for_end(pk)["state"] == "done"
