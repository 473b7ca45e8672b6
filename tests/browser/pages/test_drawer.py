"""The end of a migration is announced on every open page, and stays in the drawer until it is dismissed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site

pytestmark = pytest.mark.browser


def end(site: Site, name: str, state: str) -> None:
    """A migration ends; its VM and its row stay only as long as the drawer needs them."""
    site.run(f"""
from kvmweb.journal import writer
from migrations_app.domain.lifecycle import State
a, b = Host.objects.get(name="kvm-a"), Host.objects.get(name="kvm-b")
move = seed.make_migration(seed.make_guest("{name}", a, key="{name}"), a, b, State("{state}"))
writer.signal("migrations", migration=move.pk)
""")


@pytest.fixture(scope="module", autouse=True)
def _as_before(site: Site) -> Iterator[None]:
    yield
    site.run("""
Migration.objects.filter(guest_name__startswith="told-").delete()
Sighting.objects.filter(guest__name__startswith="told-").delete()
Guest.objects.filter(name__startswith="told-").delete()
""")


def test_an_end_is_told_on_any_page_and_kept(site: Site, browser: Any, cookies: Callable[[str], Any]) -> None:
    context = browser.new_context(storage_state=cookies("vera"))
    page = context.new_page()
    for number, address in enumerate(("/hosts/", "/accounts/password/change/")):
        page.goto(site.url + address)
        assert page.locator(".toast-line").count() == 0
        page.wait_for_timeout(700)  # the socket
        end(site, f"told-{number}", "done")
        toast = page.locator("#toasts[aria-live=polite] .toast-line", has_text=f"told-{number} migrated to kvm-b.")
        toast.wait_for()
        assert page.locator(".toast-line").count() == 1
        toast.locator("button").click()
        assert page.locator(".toast-line").count() == 0
        page.click("#running summary")
        page.locator(".drawer .ended", has_text=f"told-{number} migrated to kvm-b.").wait_for()
    page.click("text=Dismiss these")
    page.wait_for_url(f"{site.url}/accounts/password/change/")
    page.click("#running summary")
    assert page.locator(".drawer .ended").count() == 0
    end(site, "told-2", "failed")
    page.locator(".toast-line", has_text="The migration of told-2 failed.").wait_for()
    page.click(".toast-line a")
    page.wait_for_url("**/migrations/*/")
    assert page.locator(".toast-line").count() == 0  # told once
    context.close()


def test_an_end_between_two_pages_is_told_on_the_next(site: Site, browser: Any, cookies: Callable[[str], Any]) -> None:
    context = browser.new_context(storage_state=cookies("olga"))
    page = context.new_page()
    page.goto(f"{site.url}/hosts/")
    page.goto("about:blank")
    end(site, "told-3", "cancelled")
    page.goto(f"{site.url}/vms/")
    page.locator(".toast-line", has_text="The migration of told-3 was cancelled.").wait_for()
    context.close()
