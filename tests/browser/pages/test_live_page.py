"""Open pages in a real browser: pushes, recovery, keyboard."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.pages.conftest import Site
from tests.browser.pages.line import Line
from tests.browser.polling import wait_until

pytestmark = pytest.mark.browser
MOVE = 'm = Migration.objects.get(guest_name="web-01")\ntopic = writer.migration_topic(m.pk)\n'
#: a dead line is said by then: after 7 s, and what a busy machine adds
SAID_SECONDS = 20
#: as htmx hands a message of the socket on
PUSH = """(message) => document.dispatchEvent(new CustomEvent("htmx:wsBeforeMessage", {detail: {message}}))"""
IMPORTS = "from kvmweb.journal import writer\nfrom kvmweb.journal.models import EntryKind\n"


def tick(site: Site, percent: int) -> None:
    site.run(f"""{IMPORTS}{MOVE}
numbers = seed.progress_of({percent})
Migration.objects.filter(pk=m.pk).update(progress=numbers)
writer.write(topic, EntryKind.PROGRESS, body=numbers)
""")


def become(site: Site, state: str) -> None:
    site.run(f"""{IMPORTS}{MOVE}
Migration.objects.filter(pk=m.pk).update(state="{state}")
writer.write(topic, EntryKind.STATE, "", body={{"state": "{state}"}})
writer.signal("migrations", migration=m.pk)
""")


@pytest.fixture
def page(site: Site, browser: Any, cookies: Callable[[str], Any]) -> Iterator[Any]:
    context = browser.new_context(storage_state=cookies("olga"), viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()


@pytest.fixture(scope="module")
def web(site: Site) -> str:
    return site.run(MOVE.replace("topic", "#") + "print(m.pk)").splitlines()[-1]


@pytest.fixture(autouse=True)
def _as_before(site: Site) -> Iterator[None]:
    yield
    become(site, "copying_memory")
    tick(site, 62)


def test_numbers_arrive_without_reading_the_page_again(site: Site, page: Any, web: str) -> None:
    page.goto(f"{site.url}/migrations/{web}/")
    bar = f"document.getElementById('migration-{web}-percent_bar')"
    page.evaluate(f"window.bar = {bar}")
    read: list[str] = []
    page.on("request", lambda request: read.append(request.url))
    tick(site, 74)
    page.locator(".route .percent", has_text="74").wait_for()
    assert page.title().startswith("74 % web-01")
    assert page.evaluate(f"window.bar === {bar} && window.bar.value === 74")
    # the browser asks for the tab's icon when it likes
    assert [url for url in read if "/static/" not in url] == []


def test_values_that_no_worker_renews_say_how_old_they_are(site: Site, page: Any, web: str) -> None:
    """The socket is open and beats: it is the worker that is silent."""
    page.goto(f"{site.url}/migrations/{web}/")
    told = page.locator("#route .quiet")
    told.get_by_text(re.compile(r"^No new values for \d+ s$")).wait_for()
    assert page.locator("[data-topic].is-silent").count() >= 3  # the percentage, the figures, the drawer
    assert "is-stale" not in (page.locator("body").get_attribute("class") or "")
    assert re.search(r", no new values for \d+ s", page.locator("#running").text_content())
    tick(site, 75)
    page.locator(".route .percent", has_text="75").wait_for()
    assert "No new values" not in told.inner_text()
    assert page.locator(".is-silent").count() == 0


def test_a_page_that_reads_itself_again_says_that_nobody_did_anything(site: Site, page: Any) -> None:
    """kvmweb/accounts/sessions.py goes by this header: an open page alone must not keep a login alive."""
    page.goto(f"{site.url}/vms/")
    wait_until(page, "() => !document.body.classList.contains('is-stale')")
    with page.expect_request(lambda request: request.url == f"{site.url}/vms/") as read:
        site.run("from kvmweb.journal import writer\nwriter.signal(writer.INVENTORY, hosts=[], guests=[])")
    assert read.value.headers["hx-trigger"] == "socket"


def test_the_page_of_a_host_that_is_removed_does_not_stay_connected(site: Site, page: Any) -> None:
    number = site.run('print(seed.make_host("kvm-gone", number=77).pk)').splitlines()[-1]
    page.goto(f"{site.url}/hosts/{number}/")
    page.get_by_text("Connected").first.wait_for()
    site.run(
        'Host.objects.filter(name="kvm-gone").delete()\n'
        "from kvmweb.journal import writer\nwriter.signal(writer.INVENTORY, hosts=[], guests=[])"
    )
    page.get_by_role("heading", name="This page does not exist").wait_for()


def test_what_does_not_belong_to_the_page_is_dropped(site: Site, page: Any, web: str) -> None:
    """A push with another topic for an id of this page, another element under it, or an unknown id."""
    page.goto(f"{site.url}/migrations/{web}/")
    shown, other = f"migration-{web}-percent", "migration:99999"
    part = '<div id="{}" data-topic="{}" data-revision="999999"><div class="percent">33 %</div></div>'
    own, live = f"migration:{web}", '<div id="live" data-topic="{0}" data-revision="999999"></div>'
    for topic, fragments in (
        (other, {shown: part.format(shown, other)}),
        (other, {shown: part.format(shown, own)}),
        (own, {shown: part.format(shown, other)}),
        (own, {shown: part.format("migration-99999-percent", own)}),
        (own, {"live": live.format(own)}),
        ("undefined", {"live": live.format("undefined")}),
    ):
        message = json.dumps({"topic": topic, "fragments": fragments})
        page.evaluate(PUSH, message)
        assert "33" not in page.inner_text(".route .percent")
        assert page.locator("#live .route").count() == 1
    page.evaluate(PUSH, json.dumps({"topic": own, "fragments": {shown: part.format(shown, own)}}))
    assert page.inner_text(".route .percent") == "33 %"


def test_a_change_of_state_keeps_what_the_person_does(site: Site, page: Any, web: str) -> None:
    page.goto(f"{site.url}/migrations/{web}/")
    page.click("#cancel summary")
    page.locator("#cancel-reason").fill("too busy")
    become(site, "switching_over")
    page.locator(".sentence", has_text="is paused for a moment").wait_for()
    page.locator("#cancel", has_text="It may be too late").wait_for()
    assert page.input_value("#cancel-reason") == "too busy"
    assert page.evaluate("document.activeElement.id") == "cancel-reason"


def test_what_an_admin_types_to_close_survives_what_the_hosts_say(
    site: Site, browser: Any, cookies: Callable[[str], Any]
) -> None:
    lost = 'm = Migration.objects.get(state="needs_attention")\n'
    number = site.run(f"{lost}print(m.pk)").splitlines()[-1]
    context = browser.new_context(storage_state=cookies("ada"))
    page = context.new_page()
    page.goto(f"{site.url}/migrations/{number}/")
    page.click("#close summary")
    page.fill("#close-reason", "on kvm-c")
    page.evaluate("document.activeElement.blur()")
    site.run(f"""{IMPORTS}{lost}
