"""Each migration's page shows its own VM, figures, title and graph from start to end, whatever else migrates."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.pages.conftest import Site, log_in, seeded
from tests.browser.pages.test_live_page import PUSH
from tests.browser.polling import wait_until
from tests.patience import PATIENCE

pytestmark = pytest.mark.browser

#: what each VM's numbers begin at, in MiB/s: no two ranges of ten overlap, so every figure tells whose it is
BASES = {"db-01": 100, "app-01": 200, "idle-01": 300, "web-01": 400, "build-07": 500}
#: everything that stands on the page at any time, and what the graph is drawn from
RECORD = """
window.seen = {titles: [], texts: [], percents: [], plots: []};
const note = (list, value) => { if (value !== undefined && list.at(-1) !== value) list.push(value); };
const look = () => {
  note(seen.titles, document.title);
  const parts = document.querySelectorAll("#main .page-head, #main .panel:not(#beside)");
  note(seen.texts, [...parts].map((part) => part.textContent).join(" "));
  note(seen.percents, document.querySelector(".route .percent")?.textContent);
};
document.addEventListener("DOMContentLoaded", () => {
  look();
  new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
});
let real;
Object.defineProperty(window, "uPlot", {
  configurable: true,
  set: (made) => {
    real = new Proxy(made, {construct: (target, args) => {
      const plot = new target(...args);
      seen.plots.push(plot);
      return plot;
    }});
  },
  get: () => real,
});
"""
#: the worker's own ledger writes, two workers in turns; then the queued one has its turn
WORKERS = f"""
import time
from kvmweb.journal.models import Entry, EntryKind
from kvmweb.journal.writer import migration_topic, write
from migrations_app.domain.lifecycle import IN_FLIGHT, State
from migrations_app import ledger

BASES = {BASES}
pk_of = dict(Migration.objects.filter(guest_name__in=BASES).values_list("guest_name", "pk"))

def numbers(name, percent):
    rate = BASES[name] * 1024**2
    return seed.progress_of(percent, rate_bps=rate + percent % 10 * 1024**2, dirty_bps=rate, eta_low_ms=None, eta_high_ms=None)

def tick(held, name, percent):
    ledger.tick(held, numbers(name, percent))
    time.sleep(0.12)

def claim(name, *states):
    return ledger.claim(pk_of[name], states=states or IN_FLIGHT)
"""
PREPARED = """
a, b = Host.objects.get(name="kvm-a"), Host.objects.get(name="kvm-b")
seed.make_migration(seed.make_guest("app-01", b), b, a, State.COPYING_MEMORY)
pk_of["app-01"] = Migration.objects.get(guest_name="app-01").pk
waits = "Waiting: kvm-a sends one VM already."
Migration.objects.filter(guest_name="db-01").update(state_text=waits)
Entry.objects.filter(text__startswith="Waiting for a free slot").update(text=waits)
Entry.objects.filter(kind=EntryKind.PROGRESS).delete()
for name, percent in (("web-01", 9), ("app-01", 9), ("idle-01", 100), ("build-07", 41)):
    Migration.objects.filter(guest_name=name).update(progress=numbers(name, percent))
    for step in range(5):
        write(migration_topic(pk_of[name]), EntryKind.PROGRESS, body=numbers(name, step))
import json
print(json.dumps(pk_of))
"""
STORY = """
web, app = claim("web-01"), claim("app-01")
for percent in range(10, 46, 3):
    tick(web, "web-01", percent)
    tick(app, "app-01", percent + 1)
ledger.note(web, "web-01 writes a lot.")
ledger.note(app, "app-01 writes little.")
ledger.change_state(web, State.COPYING_MEMORY, State.SWITCHING_OVER, "web-01 is paused for a moment.")
ledger.update(app, state_text="app-01 runs on kvm-b while libvirt copies it to kvm-a.")
ledger.change_state(web, State.SWITCHING_OVER, State.VERIFYING, "web-01 has arrived.")
ledger.change_state(web, State.VERIFYING, State.DONE, "web-01 runs on kvm-b.", progress=numbers("web-01", 100), downtime_ms=77)
db = claim("db-01", State.QUEUED)
ledger.change_state(db, State.QUEUED, State.CHECKING)
ledger.change_state(db, State.CHECKING, State.STARTING, call_made=True)
ledger.change_state(db, State.STARTING, State.COPYING_MEMORY, "db-01 runs on kvm-a while libvirt copies it to kvm-b.")
for percent in range(46, 90, 4):
    tick(db, "db-01", percent - 40)
    tick(app, "app-01", percent + 1)
ledger.change_state(app, State.COPYING_MEMORY, State.FAILED, "app-01 runs on kvm-b.", error={"cause": "The link was cut."})
for percent in range(50, 60, 3):
    tick(db, "db-01", percent)
