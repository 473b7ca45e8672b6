"""The migrate page in a real browser: a verdict that no longer holds is withdrawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site, log_in
from tests.web.seed import PASSWORD

pytestmark = pytest.mark.browser
IMPORTS = "from kvmweb.journal import writer\nfrom django.utils import timezone\n"
ANSWER = f"""{IMPORTS}
Preflight.objects.filter(seen_at=None).update(seen_at=timezone.now(), verdict="ok")
"""

MOVED = """
from kvmweb.journal import writer
Migration.objects.active().filter(guest_name="idle-01").delete()
Sighting.objects.filter(guest__name="idle-01", gone_since=None).update(host=Host.objects.get(name="kvm-c"))
writer.signal(writer.MIGRATIONS)
writer.signal(writer.INVENTORY, hosts=[], guests=[])
"""


def expect(found: Any) -> Any:
    from playwright.sync_api import expect as expected

    return expected(found)


@pytest.fixture
def page(site: Site, browser: Any, cookies: Callable[[str], Any]) -> Iterator[Any]:
    context = browser.new_context(storage_state=cookies("olga"), viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()


@pytest.fixture
def address(site: Site) -> str:
    pk = site.run('print(Guest.objects.get(name="idle-01").pk)').splitlines()[-1]
    return f"{site.url}/vms/{pk}/migrate/"


def passed(page: Any, site: Site, address: str) -> None:
    page.goto(address)
    expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
    site.run(ANSWER)
    expect(page.locator(".verdict")).to_contain_text("no known obstacle")
    expect(page.locator("#go")).to_be_enabled()


def test_a_report_older_than_a_minute_is_withdrawn_without_a_socket(page: Any, site: Site, address: str) -> None:
    page.clock.install()
    page.route_web_socket(re.compile("/ws"), lambda socket: socket.close())
    passed(page, site, address)
    page.clock.fast_forward(61_000)
    expect(page.locator(".verdict")).to_contain_text("more than a minute old")
    expect(page.locator("#go")).to_be_disabled()
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
    expect(page.locator(".verdict")).not_to_contain_text("no known obstacle")
    site.run(ANSWER)
    expect(page.locator("#go")).to_be_enabled()


def test_no_verdict_stands_while_it_is_checked_again(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    page.route("**/preflight/", lambda route: None)
    page.get_by_role("button", name="Check again").click()
    expect(page.locator(".verdict")).to_have_text("Checking again…")
    expect(page.locator("#go")).to_be_disabled()


def log_in_again(page: Any, site: Site) -> None:
    """In a second tab of the same browser."""
    page.context.clear_cookies()
    tab = page.context.new_page()
    log_in(tab, site.url, "olga")
    tab.close()


def choose(page: Any) -> None:
    page.get_by_text("Options", exact=True).click()
    page.fill("#id_reason", "Disk change")
    page.fill("#id_bandwidth_mib", "50")


def chosen(page: Any, address: str) -> None:
    expect(page).to_have_url(re.compile(re.escape(address)))
    expect(page.locator("#id_reason")).to_have_value("Disk change")
    expect(page.locator("#id_bandwidth_mib")).to_have_value("50")


def test_another_login_in_a_second_tab_is_said_in_place_by_check_again(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    log_in_again(page, site)
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#refused")).to_contain_text("this page belongs to an earlier login")
    expect(page.locator(".verdict")).not_to_contain_text("no known obstacle")
    expect(page.locator("#go")).to_be_disabled()
    choose(page)
    page.get_by_role("link", name="Open it again").click()
    chosen(page, address)


def test_migrate_after_another_login_leads_back_with_the_choices(page: Any, site: Site, address: str) -> None:
    page.route("**/preflight/", lambda route: None)
    page.goto(address)
    choose(page)
    log_in_again(page, site)
    page.evaluate("document.getElementById('migrate').submit()")
    page.get_by_role("link", name="Back to the page").click()
    chosen(page, address)


def test_an_ended_session_keeps_the_choices_through_the_login(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    page.context.clear_cookies()
    choose(page)
    page.locator("#id_reason").focus()
    expect(page.locator("#refused")).to_contain_text("You are logged out")
    expect(page.locator("#go")).to_be_disabled()
    page.get_by_role("link", name="Log in").click()
    page.fill("#id_login", "olga")
    page.fill("#id_password", PASSWORD)
    page.click("button[type=submit]")
    chosen(page, address)


CHANGED = """
from kvmweb.journal import writer
{}
writer.signal(writer.INVENTORY, hosts=[], guests=[])
"""


def contact(name: str | None, what: str) -> str:
    return CHANGED.format(f'Host.objects.filter(name="{name}").update(contact="{what}")')


def state(what: str) -> str:
    return CHANGED.format(f'Sighting.objects.filter(guest__name="idle-01", gone_since=None).update(state="{what}")')


def test_a_destination_that_is_lost_ends_the_verdict_and_can_be_chosen_again(
    page: Any, site: Site, address: str
) -> None:
    passed(page, site, address)
    chosen_host = page.locator("[name=target]:checked")
    name = chosen_host.get_attribute("data-host")
    site.run(contact(name, "away"))
    try:
        expect(page.locator(".verdict")).to_have_text(f"{name} cannot take idle-01 now. This check no longer applies.")
        expect(page.locator("#go")).to_be_disabled()
        expect(chosen_host).to_be_disabled()
        expect(page.locator("label", has=chosen_host)).to_contain_text("Is not reachable.")
    finally:
        site.run(contact(name, "answers"))
    expect(page.locator(".verdict")).to_have_text(
        f"{name} was not available for a while after this check. Check again."
    )
    expect(chosen_host).to_be_enabled()
    expect(page.locator("#go")).to_be_disabled()


def test_a_choice_stays_while_the_list_of_hosts_changes(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    first = page.locator("[name=target]:checked").get_attribute("data-host")
    site.run(contact("kvm-c", "answers"))
    try:
        other = page.locator("[name=target][data-host=kvm-c]")
        other.check()
        expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
        site.run(ANSWER)
        expect(page.locator("#go")).to_contain_text("kvm-c")
        site.run(contact(first, "away"))
        expect(page.locator(f"[name=target][data-host={first}]")).to_be_disabled()
        expect(other).to_be_checked()
        expect(page.locator("#go")).to_be_enabled()
    finally:
        site.run(contact(first, "answers"))
        site.run(contact("kvm-c", "away"))


def test_a_verdict_ends_with_the_source_host_and_with_the_state_of_the_vm(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    name = page.locator("#live").get_attribute("data-host-name")
    site.run(contact(name, "away"))
    try:
        expect(page.locator(".verdict")).to_have_text(f"{name} is not connected. This check no longer applies.")
    finally:
        site.run(contact(name, "answers"))
    passed(page, site, address)
    site.run(state("paused"))
    try:
        expect(page.locator(".verdict")).to_have_text("The state of idle-01 has changed. This check no longer applies.")
        expect(page.locator("#go")).to_be_disabled()
    finally:
        site.run(state("running"))


BY_HAND = CHANGED.format(
    'Sighting.objects.filter(guest__name="idle-01").exclude(gone_since=None)'
    '.update(gone_since=None, state="paused", reason="migration")'
)
OVER = CHANGED.format(
    "from django.utils import timezone\n"
    'Sighting.objects.filter(guest__name="idle-01", state="paused").update(gone_since=timezone.now(), state="shut off")'
)


def test_a_migration_by_hand_ends_the_verdict(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    site.run(BY_HAND)
    try:
        expect(page.locator(".verdict")).to_have_text("The state of idle-01 has changed. This check no longer applies.")
        expect(page.locator("#go")).to_be_disabled()
    finally:
        site.run(OVER)


def test_another_tab_migrates_the_vm(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    tab = page.context.new_page()
    passed(tab, site, address)
    tab.locator("#go").click()
    tab.wait_for_url("**/migrations/*/")
    tab.close()
    expect(page.locator(".verdict")).to_have_text("idle-01 is migrating now. This check no longer applies.")
    expect(page.locator("#go")).to_be_disabled()
    site.run(MOVED)
    expect(page.locator(".verdict")).to_contain_text("idle-01 is on kvm-c now. This check no longer applies.")
    expect(page.locator("#go")).to_be_disabled()
    page.get_by_role("link", name="Choose again").click()
    expect(page.get_by_role("radio", name=re.compile("kvm-b"))).to_be_visible()
    site.run(MOVED.replace("kvm-c", "kvm-b"))


DISKS = """
disk = {"device": "disk", "type": "file", "readonly": False}
disks = [disk | {"target": "vda", "path": "/local/a.qcow2"}, disk | {"target": "vdb", "path": "/shared/b.qcow2"}]
Guest.objects.filter(name="idle-01").update(disks=disks)
"""
BLOCKED = """
from django.utils import timezone
fix = {"text": "Or copy disk vda: choose Live with storage.", "command": "", "on": "", "kind": "live_storage"}
found = {"check": "storage_shared", "severity": "blocker", "summary": "Disk vda of idle-01 is on local storage.",
         "evidence": {}, "affects": "disk vda", "remedies": [fix]}
