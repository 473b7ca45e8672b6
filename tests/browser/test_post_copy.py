"""Post-copy between real hosts as its page shows it: the notice of a cut, the pause, the halves, the resume."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from lab import Lab
from tests.browser.conftest import Open
from tests.browser.test_axe import faults
from tests.lab.serving import Serving, wait_until
from tests.lab.test_post_copy import hurry, reason

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def healed(fresh: Serving, lab: Lab) -> Iterator[None]:
    yield
    lab.hosts["kvm-b"].link("mig", up=True)


def _well(name: str, *pages: Page) -> None:
    """No fault in either theme, and nothing wider than a phone."""
    for page in pages:
        assert faults(page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    _shoot(name, *pages)


def _shoot(name: str, *pages: Page) -> None:
    """To be looked at, with BROWSER_SHOTS=FOLDER."""
    if folder := os.environ.get("BROWSER_SHOTS"):
        for page in pages:
            page.screenshot(path=f"{folder}/post-copy-{name}-{page.evaluate('innerWidth')}.png", full_page=True)


@pytest.mark.faults  # as the one in tests/lab/test_post_copy.py
def test_a_cut_post_copy_is_told_paused_and_resumed_on_the_page(
    fresh: Serving, lab: Lab, sign_in: Open, healed: None
) -> None:
    pk = fresh.migrate("web-01", "kvm-b", post_copy=True, bandwidth_mib=3)["id"]
    fresh.wait_for_copying(pk)
    pages = wide, phone = sign_in("olga"), sign_in("olga", width=390, dark=True)
    for page in pages:
        page.goto(f"{fresh.url}/migrations/{pk}/")
    expect(wide.locator(".controls")).to_contain_text("losing either host")
    wide.get_by_role("button", name="Switch to post-copy").click()
    for page in pages:
        expect(page.locator("h1")).to_contain_text("Post-copy")
        expect(page.locator("main")).to_contain_text("losing either host loses what it has in memory")
        expect(page.locator("main")).not_to_contain_text("No data is being transferred")
    wait_until(lambda: reason(lab, "kvm-b", "web-01") == "running (post-copy)", 20, "it runs on kvm-b")
    _shoot("running", *pages)
    lab.hosts["kvm-b"].link("mig", up=False)
    for page in pages:
        expect(page.locator("main")).to_contain_text("No data is being transferred")
    _well("cut", *pages)
    phone.get_by_role("button", name="Pause post-copy").click()
    for page in pages:
        expect(page.locator("h1")).to_contain_text("Post-copy failed")
        expect(page.locator(".outcome")).to_contain_text("Neither half may be resumed or destroyed")
        expect(page.locator(".outcome")).to_contain_text("what the VM has in memory is lost")
        expect(page.get_by_role("button", name="Cancel…")).to_have_count(0)
        expect(page.locator("#route")).to_contain_text("has the rest of its memory")
        expect(page.locator("#route")).not_to_contain_text("left")
        expect(page.locator("main")).not_to_contain_text("Data is transferred again")
    _well("failed", *pages)
    wide.get_by_role("button", name="Resume post-copy").click()
    expect(wide.locator(".controls")).to_contain_text("olga asked to resume post-copy.")
    _shoot("waits", *pages)
    lab.hosts["kvm-b"].link("mig", up=True)
    fresh.wait_for_state(pk, "post_copy", "verifying", "done", seconds=60)
    hurry(lab, "web-01")
    for page in pages:
        expect(page.locator(".outcome .sentence")).to_contain_text("web-01 runs on kvm-b")
        expect(page.locator("h1")).to_contain_text("Done")
        expect(page.get_by_role("button", name="Resume post-copy")).to_have_count(0)
        expect(page.locator("#steps .is-stopped")).to_have_count(0)
    assert fresh.wait_for_end(pk)["state"] == "done"
    _well("done", *pages)
