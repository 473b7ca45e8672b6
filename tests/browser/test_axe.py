"""axe-core finds nothing on any page with real hosts behind it, and nothing is wider than a phone. All widths in both
themes: pages/test_accessibility.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Open
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(600)]
AXE = (Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js").read_text()
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}


def faults(page: Page) -> list[str]:
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [f"{fault['id']}: {node['html'][:150]}" for fault in found["violations"] for node in fault["nodes"]]


@pytest.fixture(scope="module")
def paths(kvmweb: Serving) -> list[str]:
    """Every page there is, with a migration that is done and one that was blocked."""
    uuid = kvmweb.guest("old-01")["uuid"]
    host = kvmweb.items("/hosts")[0]["id"]
    blocked = kvmweb.migrate("old-01", "kvm-b")["id"]
    kvmweb.wait_for_end(blocked)
    moved = [row["id"] for row in kvmweb.items("/migrations") if row["state"] == "done"][:1]
    return [
        *("/", "/hosts/", f"/hosts/{host}/", f"/hosts/{host}/edit/", "/hosts/add/", "/pools/1/"),
        *("/vms/", "/vms/?q=nothing-has-this-name", f"/vms/{uuid}/", f"/vms/{uuid}/migrate/"),
        *("/migrations/", f"/migrations/{blocked}/", *(f"/migrations/{pk}/" for pk in moved)),
        *("/api/v1/docs", "/no-such-page"),
    ]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["1280-light", "390-dark"])
def test_no_page_has_a_fault(width: int, dark: bool, paths: list[str], kvmweb: Serving, sign_in: Open) -> None:
    page = sign_in("anna", width=width, dark=dark)
    wrong = {}
    for path in paths:
        page.goto(f"{kvmweb.url}{path}")
        page.wait_for_timeout(300)
        found = faults(page)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append("wider than the window")
        if found:
            wrong[path] = found
        if folder := os.environ.get("BROWSER_SHOTS"):
            name = path.strip("/").replace("/", "-").replace("?", "-") or "dashboard"
            page.screenshot(path=f"{folder}/{name}-{width}-{'dark' if dark else 'light'}.png", full_page=True)
    page.context.clear_cookies()
    page.goto(f"{kvmweb.url}/accounts/login/")
    if found := faults(page):
        wrong["login"] = found
    assert wrong == {}
