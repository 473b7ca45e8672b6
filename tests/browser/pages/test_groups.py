"""The pages of somebody with a role for a group of hosts: whose hosts they show, and lists that update by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.pages.conftest import Site
from tests.browser.pages.test_accessibility import axe

pytestmark = pytest.mark.browser
PAGES = {"dashboard": "/", "hosts": "/hosts/", "vms": "/vms/", "migrations": "/migrations/", "vm": "/vms/{web}/"}
BEGIN = """
group = HostGroup.objects.create(name="North", site="Site north")
Host.objects.filter(name="kvm-a").update(group=group)
seed.make_person("nora", None).grants.create(role="operator", scope=f"group:{group.pk}")
print(Guest.objects.get(name="web-01").pk)
"""
CHANGE = """
from kvmweb.journal import writer
seen = Sighting.objects.get(guest__name="db-01", gone_since=None)
Sighting.objects.filter(pk=seen.pk).update(state="paused")
writer.signal(writer.INVENTORY, hosts=[seen.host_id], guests=[str(seen.guest_id)])
"""
#: others use this site, too
END = """
from django.contrib.auth.models import User
Sighting.objects.filter(guest__name="db-01").update(state="running")
User.objects.filter(username="nora").delete()
HostGroup.objects.filter(name="North").delete()
"""
VIEWS = [(theme, width) for theme in ("light", "dark") for width in (1280, 390)]


@pytest.fixture(scope="module")
def web(site: Site) -> Iterator[str]:
    yield site.run(BEGIN).splitlines()[-1]
    site.run(END)


def test_lists_of_a_group_update_by_themselves(
    site: Site, browser: Any, cookies: Callable[[str], Any], web: str, tmp_path: Path
) -> None:
    opened: list[tuple[Any, Any, Any]] = []
    wrong = {}
    for theme, width in VIEWS:
        view = {"viewport": {"width": width, "height": 900}, "color_scheme": theme, "reduced_motion": "reduce"}
        context = browser.new_context(storage_state=cookies("nora"), **view)
        page = context.new_page()
        for name, address in PAGES.items():
            page.goto(site.url + address.format(web=web))
            page.wait_for_timeout(150)
            page.screenshot(path=tmp_path / f"{name}-{theme}-{width}.png", full_page=True)
            found, wide = axe(context, page), page.evaluate("document.documentElement.scrollWidth")
            if found or wide > width or "mail-02" in page.locator("body").inner_text():
                wrong[f"{name} {theme} {width}"] = {"axe": found, "width": wide}
        page.goto(f"{site.url}/vms/")
        page.get_by_text("Only on hosts of North").wait_for()
        row = page.locator("tr", has=page.get_by_role("link", name="db-01"))
        row.get_by_text("Running").first.wait_for()
        opened.append((context, row, page))
    assert not wrong, json.dumps(wrong, indent=1)
    site.run(CHANGE)
    for context, row, page in opened:
        row.get_by_text("Paused").first.wait_for()
        assert not page.locator("#stale.is-on").count()
        context.close()
