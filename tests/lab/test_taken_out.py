"""What is taken out of a running VM for its migration and put back, on real hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lab import Lab
from tests.lab.discs import ISO, NAME, in_drive, read_pools, with_disc
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.fixture
def with_cd(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    with with_disc(fresh, lab) as serving:
        yield serving


def taken_out(migration: dict[str, Any]) -> dict[str, Any]:
    (one,) = migration["taken_out"]
    assert (one["kind"], one["name"], one["drive"]) == ("medium", f"CD {ISO}", "sda")
    return dict(one)


def differences(serving: Serving, migration: dict[str, Any]) -> list[Any]:
    return [entry for entry in serving.journal(migration["id"]) if "differences" in entry["body"]]


def test_a_cd_that_the_destination_lacks(with_cd: Serving, lab: Lab) -> None:
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    body = {"guest": with_cd.guest(NAME)["uuid"], "target": "kvm-b"}
    report = with_cd.preflight(body).body
    (finding,) = (f for f in report["findings"] if f["check"] == "disks_reachable")
    assert (report["verdict"], [fix["option"] for fix in finding["remedies"] if fix["option"]]) == (
        "blocked",
        ["eject"],
    )

    migration = with_cd.wait_for_end(with_cd.migrate(NAME, "kvm-b", eject=True)["id"])
    assert migration["state"] == "done", migration
    assert (in_drive(b), in_drive(b, "--inactive")) == (None, ISO)
    one = taken_out(migration)
    assert (one["state"], one["host"]) == ("left_out", "kvm-b")
    assert "tools.iso" in one["why"]
    assert one["what_to_do"] in migration["error"]["what_to_do"]
    assert differences(with_cd, migration) == []

    # what it says to do is what helps
    b.exec("truncate", "-s", "1M", ISO)
    command = one["what_to_do"].partition(" run: ")[2].partition(". ")[0]
    b.exec("sh", "-c", command)
    assert in_drive(b) == ISO

    # it is inserted where the image is: back on kvm-a, whose pool has not been read since it came back
    a.exec("rm", ISO)
    read_pools(lab)
    a.exec("truncate", "-s", "1M", ISO)
    with_cd.wait_for_guest(NAME, "kvm-b")
    back = with_cd.wait_for_end(with_cd.migrate(NAME, "kvm-a", eject=True)["id"])
    assert (back["state"], back["error"]) == ("done", None)
    assert (in_drive(a), in_drive(a, "--inactive"), taken_out(back)["state"]) == (ISO, ISO, "back")
    assert differences(with_cd, back) == []


def test_after_a_cancel_it_is_in_the_drive_again(with_cd: Serving, lab: Lab) -> None:
    a = lab.hosts["kvm-a"]
    lab.shape(1)
    try:
        migration = with_cd.migrate(NAME, "kvm-b", eject=True)
        with_cd.wait_for_copying(migration["id"])
        assert in_drive(a) is None
        with_cd.post(f"/migrations/{migration['id']}/cancel", {"reason": "wrong host"})
        ended = with_cd.wait_for_end(migration["id"])
    finally:
        lab.shape(None)
    assert ended["state"] == "cancelled"
    assert (in_drive(a), taken_out(ended)["state"], taken_out(ended)["host"]) == (ISO, "back", "kvm-a")
