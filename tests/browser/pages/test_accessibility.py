"""axe finds nothing, nothing runs over the edge, no console error: every page, both themes, wide and narrow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.pages.conftest import Site

pytestmark = pytest.mark.browser
AXE = (Path(__file__).resolve().parents[2] / "vendor" / "axe.min.js").read_text()
RUN = """axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}).then((found) => JSON.stringify(
  found.violations.map((rule) => [rule.id, rule.nodes.slice(0, 5).map((node) => node.target.join(" "))])))"""
PAGES = {
    "dashboard": "/",
    "hosts": "/hosts/",
    "host": "/hosts/{a}/",
    "host away": "/hosts/{c}/",
    "host key": "/hosts/{d}/",
    "add host": "/hosts/add/",
    "host groups": "/hosts/groups/",
    "edit host": "/hosts/{a}/edit/",
    "pool": "/pools/{pool}/",
    "vms": "/vms/?sort=-memory_kib",
    "vms gone": "/vms/?state=gone",
    "vm gone": "/vms/{ghost}/",
    "nothing found": "/vms/?q=nothing+like+this",
    "vm": "/vms/{idle}/",
    "vm moving": "/vms/{web}/",
    "vm hostile": "/vms/{rtl}/",
    "migrate": "/vms/{idle}/migrate/?preflight={report}",
    "migrate waiting": "/vms/{archive}/migrate/",
    "migrations": "/migrations/",
    **{f"migration {name}": f"/migrations/{{{name}}}/" for name in ("running", "queued", "done", "failed", "blocked")},
    "migration cancelled": "/migrations/{cancelled}/",
    "migrations compared": "/migrations/compare/?source={a}",
    "migration numbers": "/migrations/{running}/numbers/",
    "migration attention": "/migrations/{attention}/",
    "close": "/migrations/{attention}/close/",
    "rollback copies": "/rollback-copies/",
    "rollback copy": "/rollback-copies/{kept}/",
    "policies": "/policies/",
    "policy": "/policies/{gentle}/",
    "add policy": "/policies/add/",
    "teams": "/teams/",
    "team": "/teams/{team}/",
    "console": "/console/",
    "people": "/console/people/",
    "person": "/console/people/{person}/",
    "add person": "/console/people/add/",
    "quotas": "/console/quotas/",
    "quota": "/console/quotas/{team}/",
    "storage names": "/console/storage/",
    "probe networks": "/console/probing/",
    "history": "/console/history/",
    "own tokens": "/account/tokens/",
    "approvals": "/approvals/",
    "approval": "/approvals/{approval}/",
    "approval changed": "/approvals/{asked_again}/",
    "approval over": "/approvals/{denied}/",
    "approval rules": "/approvals/rules/",
    "approval rule": "/approvals/rules/{rule}/",
    "health": "/console/health/",
    "windows": "/windows/",
    "add window": "/windows/add/",
    "window": "/windows/{window}/",
    "add blackout": "/windows/blackouts/add/",
    "blackout": "/windows/blackouts/{blackout}/",
    "terms": "/portal/vms/{web}/terms/",
    "requests": "/portal/requests/",
    "request": "/portal/requests/{asked}/",
    "password": "/accounts/password/change/",
    "logout": "/accounts/logout/",
    "api": "/api/v1/docs",
    "not found": "/nowhere/",
}


PLACES = """
import json
from datetime import timedelta
from django.utils import timezone
if not Guest.objects.filter(name="ghost-01").exists():
    seed.see(seed.make_guest("ghost-01"), Host.objects.get(name="kvm-a"), gone=timezone.now() - timedelta(days=2))
from django.contrib.auth.models import User
from hosts.usecases import teams
from kvmweb.accounts.models import Team
team = Team.objects.first() or teams.create_team("Shop", ["web-*"], by=User.objects.get(username="ada"))
found = {"pool": StoragePool.objects.first().pk, "team": team.pk, "report": Preflight.objects.last().pk}
from kvmweb.accounts.models import Token
olga = User.objects.get(username="olga")
Token.issue(olga)
olga.grants.get_or_create(role="lead", scope=team.scope)
found["person"] = olga.pk
from portal.models import Storage
Storage.objects.get_or_create(name="fast", pool="default")
found |= {host.name[-1]: host.pk for host in Host.objects.all()}
found |= {{"idle-01": "idle", "web-01": "web", "archive": "archive", "ghost-01": "ghost"}.get(g.name, "rtl"): str(g.pk) for g in
          Guest.objects.exclude(name__in=["db-01", "build-07", "mail-02", seed.HOSTILE])}
states = {"copying_memory": "running", "needs_attention": "attention"}
found |= {states.get(m.state, m.state): m.pk for m in Migration.objects.all()}
from approvals.models import Approval, Rule, Vote
if not Approval.objects.exists():
    web = Guest.objects.get(name="web-01")
    one, again, denied = (seed.make_approval(web, rule=f"rule {number}", quorum=2) for number in range(3))
    earlier = {**again.plan, "target": Host.objects.last().pk, "findings": []}
    Approval.objects.filter(pk=again.pk).update(earlier_plan=earlier)
    Vote.objects.create(approval=again, by_name="olga", vote="approve", comment="fine", plan_hash="old")
    Vote.objects.create(approval=denied, by_name="olga", vote="deny", comment="not today", plan_hash=denied.plan_hash)
    Approval.objects.filter(pk=denied.pk).update(state="denied", decided_at=timezone.now())
    Rule.objects.create(name="Nights", team=team, hours="22:00-06:00", downtime_ms=300, role="operator", quorum=2)
