"""The migrate page in a real browser: a verdict that no longer holds is withdrawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site

pytestmark = pytest.mark.browser
IMPORTS = "from kvmweb.journal import writer\nfrom django.utils import timezone\n"
ANSWER = f"""{IMPORTS}
Preflight.objects.filter(seen_at=None).update(seen_at=timezone.now(), verdict="ok")
"""


def expect(found: Any) -> Any:
    from playwright.sync_api import expect as expected

    return expected(found)


@pytest.fixture
def page(site: Site, browser: Any, cookies: Callable[[str], Any]) -> Iterator[Any]:
    context = browser.new_context(storage_state=cookies("olga"), viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    yield opened
    context.close()


@pytest.fixture
def address(site: Site) -> str:
    pk = site.run('print(Guest.objects.get(name="idle-01").pk)').splitlines()[-1]
    return f"{site.url}/vms/{pk}/migrate/"


def passed(page: Any, site: Site, address: str) -> None:
    page.goto(address)
    expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
    site.run(ANSWER)
    expect(page.locator(".verdict")).to_contain_text("Every check passed")
    expect(page.locator("#go")).to_be_enabled()


def test_a_report_older_than_a_minute_is_withdrawn_without_a_socket(page: Any, site: Site, address: str) -> None:
    page.clock.install()
    page.route_web_socket(re.compile("/ws"), lambda socket: socket.close())
    passed(page, site, address)
    page.clock.fast_forward(61_000)
    expect(page.locator(".verdict")).to_contain_text("more than a minute old")
    expect(page.locator("#go")).to_be_disabled()
    page.get_by_role("button", name="Check again").click()
    expect(page.locator(".verdict")).not_to_contain_text("Every check passed")
    site.run(ANSWER)
    expect(page.locator("#go")).to_be_enabled()


def test_no_verdict_stands_while_it_is_checked_again(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    page.route("**/preflight/", lambda route: None)
    page.get_by_role("button", name="Check again").click()
    expect(page.locator(".verdict")).to_have_text("Checking again…")
    expect(page.locator("#go")).to_be_disabled()