Migration.objects.filter(pk=m.pk).update(state_text="Both hosts say something new.")
writer.write(writer.migration_topic(m.pk), EntryKind.NOTE, "Both hosts say something new.")
writer.signal("migrations", migration=m.pk)
""")
    page.locator(".outcome", has_text="something new").wait_for()
    page.wait_for_timeout(1500)  # the page reads itself again too
    assert page.input_value("#close-reason") == "on kvm-c"
    page.evaluate("document.getElementById('close-reason').value = ' '")
    page.click("#close button")
    page.locator("#close .problem", has_text="Say where the VM is").wait_for()
    page.wait_for_timeout(1500)
    assert page.is_visible("#close .problem")
    page.fill("#close-reason", "on kvm-c, seen")
    page.click("#close button")
    page.locator(".outcome", has_text="closed this migration: on kvm-c, seen").wait_for()
    assert page.locator("#close").count() == 0
    site.run(f'Migration.objects.filter(pk={number}).update(state="needs_attention", finished_at=None)')
    context.close()


def test_the_dashboard_and_the_list_show_the_same_numbers(site: Site, page: Any, web: str) -> None:
    for address in ("/", "/vms/"):
        page.goto(site.url + address)
        tick(site, 81)
        page.locator(f"#migration-{web}-row_percent", has_text="81").wait_for()
        tick(site, 62)


def test_ages_are_told_to_the_second(site: Site, page: Any) -> None:
    page.clock.install()
    page.goto(f"{site.url}/")
    page.evaluate("""() => {
      for (const [id, age] of [['aged', 20_000], ['fresh', 0]]) {
        const when = document.createElement('relative-time');
        when.id = id;
        when.setAttribute('precision', 'second');
        when.setAttribute('format-style', 'narrow');
        when.setAttribute('datetime', new Date(Date.now() - age).toISOString());
        document.getElementById('main').append(when);
      }
    }""")
    aged, fresh = (f"document.getElementById('{name}').shadowRoot.textContent" for name in ("aged", "fresh"))
    assert page.evaluate(aged) in ("20s ago", "21s ago")
    assert page.evaluate(fresh) == "just now"
    page.clock.run_for(3_000)
    assert re.fullmatch(r"2[3-9]s ago", page.evaluate(aged))
    assert re.fullmatch(r"[3-9]s ago", page.evaluate(fresh))


def test_a_dead_line_is_said_and_heals(site: Site, page: Any, web: str) -> None:
    page.goto(f"{site.url}/migrations/{web}/")
    page.locator(".route .percent", has_text="62").wait_for()
    site.stop()
    page.locator(".stale-text", has_text="Live updates are off").wait_for()
    assert page.evaluate("document.body.classList.contains('is-stale')")
    tick(site, 88)
    site.start()
    page.locator(".route .percent", has_text="88").wait_for()
    page.locator("#stale:not(.is-on)").wait_for(state="attached")


def test_a_line_that_was_cut_without_a_word_is_said_and_heals(site: Site, page: Any, web: str) -> None:
    stale = page.locator("body.is-stale")
    with Line(site.url) as line:
        page.goto(f"{line.url}/migrations/{web}/")
        page.locator(".route .percent", has_text="62").wait_for()
        page.click("#cancel summary")
        page.wait_for_timeout(8_000)
        assert stale.count() == 0  # a quiet afternoon
        line.cut()
        began = time.monotonic()
        page.locator(".stale-text", has_text="Live updates are off").wait_for()
        assert 2 < time.monotonic() - began < SAID_SECONDS
        assert "may not arrive" in page.inner_text("#stale")
        assert "may not arrive" in page.inner_text("#cancel form")
        assert page.evaluate("getComputedStyle(document.getElementById('live')).filter") == "grayscale(1)"
        tick(site, 91)
        become(site, "switching_over")
        page.wait_for_timeout(8_000)  # the next socket gets no answer either
        assert stale.count() == 1
        line.mend()
        page.locator(".route .percent", has_text="91").wait_for()
        page.locator("#stale:not(.is-on)").wait_for(state="attached")
        assert page.locator(".may-not-arrive").count() == 0
        page.locator(".steps-line .is-now", has_text="Last pages").wait_for()  # it was read again
        tick(site, 93)
        page.locator(".route .percent", has_text="93").wait_for()


def test_lists_say_a_cut_too(site: Site, page: Any) -> None:
    with Line(site.url) as line:
        pages = {address: page.context.new_page() for address in ("/", "/vms/", "/migrations/")}
        for address, opened in pages.items():
            opened.goto(line.url + address)
            opened.locator("#live td:visible").first.wait_for()
        pages["/vms/"].locator(".cell-menu summary").first.click()
        page.wait_for_timeout(4_000)
        line.cut()
        began = time.monotonic()
        for opened in pages.values():
            opened.locator(".stale-text", has_text="Live updates are off").wait_for()
            assert time.monotonic() - began < SAID_SECONDS
            assert "What you do now may not arrive." in opened.inner_text("#stale")
            cell, grey = opened.evaluate("""() => {
              const grey = document.createElement("i");
              grey.style.color = "var(--ink-2)";
              document.body.append(grey);
              return [document.querySelector("#live td:not(.cell-name)"), grey].map((each) => getComputedStyle(each).color);
            }""")
            assert cell == grey
            assert opened.evaluate("getComputedStyle(document.getElementById('live')).filter") == "grayscale(1)"
        line.mend()
        for opened in pages.values():
            opened.locator("#stale:not(.is-on)").wait_for(state="attached")
            opened.close()


def test_rows_and_pages_by_keyboard(site: Site, page: Any) -> None:
    page.goto(f"{site.url}/vms/?q=0")
    page.wait_for_timeout(300)
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == first
    page.keyboard.press("m")
    page.wait_for_url("**/migrate/")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/hosts/")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("g d ?")
    assert page.input_value("#search") == "g d ?"


def test_the_report_follows_the_choices(site: Site, page: Any) -> None:
    guest = site.run('print(Guest.objects.get(name="idle-01").pk)').splitlines()[-1]
    page.goto(f"{site.url}/vms/{guest}/migrate/")
    page.locator("#report", has_text="Checking on both hosts").wait_for()
    assert page.is_disabled("#go")
    with page.expect_response("**/preflight/"):
        page.click("text=Live with storage")
    site.run("""
from django.utils import timezone
asked = Preflight.objects.filter(kind="live_storage")
asked.update(seen_at=timezone.now(), verdict="unknown", findings=seed.FINDINGS[1:])
""")
    page.locator("#go", has_text="Migrate with 2 unknowns").wait_for()
    assert page.is_enabled("#go")


def test_without_javascript_everything_but_live_works(site: Site, browser: Any, cookies: Callable[[str], Any]) -> None:
    context = browser.new_context(storage_state=cookies("olga"), java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/vms/?q=idle")
    page.click(".cell-menu summary")
    page.click("text=Migrate…")
    page.click("#report button.btn-plain")
    assert "preflight=" in page.url
    assert "Checking on both hosts" in page.inner_text("#report")
    site.run("""
from django.utils import timezone
Preflight.objects.filter(seen_at=None).update(seen_at=timezone.now(), verdict="ok", findings=seed.FINDINGS[4:])
""")
    page.click("text=Look again")
    assert page.inner_text("#go") == "Migrate idle-01 to kvm-a"
    context.close()
