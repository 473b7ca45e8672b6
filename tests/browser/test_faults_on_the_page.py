"""A real fault in the middle of a migration, and what its open page says meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from lab import Lab
from tests.browser.conftest import Open
from tests.browser.polling import wait_until
from tests.lab.leftovers import assert_unchanged, take
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(300)]
#: a dead link is said by then
SAID_SECONDS = 10


@pytest.fixture
def healed(fresh: Serving, lab: Lab) -> Iterator[None]:
    """Whatever a test has done to a host is undone, also when it fails."""
    yield
    for host in lab.hosts.values():
        for which in ("mgmt", "mig"):
            host.link(which, up=True)
        host.start_daemon("libvirtd")


def _open_while_it_copies(kvmweb: Serving, sign_in: Open) -> tuple[Page, int]:
    pk = kvmweb.migrate("web-01", "kvm-b", bandwidth_mib=2)["id"]
    kvmweb.wait_for_copying(pk)
    page = sign_in("olga")
    page.goto(f"{kvmweb.url}/migrations/{pk}/")
    expect(page.locator("#route .quiet")).to_contain_text("/s")
    return page, pk


def _steps(page: Page) -> dict[str, str]:
    """{name: "done", "now", "stopped", "next", …}"""
    found = page.locator("#steps > li").evaluate_all(
        "all => all.map(li => [li.querySelector('span').firstChild.textContent.trim(), li.className])"
    )
    return {name: classes.removeprefix("is-") for name, classes in found}


STOPPED_AT_MEMORY = {
    "Prepare the destination": "done",
    "Copy memory": "stopped",
    "Pause on the source": "next",
    "Last pages and devices": "next",
    "Continue on the destination": "next",
}


def test_a_cut_link_shows_no_rate_and_no_time_left(fresh: Serving, lab: Lab, sign_in: Open, healed: None) -> None:
    page, pk = _open_while_it_copies(fresh, sign_in)
    told = page.locator("#route .quiet")

    def cut() -> float:
        """Seconds until the page says it."""
        lab.hosts["kvm-b"].link("mig", up=False)
        since = time.monotonic()
        expect(page.locator("main")).to_contain_text("No data is being transferred. Check the network")
        return time.monotonic() - since

    if (took := cut()) >= SAID_SECONDS:  # on a busy machine; a fault of kvmweb would be there each time
        lab.hosts["kvm-b"].link("mig", up=True)
        expect(told).to_contain_text(re.compile("[1-9].*/s"))
        took = cut()
    assert took < SAID_SECONDS
    expect(told).to_have_text(re.compile(r"^\s*No data for \d+"))
    assert "left" not in told.inner_text()
    expect(page.locator(".figures dt:text-is('Rate') + dd")).to_have_text(re.compile(r"^0 "))
    expect(page.locator("main")).to_contain_text("No data has been transferred from kvm-a to kvm-b")
    lab.hosts["kvm-b"].link("mig", up=True)
    expect(told).to_contain_text(re.compile("[1-9].*/s"))
    assert fresh.post(f"/migrations/{pk}/cancel", {"reason": "enough seen"}).status == 202
    assert fresh.wait_for_end(pk)["state"] == "cancelled"


def test_a_killed_destination_stops_the_stepper_where_it_was(
    fresh: Serving, lab: Lab, sign_in: Open, healed: None
) -> None:
    page, pk = _open_while_it_copies(fresh, sign_in)
    lab.hosts["kvm-b"].kill_daemon("libvirtd")
    expect(page.locator("[data-waiting]")).to_contain_text("kvm-b, since")
    steps = _steps(page)
    assert [steps[name] for name, way in STOPPED_AT_MEMORY.items() if way == "next"] == ["next"] * 3
    lab.hosts["kvm-b"].start_daemon("libvirtd")
    assert fresh.wait_for_end(pk)["state"] == "failed"
    expect(page.locator(".outcome .sentence")).to_contain_text("web-01 runs on kvm-a")
    expect(page.locator("#steps .is-stopped")).to_have_count(1)
    assert _steps(page) == STOPPED_AT_MEMORY
    expect(page.locator(".outcome")).to_contain_text("kvm-b was not reachable for")


def test_a_silent_host_is_waited_for_in_the_open_and_try_now_ends_it(
    fresh: Serving, lab: Lab, sign_in: Open, healed: None
) -> None:
    before = take(lab)
    page, pk = _open_while_it_copies(fresh, sign_in)
    silent = lab.hosts["kvm-b"]
    silent.kill_daemon("libvirtd")
    silent.link("mgmt", up=False)
    fresh.wait_for_state(pk, "verifying")
    waiting = page.locator("[data-waiting]")
    expect(waiting).to_contain_text("kvm-b, since")
    expect(waiting.locator("dd.said")).not_to_be_empty()
    expect(waiting).to_contain_text("the migration needs attention")
    clock = waiting.locator("relative-time").first
    shown = clock.evaluate("clock => clock.shadowRoot.textContent")
    wait_until(
        page,
        "before => document.querySelector('[data-waiting] relative-time').shadowRoot.textContent !== before",
        arg=shown,
    )
    expect(page.locator("#route .route-end.is-here")).to_contain_text("kvm-a")  # the VM is known to run there
    assert not re.search(r"\d (left|.iB/s)", page.locator("#route").inner_text())
    silent.link("mgmt", up=True)
    silent.start_daemon("libvirtd")
    page.get_by_role("button", name="Try now").click()
    assert fresh.wait_for_end(pk)["state"] == "failed"
    expect(page.locator(".outcome .sentence")).to_contain_text("web-01 runs on kvm-a")
    expect(page.locator(".outcome")).to_contain_text("kvm-b was not reachable for")
    assert_unchanged(lab, before)