asked = list(Approval.objects.order_by("pk").values_list("pk", flat=True))
found |= {"approval": asked[0], "asked_again": asked[1], "denied": asked[2], "rule": Rule.objects.get().pk}
from portal.models import Blackout, Window
if not Window.objects.exists():
    rule = "FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=0"
    Window.objects.create(name="weekend nights", rule=rule, time_zone="Europe/Berlin", minutes=240)
    Window.objects.create(name="always", team=team, rule="FREQ=DAILY", minutes=1440)
    Blackout.objects.create(name="year end", begins=timezone.now(), ends=timezone.now() + timedelta(days=9))
found |= {"window": Window.objects.first().pk, "blackout": Blackout.objects.first().pk}
from portal.models import Request
if not Request.objects.exists():
    seed.make_request(Guest.objects.get(name="ghost-01"), team, by=olga)
found["asked"] = Request.objects.get().pk
from migrations_app.models import RollbackCopy
found["kept"] = RollbackCopy.objects.first().pk
found["gentle"] = Policy.objects.get(name="gentle").pk
print(json.dumps(found))
"""


@pytest.fixture(scope="session")
def places(site: Site) -> dict[str, str]:
    return json.loads(site.run(PLACES).splitlines()[-1])


@pytest.fixture(scope="module")
def four_eyes(site: Site) -> Iterator[None]:
    """On, which pages show; off for those who use this site next: they close migrations."""
    site.run("from approvals.models import FourEyes\nFourEyes.objects.create(unsafe=True, closing=True)")
    yield
    site.run("from approvals.models import FourEyes\nFourEyes.objects.all().delete()")


#: what each theme is opened with; the window then becomes wider or narrower, which costs less than to open all again
WIDTHS = {"light": (1280, 768, 390), "dark": (390, 768, 1280)}


def looked_at(context: Any, page: Any, widths: tuple[int, ...]) -> dict[str, Any]:
    """What is wrong with the page. For axe, the middle width is one of the others."""
    wrong = {}
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            wrong[f"wide at {width}"] = wide
        if width != 768 and (found := axe(context, page)):
            wrong[f"axe at {width}"] = found
    return wrong


@pytest.mark.usefixtures("four_eyes")
@pytest.mark.parametrize("theme", sorted(WIDTHS))
def test_every_page(
    site: Site, browser: Any, cookies: Callable[[str], Any], places: dict[str, str], theme: str
) -> None:
    context = browser.new_context(
        color_scheme=theme,
        storage_state=cookies("ada"),
        reduced_motion="reduce",
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    wrong = {}
    for name, address in PAGES.items():
        page.set_viewport_size({"width": WIDTHS[theme][0], "height": 900})
        page.goto(site.url + address.format(**places))
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.dataset.bsTheme") == theme
        found = looked_at(context, page, WIDTHS[theme])
        if name == "not found":
            said.clear()  # the browser reports the 404 itself
        if found or said:
            wrong[name] = {**found, "console": list(said)}
        said.clear()
    context.close()
    assert not wrong, json.dumps(wrong, indent=1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_and_what_opens(site: Site, browser: Any, cookies: Callable[[str], Any], theme: str) -> None:
    context = browser.new_context(color_scheme=theme)
    page = context.new_page()
    page.goto(f"{site.url}/accounts/login/")
    assert not axe(context, page)
    context.close()
    context = browser.new_context(color_scheme=theme, storage_state=cookies("ada"), reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{site.url}/vms/")
    for opener in ("#running summary", "summary[aria-label$='your menu']", ".cell-menu summary", "[data-help]"):
        page.locator(opener).first.click()
        assert not axe(context, page), opener
        page.keyboard.press("Escape")
    pk = site.run('print(Guest.objects.get(name="idle-01").pk)').splitlines()[-1]
    page.goto(f"{site.url}/vms/{pk}/migrate/")
    page.get_by_role("button", name="Busy VM").click()
    page.locator("summary", has_text="Options").click()
    page.get_by_label("Compression", exact=True).select_option("zstd")
    page.evaluate("scrollTo(0, 0)")  # the bar at the top covers a part of whatever is scrolled under it
    assert not axe(context, page)
    context.close()


def axe(context: Any, page: Any) -> Any:
    """Through the debugger, so that the page keeps its content security policy."""
    session = context.new_cdp_session(page)
    if not page.evaluate("'axe' in window"):
        session.send("Runtime.evaluate", {"expression": AXE})
    answer = session.send("Runtime.evaluate", {"expression": RUN, "awaitPromise": True, "returnByValue": True})
    session.detach()
    return json.loads(answer["result"]["value"])
