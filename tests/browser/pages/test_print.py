"""Exact times, and pages on paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.pages.conftest import Site

pytestmark = pytest.mark.browser
EXACT = {
    "de-DE": r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d M\S+",
    "en-US": r"\w{3} \d+, \d{4}, \d+:\d\d:\d\d\s[AP]M \S+",
}


@pytest.fixture(scope="module")
def done(site: Site) -> str:
    """The address of a migration that is done."""
    number = site.run('print(Migration.objects.get(guest_name="idle-01").pk)').splitlines()[-1]
    return f"/migrations/{number}/"


@pytest.mark.parametrize("locale", sorted(EXACT))
def test_times_are_exact_in_the_browsers_format_and_zone(
    site: Site,
    browser: Any,
    cookies: Callable[[str], Any],
    done: str,
    locale: str,
) -> None:
    zone = "Europe/Berlin"
    context = browser.new_context(storage_state=cookies("vera"), locale=locale, timezone_id=zone)
    page = context.new_page()
    page.goto(site.url + done)
    for kind in ("relative-time", "local-time"):
        when = page.locator(f"main {kind}").first
        when.wait_for()
        exact = when.evaluate(
            """(when) => new Intl.DateTimeFormat([], {dateStyle: "medium", timeStyle: "long"}).format(
              new Date(when.getAttribute("datetime")))"""
        )
        expect(when).to_have_attribute("title", exact)
        assert re.search(EXACT[locale], exact)
        assert re.search(r"CET|MEZ|GMT\+1", exact)
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_has_what_the_page_says_and_no_controls(
    site: Site,
    browser: Any,
    cookies: Callable[[str], Any],
    done: str,
    theme: str,
) -> None:
    context = browser.new_context(
        storage_state=cookies("olga"), color_scheme=theme, viewport={"width": 720, "height": 900}
    )
    page = context.new_page()
    for address in ("/", "/vms/", "/migrations/", done):
        page.goto(site.url + address)
        page.locator("main :is(table, h1)").first.wait_for(state="attached")
        page.emulate_media(media="print")
        for control in (".rail", ".topbar", "button", ".btn", ".filters", ".actions", "main summary .icon"):
            assert page.locator(f"{control}:visible").count() == 0, (address, control)
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        page.emulate_media(media="screen")
    context.close()


def test_the_bars_are_reached_by_keyboard(site: Site, browser: Any, cookies: Callable[[str], Any]) -> None:
    context = browser.new_context(storage_state=cookies("vera"))
    page = context.new_page()
    page.goto(f"{site.url}/")
    page.locator(".bar-host a").first.focus()
    page.keyboard.press("Tab")
    assert "GiB" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/vms/*/")
    page.goto(f"{site.url}/")
    page.click("#bars-table summary")
    page.locator("#bars-table td", has_text="web-01").first.wait_for()
    context.close()
