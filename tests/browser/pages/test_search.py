"""Lists are filtered, and things found, while somebody types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site
from tests.browser.pages.test_accessibility import AXE, RUN

pytestmark = pytest.mark.browser


@pytest.fixture
def page(site: Site, browser: Any, cookies: Callable[[str], Any]) -> Iterator[Any]:
    context = browser.new_context(storage_state=cookies("vera"), viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()


def test_filters_apply_while_typing(site: Site, page: Any) -> None:
    page.goto(f"{site.url}/vms/?sort=-name")
    page.evaluate("window.same = true")
    page.locator("#id_q").press_sequentially("wb-01", delay=40)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("e")
    page.locator("#filters-said", has_text="1 found").wait_for()
    assert page.locator("#live tbody tr").count() == 1
    assert page.url == f"{site.url}/vms/?q=web-01&sort=-name"
    assert page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]") == ["id_q", 2]
    page.select_option("#id_state", "shut off")
    page.locator("#live", has_text="No VM matches").wait_for()
    assert "state=shut" in page.url
    page.select_option("#id_state", "")
    page.locator("#live tbody tr").first.wait_for()
    assert page.url == f"{site.url}/vms/?q=web-01&sort=-name"
    assert page.evaluate("window.same")
    page.click("text=Clear filters")
    page.wait_for_url(f"{site.url}/vms/")


def test_migrations_filter_too_and_a_wrong_filter_is_removed(site: Site, page: Any) -> None:
    page.goto(f"{site.url}/migrations/?host=99")
    page.locator("#filters-said", has_text="Either host: there is no such choice").wait_for()
    page.click("text=Remove this filter")
    page.wait_for_url(f"{site.url}/migrations/")
    page.select_option("#id_state", "done")
    page.locator("#filters-said", has_text="found").wait_for()
    assert set(page.locator("#live tbody .state").all_inner_texts()) == {"Done"}


def test_the_search_suggests_and_is_done_by_keyboard(site: Site, page: Any) -> None:
    page.goto(f"{site.url}/hosts/")
    field, options = page.locator("#search"), page.locator("#found [role=option]")
    page.keyboard.press("/")
    page.keyboard.type("kvm-")
    options.first.wait_for()
    assert field.get_attribute("aria-expanded") == "true"
    page.evaluate(AXE)
    assert page.evaluate(RUN) == "[]"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = options.nth(1)
    assert second.get_attribute("aria-selected") == "true"
    assert field.get_attribute("aria-activedescendant") == second.get_attribute("id")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    assert not options.first.is_visible()
    assert page.input_value("#search") == "kvm-"
    page.fill("#search", "kvm-d")
    page.locator("#found", has_text="kvm-d").wait_for()
    page.keyboard.press("Enter")  # the only hit
    page.locator("h1", has_text="kvm-d").wait_for()
    page.fill("#search", "01")
    options.nth(2).wait_for()
    page.keyboard.press("ArrowUp")  # the last one
    last = options.last.get_attribute("data-href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}{last}")
    page.fill("#search", "web")
    page.locator("#found", has_text="web-01").wait_for()
    options.first.click()
    page.locator("h1", has_text="web-01").wait_for()


def test_without_javascript_by_buttons(site: Site, browser: Any, cookies: Callable[[str], Any]) -> None:
    context = browser.new_context(storage_state=cookies("vera"), java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/vms/")
    page.fill("#id_q", "web-01")
    page.click(".filters button")
    assert page.locator("#live tbody tr").count() == 1
    page.fill("#search", "kvm-d")
    page.press("#search", "Enter")
    assert "kvm-d" in page.inner_text("h1")
    context.close()
