"""What can be changed while a migration runs, on its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.pages.conftest import Site

pytestmark = pytest.mark.browser

Open = Callable[..., Any]
ANSWER = """
from kvmweb.journal import writer
order = Order.objects.latest("pk")
Order.objects.filter(pk=order.pk).update(state="applied", requested=8, read_back=8)
Migration.objects.filter(pk=order.migration_id).update(controls={"bandwidth_mib": 8, "max_downtime_ms": 300})
writer.signal("migrations", migration=order.migration_id)
"""
ANSWER_ANEW = """
from kvmweb.journal import writer
pk = Migration.objects.get(guest_name="web-01").pk
Migration.objects.filter(pk=pk).update(controls={"bandwidth_mib": 16, "max_downtime_ms": 300})
writer.signal("migrations", migration=pk)
"""


@pytest.fixture(scope="module")
def path(site: Site) -> str:
    pk = site.run('print(Migration.objects.get(guest_name="web-01").pk)').splitlines()[-1]
    return f"{site.url}/migrations/{pk}/"


@pytest.fixture
def opened(site: Site, browser: Any, cookies: Callable[[str], Any], path: str) -> Open:
    contexts = []

    def opened(user: str, *, javascript: bool = True) -> Any:
        context = browser.new_context(storage_state=cookies(user), java_script_enabled=javascript)
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_one_user_sets_it_and_another_sees_it(site: Site, opened: Open) -> None:
    olga, viewer = opened("olga"), opened("vera")
    limit = olga.locator(".control", has_text="Bandwidth limit")
    assert limit.locator(".now").inner_text() == "no limit"
    limit.locator("input[name=value]").fill("8")
    limit.get_by_role("button", name="Set").click()
    olga.get_by_text("olga asked for this bandwidth limit: 8 MiB/s. libvirt has not confirmed it yet.").first.wait_for()
    site.run(ANSWER)
    for page in (olga, viewer):
        page.locator(".control .now", has_text="8 MiB/s").wait_for()
    assert viewer.locator(".control form").count() == 0


def test_it_works_without_javascript(site: Site, opened: Open) -> None:
    page = opened("olga", javascript=False)
    page.locator(".control", has_text="Allowed downtime").locator("input[name=value]").fill("900")
    page.locator(".control", has_text="Allowed downtime").get_by_role("button", name="Set").click()
    assert "asked for this allowed downtime: 900 ms" in page.content()
    page.get_by_role("button", name="Finish now").click()
    assert "asked to finish the migration now" in page.content()
    page.get_by_label("Policy of the new migration").select_option("must finish")
    page.get_by_role("button", name="Start again").click()
    assert "asked to start the migration again, with the policy" in page.content()


def test_a_chosen_policy_stays_chosen_when_the_page_reads_itself_again(site: Site, opened: Open) -> None:
    page = opened("olga")
    page.get_by_label("Policy of the new migration").select_option("large VM")
    page.locator("h1").click()  # not in the field any more
    site.run(ANSWER_ANEW)
    page.locator(".control .now", has_text="16 MiB/s").wait_for()
    assert page.get_by_label("Policy of the new migration").input_value() == "large VM"