"""


@pytest.fixture
def busy(tmp_path: Any, free_port: Callable[[], int]) -> Iterator[Site]:
    yield from seeded(tmp_path, free_port())


@pytest.fixture
def open_page(busy: Site, browser: Any) -> Iterator[Callable[[str], Any]]:
    first = browser.new_context()
    log_in(first.new_page(), busy.url, "olga")
    contexts = [first]

    def opened(address: str) -> Any:
        context = browser.new_context(storage_state=first.storage_state())
        context.add_init_script(RECORD)
        contexts.append(context)
        page = context.new_page()
        page.goto(busy.url + address)
        page.locator("#stale:not(.is-on)").wait_for(state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()


def settled(page: Any, title: str) -> Any:
    """What the page showed from its first moment to the end, when it had this title and nothing came any more."""
    wait_until(page, "title => document.title === title", title)
    page.wait_for_timeout(1000)
    plots = 'plots: seen.plots.filter((plot) => plot.series[1].label === "Rate").map((plot) => plot.data)'
    return json.loads(page.evaluate(f"JSON.stringify({{...seen, {plots}}})"))


def percents(seen: Any) -> list[int]:
    return [int(re.sub(r"\D", "", text) or 0) for text in seen["percents"]]


def test_five_open_pages_show_each_its_own(busy: Site, open_page: Callable[[str], Any]) -> None:
    numbers = json.loads(busy.run(WORKERS + PREPARED).splitlines()[-1])
    pages = {name: open_page(f"/migrations/{numbers[name]}/") for name in BASES}
    dashboard, drawer = open_page("/"), open_page("/migrations/")
    busy.run(WORKERS + STORY)
    last = {
        "web-01": "Done: web-01 → kvm-b – kvmweb",
        "app-01": "Failed: app-01 → kvm-a – kvmweb",
        "db-01": "59 % db-01 → kvm-b – kvmweb",
    }
    found = {name: settled(page, last.get(name) or page.title()) for name, page in pages.items()}
    for name, seen in found.items():
        others = [other for other in BASES if other != name]
        for title in seen["titles"]:
            assert name in title
        for text in (*seen["titles"], *seen["texts"]):
            assert not [other for other in others if other in text], (name, text)
        rates = [float(rate) for text in seen["texts"] for rate in re.findall(r"([\d.]+) MiB/s", text)]
        drawn = [value for plot in seen["plots"] for column in plot[1:] for value in column if value is not None]
        assert drawn
        for value in (*rates, *drawn):
            assert BASES[name] <= value < BASES[name] + 10, (name, value)
        assert all(before <= after for before, after in pairwise(percents(seen))), (name, seen["percents"])
    titles = {name: seen["titles"] for name, seen in found.items()}
    assert len(titles["idle-01"]) == len(titles["build-07"]) == 1  # what has ended stays as it is
    assert (percents(found["idle-01"]), percents(found["build-07"])) == ([100], [41])
    assert titles["db-01"][0].startswith("Queued")
    for name, title in last.items():
        assert titles[name][-1] == title
    for name in ("web-01", "app-01", "db-01"):
        assert len(found[name]["percents"]) > 5, name  # it was alive all the time
    # lists and the drawer still show the numbers of each
    for page, place in ((dashboard, "row"), (drawer, "drawer")):
        page.locator(f"#migration-{numbers['db-01']}-{place}_percent", has_text="59 %").wait_for(state="attached")
        assert page.locator(f"#migration-{numbers['app-01']}-{place}_percent").count() == 0


def test_what_comes_late_turns_nothing_back(busy: Site, open_page: Callable[[str], Any]) -> None:
    """A page that is read again is overtaken by pushes; and a push that was delayed comes after the end."""
    numbers = json.loads(busy.run(WORKERS + PREPARED).splitlines()[-1])
    address = f"/migrations/{numbers['web-01']}/"
    page = open_page("/")
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda text: frames.append(text)))
    page.goto(busy.url + address)
    page.locator(".route .percent", has_text="9 %").wait_for()
    page.wait_for_load_state("networkidle")  # it has read again what happened while it opened
    held: list[Any] = []

    def hold(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route(f"**{address}", hold)
    busy.run(
        f'{WORKERS}web = claim("web-01")\ntick(web, "web-01", 20)\nfrom kvmweb.journal import writer\nwriter.signal(writer.MIGRATIONS)'
    )
    until = time.monotonic() + PATIENCE
    while not held and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert len(held) == 1
    busy.run(f'{WORKERS}web = claim("web-01")\ntick(web, "web-01", 88)')
    page.locator(".route .percent", has_text="88 %").wait_for()
    route, old = held[0]
    assert "20 %" in old.text()
    route.fulfill(response=old)
    page.wait_for_timeout(1000)  # the old page has come
    assert page.title().startswith("88 % web-01")
    busy.run(f"""{WORKERS}
web = claim("web-01")
ledger.change_state(web, State.COPYING_MEMORY, State.VERIFYING, "web-01 has arrived.")
ledger.change_state(web, State.VERIFYING, State.DONE, "web-01 runs on kvm-b.", progress=numbers("web-01", 100))
""")
    page.locator(".outcome .sentence", has_text="web-01 runs on kvm-b.").wait_for()
    pushes = [frame for frame in frames if "88 %" in frame]
    assert pushes
    page.evaluate(PUSH, pushes[-1])
    seen = settled(page, "Done: web-01 → kvm-b – kvmweb")
    assert page.title().startswith("Done: web-01")
    assert all(before <= after for before, after in pairwise(percents(seen))), seen["percents"]
    assert percents(seen)[-1] == 100
    assert [title.split()[0] for title in seen["titles"] if "%" in title] == ["9", "20", "88"]
