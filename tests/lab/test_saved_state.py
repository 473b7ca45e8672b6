"""A VM with a saved state (managed save) is refused by every method, and its saved state is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import Lab
from tests.lab.leftovers import assert_unchanged, take
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME = "web-01"
NOT_MIGRATED = f"{NAME} is shut off with a saved state (managed save), which libvirt cannot migrate."
LEFT_BEHIND = f"{NAME} has a saved state on kvm-a (managed save), which libvirt would leave behind."


@pytest.fixture
def saved(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    lab.hosts["kvm-a"].virsh("managedsave", NAME)
    fresh.wait_for_guest(NAME, "kvm-a", "shut off")
    yield fresh
    lab.hosts["kvm-a"].virsh("managedsave-remove", NAME)  # libvirt is content when there is none


@pytest.mark.parametrize(
    ("kind", "check", "reason"),
    [
        ("live", "kind_applies", NOT_MIGRATED),
        ("suspended", "kind_applies", NOT_MIGRATED),
        ("offline", "saved_state", LEFT_BEHIND),
    ],
)
def test_it_is_refused_and_its_saved_state_is_kept(
    kind: str, check: str, reason: str, saved: Serving, lab: Lab
) -> None:
    a, before = lab.hosts["kvm-a"], take(lab)
    migration = saved.wait_for_end(saved.migrate(NAME, "kvm-b", kind=kind)["id"])
    assert migration["state"] == "blocked", migration
    assert [each["check"] for each in migration["findings"] if each["severity"] == "blocker"] == [check]
    assert migration["state_text"] == f"{NAME} was not touched. {reason}"
    assert_unchanged(lab, before)
    a.virsh("start", NAME)
    assert a.virsh("domstate", NAME, "--reason").strip() == "running (restored)"
