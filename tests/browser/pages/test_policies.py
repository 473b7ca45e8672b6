"""Policies in a real browser: changed by an admin, chosen for a host, a VM and a migration; axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site
from tests.browser.pages.test_accessibility import axe
from tests.browser.pages.test_migrate_page import expect

pytestmark = pytest.mark.browser
SEED = """
print(Guest.objects.get(name="idle-01").pk, Host.objects.get(name="kvm-a").pk)
"""
CLEAN = """
from tests.policies import built_in_policies
for model in (PolicyChoice, GuestConsent, Policy):
    model.objects.all().delete()
built_in_policies()
"""

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def scene(site: Site) -> Iterator[dict[str, str]]:
    vm, host = site.run(SEED).splitlines()[-1].split()
    yield {"vm": f"{site.url}/vms/{vm}/", "host": f"{site.url}/hosts/{host}/", "all": f"{site.url}/policies/"}
    site.run(CLEAN)


@pytest.fixture
def opened(browser: Any, cookies: Callable[[str], Any]) -> Iterator[Open]:
    contexts = []

    def opened(address: str, user: str = "ada", **how: Any) -> Any:
        context = browser.new_context(storage_state=cookies(user), reduced_motion="reduce", **how)
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_an_admin_makes_one_and_sets_it_for_a_host(scene: dict[str, str], opened: Open) -> None:
    page = opened(scene["all"])
    page.get_by_role("link", name="Add policy").click()
    page.get_by_label("Name", exact=True).fill("night shift")
    page.get_by_label("Longer downtimes, ms").fill("80, 1000")
    page.get_by_role("button", name="Add policy").click()
    expect(page.locator(".problem")).to_contain_text("the first longer than at the start")
    page.get_by_label("Downtime at the start, ms").fill("50")
    page.get_by_text("Shadow mode").click()
    page.get_by_role("button", name="Add policy").click()
    expect(page.get_by_text("Allows 50 ms of downtime and up to 1,000 ms")).to_have_count(2)  # and in the journal
    page.goto(scene["host"])
    page.get_by_text("Change", exact=True).click()
    page.get_by_label("Policy", exact=True).select_option("night shift")
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_text("set for kvm-a", exact=True)).to_be_visible()


def test_an_operator_changes_a_vms_consent_and_what_is_being_entered_stays(
    site: Site, scene: dict[str, str], opened: Open
) -> None:
    page = opened(scene["vm"], "olga")
    page.locator("#policy-form").evaluate("form => form.closest('details').open = true")
    page.get_by_label("Pause it for longer").select_option("never")
    page.locator("#policy-form [name=reason]").fill("a database")
    site.run(f"""
from kvmweb.journal import writer
Guest.objects.filter(name="idle-01").update(title="read again")
writer.signal("inventory", hosts=[], guests=["{scene["vm"].split("/")[-2]}"])
""")
    page.get_by_text("read again").wait_for()
    expect(page.locator("#policy-form [name=reason]")).to_have_value("a database")
    expect(page.get_by_label("Pause it for longer")).to_have_value("never")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("dd", has_text="Never")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_the_migrate_page_says_what_the_chosen_one_does(scene: dict[str, str], opened: Open, javascript: bool) -> None:
    page = opened(f"{scene['vm']}migrate/", "olga", java_script_enabled=javascript)
    policy = page.get_by_label("Policy", exact=True)
    said = page.locator("#id_policy_help")
    expect(said).to_contain_text("it gives up: the VM stays on its host")
    if not javascript:
        expect(page.get_by_role("link", name="What the policies do")).to_be_visible()
        return
    policy.select_option("must finish")
    expect(said).to_contain_text("the VM is paused for as long as the rest takes")
    page.get_by_label("Suspended").check()
    expect(policy).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_opens(scene: dict[str, str], opened: Open, theme: str, width: int) -> None:
    for address in (scene["host"], scene["vm"]):
        page = opened(address, color_scheme=theme, viewport={"width": width, "height": 900})
        page.locator("#policy-form").evaluate("form => form.closest('details').open = true")
        assert not axe(page.context, page), address
        assert page.evaluate("document.documentElement.scrollWidth") <= width