asked = Preflight.objects.filter(seen_at=None, kind="live")
asked.update(seen_at=timezone.now(), verdict="blocked", findings=[found])
"""
COPIES = """
from django.utils import timezone
asked = Preflight.objects.filter(seen_at=None, kind="live_storage")
assert asked.exists()
asked.update(seen_at=timezone.now(), verdict="ok", copied_disks=["vda"])
"""


def test_a_vm_with_local_disks_is_offered_with_them(page: Any, site: Site, address: str) -> None:
    site.run(DISKS)
    page.goto(address)
    expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
    site.run(BLOCKED)
    expect(page.locator("input[name=kind][value=live_storage]")).to_be_checked()
    expect(page.locator("#kind-chosen")).to_contain_text("Live with storage is selected")
    expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
    site.run(COPIES)
    expect(page.locator("#go")).to_be_enabled()
    expect(page.locator("[name=copy_disks][value=vda]")).to_be_checked()
    expect(page.locator("[name=copy_disks][value=vdb]")).not_to_be_checked()
    # who chooses Live all the same is told why not, with a button to go on
    page.locator("[name=kind][value=live]").check()
    expect(page.locator("#kind-chosen")).to_have_text("")
    expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
    site.run(BLOCKED)
    page.get_by_role("button", name="Use live with storage").click()
    expect(page.locator("input[name=kind][value=live_storage]")).to_be_checked()
    expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
    site.run(COPIES)
    expect(page.locator("[name=copy_disks][value=vda]")).to_be_checked()


def test_a_preset_fills_in_the_boxes_and_asks_again(page: Any, site: Site, address: str) -> None:
    passed(page, site, address)
    page.get_by_role("button", name="Busy VM").click()
    expect(page.locator("#report")).to_have_attribute("aria-busy", "true")
    expect(page.locator("[aria-pressed=true]")).to_have_text("Busy VM")
    page.locator("summary", has_text="Options").click()
    expect(page.get_by_label("Allowed downtime, ms")).to_have_value("2000")
    expect(page.get_by_label("Auto-converge: first step, %")).to_be_visible()
    page.get_by_role("button", name="Limited").click()
    expect(page.get_by_label("Bandwidth limit, MiB/s")).to_have_value("100")
    expect(page.get_by_label("Allowed downtime, ms")).to_have_value("")
    page.get_by_label("Bandwidth limit, MiB/s").fill("90")
    page.get_by_label("Bandwidth limit, MiB/s").blur()
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)


def test_a_box_shows_when_what_it_needs_is_chosen(page: Any, site: Site, address: str) -> None:
    page.goto(address)
    page.locator("summary", has_text="Options").click()
    level, cache = page.get_by_label("Compression level"), page.get_by_label("Cache for differences, MiB")
    expect(level).to_be_hidden()
    page.get_by_label("Compression", exact=True).select_option("zstd")
    expect(level).to_be_visible()
    expect(cache).to_be_hidden()
    page.get_by_label("Compression", exact=True).select_option("xbzrle")
    expect(cache).to_be_visible()
    expect(page.get_by_label("Auto-converge: first step, %")).to_be_hidden()


def test_a_vm_that_is_shut_off_has_the_options_of_offline(page: Any, site: Site) -> None:
    pk = site.run('print(Guest.objects.get(name="archive").pk)').splitlines()[-1]
    page.goto(f"{site.url}/vms/{pk}/migrate/")
    expect(page.locator("[name=kind][value=offline]")).to_be_checked()
    expect(page.locator("[name=start_after]")).to_be_visible()
    page.locator("summary", has_text="Options").first.click()
    expect(page.locator("[name=undefine_source]")).to_be_visible()
    expect(page.locator("[name=persist]")).to_be_hidden()
    expect(page.locator("[name=bandwidth_mib]")).to_be_hidden()
    expect(page.locator("[data-preset]").first).to_be_hidden()
    page.locator("[name=kind][value=live]").check()
    expect(page.locator("[data-preset]").first).to_be_visible()
    expect(page.locator("[name=start_after]")).to_be_hidden()
    expect(page.locator("[name=bandwidth_mib]")).to_be_visible()
