"""A day of each role on one seeded site: an admin sets rule, quota and window, a member asks, the lead approves, an operator
needs the VM at the same time and wins, the auditor reads and exports. What a worker would do in between is done here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site, seeded
from tests.browser.pages.test_migrate_page import ANSWER, expect
from tests.web.seed import PASSWORD

pytestmark = pytest.mark.browser
PEOPLE = """
from django.contrib.auth.models import User
from hosts.usecases.teams import create_team
from kvmweb.accounts.roles import Role
team = create_team("Shop", ["idle-*"], by=User.objects.get(username="ada"))
for name, role in (("mia", "member"), ("lea", "lead")):
    seed.make_person(name, None).grants.create(role=role, scope=team.scope)
seed.make_person("audrey", Role.AUDITOR)
print(Guest.objects.get(name="idle-01").pk)
"""
#: a worker has found a host, and the rule wants an approval
PLANNED = """
from django.db import transaction
from approvals.domain.plan import Plan
from approvals.usecases.ask import ask_approvals
from kvmweb.journal.writer import request_topic
from portal import ledger
from portal.domain.states import NOT_BEGUN, RequestState
from portal.models import Request
row = Request.objects.get()
a, b = (Host.objects.get(name=name) for name in ("kvm-a", "kvm-b"))
plan = Plan(guest=str(row.guest_id), kind="live", source=b.pk, target=a.pk)
choice = [{"host": "kvm-a", "fits": True, "why": "kvm-a has 3.5 GiB of memory free afterwards.", "score": 1.0}]
with transaction.atomic():
    asked = ask_approvals(subject=request_topic(row.pk), plan=plan, guest=row.guest, team=row.team, by=row.asked_by,
        text="idle-01 migrates to another host.", downtime_ms=84, reason=row.reason)
    ledger.change(row.pk, NOT_BEGUN, RequestState.WAITING_APPROVAL, "It waits for approval.", plan=plan.as_json(), choice=choice)
print(len(asked))
"""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[tuple[Site, str]]:
    made = seeded(tmp_path_factory.mktemp("day"), free_port())
    site = next(made)
    yield site, site.run(PEOPLE).splitlines()[-1]
    next(made, None)


@pytest.fixture
def come_in(day: tuple[Site, str], browser: Any) -> Iterator[Callable[[str], Any]]:
    """A page of somebody who has just logged in."""
    contexts = []

    def log_in(name: str) -> Any:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.goto(f"{day[0].url}/accounts/login/")
        page.fill("#id_login", name)
        page.fill("#id_password", PASSWORD)
        page.click("button[type=submit]")
        page.get_by_label(f"{name}, your menu").wait_for()
        return page

    yield log_in
    for context in contexts:
        context.close()


def test_the_day(day: tuple[Site, str], come_in: Callable[[str], Any]) -> None:
    site, guest = day

    ada = come_in("ada")
    ada.goto(f"{site.url}/approvals/rules/add/")
    ada.get_by_label("Name", exact=True).fill("The lead decides")
    ada.locator("#id_role").select_option("lead")
    ada.get_by_role("button", name="Add rule").click()
    ada.get_by_text("The lead decides").first.wait_for()
    ada.goto(f"{site.url}/console/")
    ada.get_by_role("link", name="Quotas").click()
    ada.get_by_role("link", name="Shop").click()
    ada.locator("#id_moves_per_day").fill("5")
    ada.get_by_role("button", name="Save").click()
    ada.get_by_role("row").filter(has_text="Shop").get_by_text("5", exact=True).wait_for()
    ada.goto(f"{site.url}/console/")
    ada.get_by_role("link", name="Windows").click()
    ada.get_by_role("link", name="Add window").click()
    ada.get_by_label("Name", exact=True).fill("Nights")
    ada.get_by_label("Monday").check()
    ada.locator("#id_begins").fill("01:00")
    ada.get_by_role("button", name="Add window").click()
    ada.get_by_text("Monday at 01:00 for 2 h, UTC time.").wait_for()

    mia = come_in("mia")
    mia.get_by_role("link", name="idle-01").click()
    mia.get_by_role("link", name="Ask for a migration").click()
    mia.get_by_label("Reason").fill("noisy neighbour")
    mia.get_by_role("button", name="Ask for the migration").click()
    mia.get_by_text("A destination is being chosen.").first.wait_for()
    assert site.run(PLANNED).splitlines()[-1] == "1"
    mia.get_by_text("It waits for approval.").first.wait_for()  # by itself
    assert "kvm-" not in mia.content()

    lea = come_in("lea")
    lea.get_by_role("link", name="Requests").click()
    lea.get_by_role("link", name="Waits for approval").click()
    lea.get_by_text("noisy neighbour").first.wait_for()
    lea.get_by_role("link", name="a lead of the team").click()
    lea.get_by_label("Comment").fill("Fine with me.")
    lea.get_by_role("button", name="Approve").click()
    lea.get_by_text("It is decided.").wait_for()
    mia.get_by_text("Fine with me.").first.wait_for()

    olga = come_in("olga")
    olga.get_by_role("link", name="Requests").click()
    olga.get_by_role("link", name="Waits for approval").click()
    olga.get_by_text("kvm-a has 3.5 GiB of memory free afterwards.").wait_for()
    olga.goto(f"{site.url}/vms/{guest}/migrate/")
    expect(olga.locator("#report")).to_have_attribute("aria-busy", "true")
    site.run(ANSWER)
    expect(olga.locator("#go")).to_be_enabled()
    olga.locator("#go").click()
    olga.wait_for_url("**/migrations/*/")
    mia.get_by_text("Withdrawn").first.wait_for()  # by itself
    mia.get_by_text("Operations needed this VM.").first.wait_for()
    assert "kvm-" not in mia.content()

    audrey = come_in("audrey")
    audrey.get_by_role("link", name="Requests").click()
    audrey.get_by_role("link", name="Show all").click()
    audrey.get_by_role("link", name="Withdrawn").click()
    audrey.get_by_text("Operations needed this VM.").first.wait_for()
    exported = audrey.request.get(f"{site.url}/console/history/export/").text()
    assert "mia asked that idle-01 migrates to another host." in exported
    assert audrey.request.get(f"{site.url}/portal/vms/{guest}/ask/").status == 403
