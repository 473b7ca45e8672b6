"""The whole job in a browser: log in, choose the VM, read the report, Migrate, watch, done."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from lab import Lab, TickReceiver
from tests.browser import polling
from tests.browser.conftest import Open
from tests.lab.leftovers import assert_moved, assert_unchanged, take
from tests.lab.serving import Serving, wait_until
from tests.lab.test_migration import felt, hurry

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_person_moves_a_running_vm_and_watches_it(fresh: Serving, lab: Lab, sign_in: Open) -> None:
    before = take(lab)
    page = sign_in("olga")
    with TickReceiver(*lab.ticks_address) as ticks:
        for name in ("web-01", "build-01"):
            assert ticks.wait_for(name, since=time.monotonic(), timeout=20), f"{name} is silent"
        page.goto(f"{fresh.url}/vms/")
        page.get_by_role("link", name="web-01").first.click()
        page.get_by_role("link", name=re.compile("Migrate")).first.click()
        page.get_by_text("Options", exact=True).click()
        page.fill("input[name=bandwidth_mib]", "2")
        button = page.get_by_role("button", name=re.compile("^Migrate web-01 to kvm-b"))
        expect(button).to_be_enabled()
        report = page.locator("#report")
        expect(report.locator(".verdict")).to_contain_text("web-01 can migrate to kvm-b")
        expect(report).to_contain_text(re.compile(r"\d+ checks passed"))
        since = time.monotonic()
        button.click()
        page.wait_for_url(re.compile(r"/migrations/\d+/$"))
        bar = page.locator("progress").first
        wait_until(lambda: 0 < float(bar.get_attribute("value") or 0) < 100, 30, "the bar moves")
        seen = float(bar.get_attribute("value") or 0)
        expect(page).to_have_title(re.compile(r"%.*web-01"))
        page.reload()
        wait_until(lambda: float(bar.get_attribute("value") or 0) > seen, 30, "the bar moves on after a reload")
        hurry(lab, "web-01")
        expect(page.locator(".outcome .sentence")).to_contain_text("web-01 runs on kvm-b")
        until = time.monotonic()
        hole, control = ticks.largest_hole("web-01", since, until), ticks.largest_hole("build-01", since, until)
    expect(page).to_have_title(re.compile("[Dd]one"))
    downtime = re.match(r"(\d+) ms", page.locator(".outcome dt:text-is('Downtime') + dd").inner_text())
    assert downtime is not None
    assert_moved(lab, before, "web-01")
    (web,) = fresh.pids("kvmweb: web")
    assert "libvirt" not in Path(f"/proc/{web}/maps").read_text()  # after pages, a report, a migration and a socket
    if hole > int(downtime[1]) / 1000 + control + 0.5:
        # Two cores for Chromium and every emulated guest: the one that arrives may have to wait for its first turn. A
        # fault of kvmweb would be there each time, so it is measured again without the browser.
        page.close()
        with TickReceiver(*lab.ticks_address) as again:
            back = felt(fresh, again, "kvm-b", "kvm-a")
            there = felt(fresh, again, "kvm-a", "kvm-b")
        assert any(hole <= allowed for hole, allowed in (back, there)), (hole, control, back, there)


def test_cancel_from_the_page(fresh: Serving, lab: Lab, sign_in: Open) -> None:
    before = take(lab)
    pk = fresh.migrate("web-01", "kvm-b", bandwidth_mib=2)["id"]
    fresh.wait_for_copying(pk)
    page = sign_in("olga")
    page.goto(f"{fresh.url}/migrations/{pk}/")
    page.locator("#cancel > summary").click()
    page.get_by_role("button", name="Cancel the migration").click()
    expect(page.locator(".outcome .sentence")).to_contain_text("web-01 runs on kvm-a")
    assert fresh.wait_for_end(pk)["state"] == "cancelled"
    assert_unchanged(lab, before)


def test_two_moves_and_their_two_pages(fresh: Serving, lab: Lab, sign_in: Open) -> None:
    """The second waits for the first: neither page ever says anything of the other, also when the first has ended."""
    numbers = {"web-01": fresh.migrate("web-01", "kvm-b", bandwidth_mib=2)["id"]}
    fresh.wait_for_copying(numbers["web-01"])
    numbers["db-01"] = fresh.migrate("db-01", "kvm-b", bandwidth_mib=16)["id"]
    fresh.wait_for_state(numbers["db-01"], "queued")
    context = sign_in("olga").context
    context.add_init_script("""
        window.seen = [];
        const look = () => seen.push(`${document.title} | ${document.querySelector("#live .sentence")?.textContent}`);
        document.addEventListener("DOMContentLoaded", () => {
          look();
          new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true});
        });""")
    pages = {name: context.new_page() for name in numbers}
    for name, page in pages.items():
        page.goto(f"{fresh.url}/migrations/{numbers[name]}/")
    polling.wait_until(pages["web-01"], "new Set(seen).size > 3")
    hurry(lab, "web-01")
    for name, page in pages.items():
        assert fresh.wait_for_end(numbers[name])["state"] == "done"
        expect(page.locator(".outcome .sentence")).to_contain_text(f"{name} runs on kvm-b")
    for name, page in pages.items():
        seen = page.evaluate("[...new Set(seen)]")
        assert len(seen) > 3
        assert [text for text in seen if name not in text or any(n in text for n in numbers if n != name)] == []
        assert re.match("[Dd]one", seen[-1])


def test_without_javascript_the_forms_do_the_whole_job(fresh: Serving, lab: Lab, sign_in: Open) -> None:
    before = take(lab)
    page = sign_in("olga", javascript=False)
    page.goto(f"{fresh.url}/vms/{fresh.guest('web-01')['uuid']}/migrate/")
    page.get_by_role("button", name=re.compile("Check")).first.click()
    for _ in range(60):
        move = page.get_by_role("button", name=re.compile("^Migrate web-01"))
        if move.count() and move.first.is_enabled():
            break
        time.sleep(0.5)
        again = page.get_by_role("link", name="Look again").or_(page.get_by_role("button", name="Look again"))
        if again.count():
            again.first.click()
    page.get_by_role("button", name=re.compile("^Migrate web-01")).first.click()
    page.wait_for_url(re.compile(r"/migrations/\d+/$"))
    pk = int(page.url.rstrip("/").rsplit("/", 1)[1])
    assert fresh.wait_for_end(pk)["state"] == "done"
    page.reload()
    expect(page.locator(".outcome .sentence")).to_contain_text("web-01 runs on kvm-b")
    assert_moved(lab, before, "web-01")


def test_what_somebody_does_with_virsh_shows_on_an_open_page(fresh: Serving, lab: Lab, sign_in: Open) -> None:
    page = sign_in("vera")
    page.goto(f"{fresh.url}/vms/?q=old-01")
    expect(page.locator("main")).to_contain_text("Shut off")
    page.wait_for_timeout(1000)
    took = []
    for command, shown in (("start", "Running"), ("destroy", "Shut off"), ("start", "Running")):
        lab.hosts["kvm-a"].virsh(command, "old-01")
        returned = time.monotonic()
        expect(page.locator("main table")).to_contain_text(shown)
        took.append(time.monotonic() - returned)
    assert min(took) < 2.0, took  # a busy machine may make one wait
    assert page.get_by_role("link", name=re.compile("Migrate")).count() == 0  # a viewer may not migrate


def test_two_tabs_make_one_migration(fresh: Serving, lab: Lab, sign_in: Open) -> None:
    first, second = sign_in("olga"), sign_in("anna")
    uuid = fresh.guest("web-01")["uuid"]
    for page in (first, second):
        page.goto(f"{fresh.url}/vms/{uuid}/migrate/")
    buttons = [page.get_by_role("button", name=re.compile("^Migrate web-01 to kvm-b")) for page in (first, second)]
    for button in buttons:
        expect(button).to_be_enabled()
    before = {row["id"] for row in fresh.items("/migrations")}
    for button in buttons:
        button.evaluate("button => button.click()")  # also once the other tab's migration is told and has disabled it
    made: dict[int, str] = {}

    def is_made() -> bool:
        made.update((row["id"], row["requested_by"]) for row in fresh.items("/migrations") if row["id"] not in before)
        return bool(made)

    wait_until(is_made, 30, "one of the two has made a migration")  # which one is the machine's choice
    (pk, by), *_ = made.items()
    winner, loser = (first, second) if by == "olga" else (second, first)
    expect(winner).to_have_url(f"{fresh.url}/migrations/{pk}/")
    expect(loser.locator("main")).to_contain_text(re.compile("is (already )?migrating|has ended since|is on kvm-b now"))
    assert fresh.wait_for_end(pk)["state"] == "done"
    assert {row["id"] for row in fresh.items("/migrations")} - before == {pk}
