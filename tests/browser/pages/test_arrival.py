"""What was felt, and the tests of a VM that has arrived, in a real browser; axe finds nothing in either theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site
from tests.browser.pages.test_accessibility import axe
from tests.browser.pages.test_migrate_page import expect

pytestmark = pytest.mark.browser
SEED = """
from migrations_app.domain.lifecycle import State
from migrations_app.models import ProbeNetwork
a, b = Host.objects.get(name="kvm-a"), Host.objects.get(name="kvm-b")
felt = {"from": "control-1", "address": "203.0.113.17", "sent": 212, "lost": 6, "longest_ms": 140}
arrival = [
    {"test": "agent", "result": "passed", "text": "The guest agent answers."},
    {"test": "cpu", "result": "passed", "text": "Its CPUs work."},
    {"test": "address", "result": "unknown", "text": "203.0.113.17 did not answer, neither before nor now."},
    {"test": "clock", "result": "failed", "text": "The VM's clock is 3.2 s behind kvmweb's; it was not known before."},
]
made = seed.make_migration(seed.make_guest("felt-01", b), a, b, State.DONE, downtime_ms=84, felt=felt, arrival=arrival)
ProbeNetwork.objects.create(cidr="203.0.113.0/24")
print(made.pk)
"""
CLEAN = """
from migrations_app.models import ProbeNetwork
Migration.objects.filter(guest__name="felt-01").delete()
Guest.objects.filter(name="felt-01").delete()
ProbeNetwork.objects.all().delete()
"""


@pytest.fixture(scope="module")
def arrived(site: Site) -> Iterator[str]:
    yield site.run(SEED).splitlines()[-1]
    site.run(CLEAN)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_felt_and_arrival(
    site: Site, arrived: str, browser: Any, cookies: Callable[[str], Any], width: int, theme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, storage_state=cookies("ada"),
        reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto(f"{site.url}/migrations/{arrived}/")
    expect(page.locator(".outcome dt:text-is('Felt downtime') + dd")).to_contain_text("140 ms without an answer")
    page.locator("#clock summary").click()
    for address in (page.url, f"{site.url}/console/probing/"):
        if page.url != address:
            page.goto(address)
        assert not axe(context, page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.go_back()
    page.get_by_role("link", name="Migrate back…").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("felt-01")
    context.close()
