"""Names at their worst: nothing runs over the edge, nothing of a name is swallowed, the columns of a page stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site, log_in, seeded
from tests.browser.pages.test_accessibility import PAGES, PLACES

pytestmark = pytest.mark.browser
UNBROKEN = "w" * 200
SPACED = "  two  words "
NAMED = f"""
unbroken, right_to_left, spaced = "{UNBROKEN}", "\\u202e" + "\\u05e9\\u05e8\\u05ea" * 60, "{SPACED}"
names = (unbroken, "m" * 63, right_to_left)
for number, guest in enumerate(Guest.objects.order_by("pk")):
    name = spaced if guest.name == "idle-01" else names[number % 3]
    Guest.objects.filter(pk=guest.pk).update(name=name, title=unbroken)
    Migration.objects.filter(guest=guest).update(guest_name=name, requested_by_name=unbroken[:150], reason=unbroken)
for host in Host.objects.all():
    Host.objects.filter(pk=host.pk).update(name="h" * 60 + f"-{{host.name[-1]}}", hostname=unbroken, contact_text=unbroken)
    host.pools.filter(name="testvms").update(name=unbroken, target_path="/" + unbroken)
Network.objects.update(name=unbroken, bridge=unbroken)
Volume.objects.update(name=unbroken, path="/" + unbroken)
"""


@pytest.fixture(scope="module")
def named(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[tuple[Site, dict[str, str]]]:
    for site in seeded(tmp_path_factory.mktemp("named"), free_port()):
        places = json.loads(site.run(PLACES).splitlines()[-1])
        site.run(NAMED)
        yield site, places


@pytest.fixture(scope="module")
def page(named: tuple[Site, dict[str, str]], browser: Any) -> Iterator[Any]:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    log_in(page, named[0].url, "ada")
    yield page
    context.close()


def test_no_page_is_wider_than_the_window(named: tuple[Site, dict[str, str]], page: Any) -> None:
    site, places = named
    wide = {}
    for name, address in PAGES.items():
        page.goto(site.url + address.format(**places))
        for width in (1280, 768, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if (seen := page.evaluate("document.documentElement.scrollWidth")) > width:
                wide[name, width] = seen
    assert not wide


def test_the_actions_of_a_vm_with_a_long_name_stay_in_sight(named: tuple[Site, dict[str, str]], page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{named[0].url}/vms/")
    for box in page.locator(".cell-menu summary").all():
        seen = box.bounding_box()
        assert seen["x"] + seen["width"] <= 390


def test_the_spaces_of_a_name_are_shown(named: tuple[Site, dict[str, str]], page: Any) -> None:
    site, places = named
    page.goto(f"{site.url}/vms/{places['idle']}/")
    assert page.locator("h1").evaluate("node => node.innerText") == SPACED
    page.goto(f"{site.url}/vms/{places['idle']}/migrate/?preflight={places['report']}")
    assert page.locator(".crumb a").evaluate("node => node.innerText") == SPACED
    page.goto(f"{site.url}/vms/?q=two")
    assert page.locator(".cell-name > a").evaluate("node => node.innerText") == SPACED


@pytest.mark.parametrize("width", [1280, 390])
def test_the_options_of_a_migration_stand_in_one_column(
    named: tuple[Site, dict[str, str]], page: Any, width: int
) -> None:
    site, places = named
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{site.url}/vms/{places['idle']}/migrate/?preflight={places['report']}")
    page.locator("summary", has_text="Options").click()
    boxes = page.locator("details.fold .option.flat > input[type=checkbox]:visible").all()
    assert len({round(box.bounding_box()["x"]) for box in boxes}) == 1
    names = page.locator("details.fold .option.flat .name:visible").all()
    assert len({round(name.bounding_box()["x"]) for name in names}) == 1
    unsafe, reason = (
        page.locator(".danger .option").last.bounding_box(),
        page.locator("label[for=id_reason]").bounding_box(),
    )
    assert unsafe["x"] == reason["x"]
    assert reason["y"] >= unsafe["y"] + unsafe["height"]
