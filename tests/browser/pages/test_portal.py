"""The pages of people in teams: four views, live, by keyboard, without a word of operators."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site, seeded
from tests.browser.pages.test_accessibility import WIDTHS, looked_at
from tests.web.seed import PASSWORD

pytestmark = pytest.mark.browser
PAGES = {
    "list": "/portal/",
    "nothing found": "/portal/?q=nothing+like+this",
    "vm": "/portal/vms/{idle}/",
    "vm that migrates": "/portal/vms/{web}/",
    "vm with a hostile name": "/portal/vms/{hostile}/",
    "ask": "/portal/vms/{idle}/ask/",
    "terms": "/portal/vms/{idle}/terms/",
    "requests": "/portal/requests/?all=yes",
    "request": "/portal/requests/{request}/",
    "withdraw": "/portal/requests/{request}/withdraw/",
    "not found": "/portal/requests/999999/",
}
#: a team with VMs in several states, a request that waits for its lead, and places with names
SEED = """
import json
from django.contrib.auth.models import User
from approvals.models import Approval
from hosts.usecases.teams import create_team
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from portal.models import Request, Storage
from tests.web.seed import HOSTILE
ada = User.objects.get(username="ada")
team = create_team("Shop", ["web-*", "idle-*", "build-*", "archive", "mail-*", "<*"], by=ada)
for number, site in enumerate(("Site north", "Site south")):
    group = HostGroup.objects.create(name=f"racks {number}", site=site)
    Host.objects.filter(name=("kvm-a", "kvm-b")[number]).update(group=group)
Storage.objects.create(name="fast", pool="fast-pool")
for name, role in (("mia", "member"), ("lea", "lead")):
    seed.make_person(name, None).grants.create(role=role, scope=team.scope)
build = Guest.objects.get(name="build-07")
mia = User.objects.get(username="mia")
asked = seed.make_request(build, team, by=mia, reason="noisy disk", state="waiting_approval", text="It waits for approval.")
topic = writer.request_topic(asked.pk)
writer.write(topic, EntryKind.ACTION, "mia asked that build-07 migrates to another host.", actor=mia, reason="noisy disk")
writer.write(topic, EntryKind.STATE, "It waits for approval.", body={"state": "waiting_approval"})
approval = Approval.objects.create(subject=topic, guest=build, guest_name=build.name, team=team, text="build-07 migrates.",
    role="lead", quorum=1, rule="weekdays", plan_hash="1", asked_by=mia, asked_by_name="mia")
approval.votes.create(by_name="lea", vote="approve", comment="Fine with me.", plan_hash="1")
found = {"request": asked.pk, "team": team.pk}
names = {"idle-01": "idle", "web-01": "web", HOSTILE: "hostile"}
found |= {names[guest.name]: str(guest.pk) for guest in Guest.objects.filter(name__in=names)}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[tuple[Site, dict[str, Any]]]:
    made = seeded(tmp_path_factory.mktemp("shop"), free_port())
    site = next(made)
    yield site, json.loads(site.run(SEED).splitlines()[-1])
    next(made, None)


@pytest.fixture(scope="module")
def as_mia(shop: tuple[Site, dict[str, Any]], browser: Any) -> Any:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{shop[0].url}/accounts/login/")
    page.fill("#id_login", "mia")
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{shop[0].url}/portal/")
    state = context.storage_state()
    context.close()
    return state


@pytest.mark.parametrize("theme", sorted(WIDTHS))
def test_every_page(shop: tuple[Site, dict[str, Any]], browser: Any, as_mia: Any, theme: str) -> None:
    site, places = shop
    context = browser.new_context(storage_state=as_mia, color_scheme=theme, reduced_motion="reduce")
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    wrong = {}
    for name, address in PAGES.items():
        page.set_viewport_size({"width": WIDTHS[theme][0], "height": 900})
        page.goto(site.url + address.format(**places))
        page.wait_for_timeout(150)
        found = looked_at(context, page, WIDTHS[theme])
        if name == "not found":
            said.clear()  # the browser reports the 404 itself
        text = page.content()
        told = [secret for secret in ("kvm-", "192.0.2", "/testvms", "fast-pool", "olga") if secret in text]
        if found or said or told:
            wrong[name] = {**found, "console": list(said), "told": told}
        said.clear()
    context.close()
    assert not wrong, json.dumps(wrong, indent=1)


def test_pages_update_themselves(shop: tuple[Site, dict[str, Any]], browser: Any, as_mia: Any) -> None:
    site, _ = shop
    context = browser.new_context(storage_state=as_mia)
    page, heard = context.new_page(), []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(frame)))
    page.goto(f"{site.url}/portal/")
    row = page.locator("tr", has=page.get_by_role("link", name="web-01"))
    row.get_by_text("62 %").wait_for()
    page.wait_for_timeout(500)
    site.run("""
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
row = Migration.objects.get(state="copying_memory")
row.progress["percent"] = 71
row.save()
writer.write(row.topic, EntryKind.PROGRESS, body=row.progress)""")
    row.get_by_text("71 %").wait_for()
    site.run("""
from kvmweb.journal import writer
row = Migration.objects.get(state="copying_memory")
row.state, row.progress = "needs_attention", {}
row.save()
writer.signal(writer.MIGRATIONS, migration=row.pk)""")
    row.get_by_text("Needs attention").first.wait_for()
    assert not [text for text in map(str, heard) if "kvm-" in text or "migration-" in text]
    assert not page.locator("#stale.is-on").count()
    context.close()


def test_somebody_asks_and_withdraws(shop: tuple[Site, dict[str, Any]], browser: Any, as_mia: Any) -> None:
    site, places = shop
    context = browser.new_context(storage_state=as_mia)
    page = context.new_page()
    page.goto(f"{site.url}/portal/vms/{places['idle']}/")
    page.get_by_role("link", name="Ask for a migration").click()
    page.get_by_label("Where to").select_option(label="Site north")
    page.get_by_label("Reason").fill("noisy disk")
    page.get_by_role("button", name="Ask for the migration").press("Enter")
    page.get_by_text("It migrates to the site Site north.").wait_for()
    page.get_by_role("link", name="Withdraw…").click()
    page.get_by_role("button", name="Withdraw the request").click()
    page.get_by_text("Withdrawn by mia. The VM was not touched.").first.wait_for()
    context.close()
