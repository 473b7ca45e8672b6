"""Storage in a real browser: chosen on the migrate page, followed on its own page; axe finds nothing in either theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site
from tests.browser.pages.test_accessibility import axe
from tests.browser.pages.test_migrate_page import expect

pytestmark = pytest.mark.browser
SEED = """
from uuid import uuid4
from django.utils import timezone
from migrations_app.domain.lifecycle import State
from migrations_app.domain.options import Options
from migrations_app.domain.placement import placements
host = Host.objects.get(name="kvm-b")
off = seed.make_guest("shop-01", host, state="shut off")
for name in ("vms", "fast"):
    StoragePool.objects.create(host=host, name=name, uuid=uuid4(), type="dir", target_path=f"/{name}", active=True,
        autostart=True, capacity=2**40, allocation=0, available=2**40, seen_at=timezone.now())
options = Options(disks=placements({"vda": {"pool": "fast"}})).as_json()
disk = {"target": "vda", "path": "/vms/shop.qcow2", "pool": "vms", "volume": "shop.qcow2", "format": "qcow2"}
made = {"step": "make volume", "about": {"target": "vda", "pool": "fast", "name": "shop.qcow2",
        "path": "/fast/shop.qcow2"}, "state": "done", "evidence": None}
progress = {"percent": 40, "disk_total_bytes": 2**30, "disk_remaining_bytes": 600 * 2**20, "rate_bps": 90_000_000,
            "transferred_bytes": 424 * 2**20, "elapsed_ms": 4700, "eta_low_ms": 6000, "eta_high_ms": 6000}
found = [off.pk]
for number, state in enumerate((State.COPYING_DISKS, State.DONE, State.NEEDS_ATTENTION)):
    guest = seed.make_guest(f"shop-1{number}", host)
    made_here = seed.make_migration(guest, host, host, state, kind="storage", options=options, source_disks=[disk],
        steps=[made], was_paused=False, source_run=3, progress=progress)
    found.append(made_here.pk)
print(*found)
"""
CLEAN = """
RollbackCopy.objects.filter(guest_name__startswith="shop-").delete()
Migration.objects.filter(guest__name__startswith="shop-").delete()
Preflight.objects.filter(guest__name__startswith="shop-").delete()
Guest.objects.filter(name__startswith="shop-").delete()
StoragePool.objects.filter(host__name="kvm-b", name__in=("vms", "fast")).delete()
"""


@pytest.fixture(scope="module")
def shop(site: Site) -> Iterator[list[str]]:
    """The VM that is shut off, and migrations that copy, are done, and need attention."""
    yield site.run(SEED).splitlines()[-1].split()
    site.run(CLEAN)


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[1280, 390])
def page(request: Any, theme: str, browser: Any, cookies: Callable[[str], Any]) -> Iterator[Any]:
    view = {"width": request.param, "height": 900}
    context = browser.new_context(
        viewport=view, color_scheme=theme, storage_state=cookies("ada"), reduced_motion="reduce"
    )
    opened = context.new_page()
    yield opened
    context.close()


def fine(page: Any) -> None:
    """axe finds nothing, and nothing runs over the edge."""
    assert not axe(page.context, page)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_storage_needs_a_place_and_no_destination(page: Any, site: Site, shop: list[str]) -> None:
    page.goto(f"{site.url}/vms/{shop[0]}/")
    page.get_by_role("link", name="Migrate storage").click()
    expect(page.get_by_text("shop-01 stays on kvm-b.")).to_be_visible()
    expect(page.get_by_text("Destination host")).to_be_hidden()
    expect(page.get_by_label("Volume name")).to_be_visible()
    expect(page.locator("#report")).to_contain_text("choose a new place for at least one disk")
    page.get_by_label("Live with storage").check()
    expect(page.get_by_text("Destination host")).to_be_visible()
    page.locator("#places summary").click()
    page.locator("[name=kind][value=storage]").check()
    expect(page.get_by_label("Volume name")).to_be_visible()  # opened again
    page.get_by_label("Pool", exact=True).select_option("fast")
    expect(page.locator(".verdict")).to_contain_text("whether the storage of shop-01 can migrate within kvm-b")
    expect(page.locator("#go")).to_contain_text("Checking")
    fine(page)


def test_its_page(page: Any, site: Site, shop: list[str]) -> None:
    for pk in shop[1:]:
        page.goto(f"{site.url}/migrations/{pk}/")
        expect(page.locator("#route")).to_contain_text("pool vms")
        expect(page.locator("#route")).to_contain_text("pool fast")
        fine(page)
    page.goto(f"{site.url}/migrations/")
    fine(page)
    page.goto(f"{site.url}/")
    page.locator("#running summary").click()
    fine(page)
