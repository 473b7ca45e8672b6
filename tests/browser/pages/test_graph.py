"""The graphs of a migration: no line without samples, a legend with values, one time axis, orders and decisions as marks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.pages.conftest import Site
from tests.browser.polling import wait_until

pytestmark = pytest.mark.browser

KEEP_PLOTS = """
window.plots = {};
let real;
Object.defineProperty(window, "uPlot", {
  configurable: true,
  set: (made) => {
    real = new Proxy(made, {construct: (target, args) => (plots[args[2].dataset.plot] = new target(...args))});
  },
  get: () => real,
});
"""
#: a sample each second for 10 s, none for 20 s, then ten more; the dirty rate is known in the last five only
SAMPLES = """
from datetime import timedelta
from django.utils import timezone
from kvmweb.journal.models import Entry, EntryKind
pk = Migration.objects.filter(state="done").values_list("pk", flat=True)[0]
topic = f"migration:{pk}"
Entry.objects.filter(topic=topic, kind=EntryKind.PROGRESS).delete()
now = timezone.now()
for second in [*range(10), *range(30, 40)]:
    body = {
        "rate_bps": (second + 1) * 1024**2,
        "dirty_bps": 2 * 1024**2 if second >= 35 else None,
        "iteration": 1 + second // 10,
        "pass_remaining_bytes": 90 * 1024**2 // (second // 10) if second >= 10 else None,
    }
    entry = Entry.objects.create(topic=topic, kind=EntryKind.PROGRESS, body=body)
    Entry.objects.filter(pk=entry.pk).update(created=now + timedelta(seconds=second - 40))
print(pk)
"""


def test_a_gap_breaks_every_line_and_the_legend_has_values(
    site: Site, browser: Any, cookies: Callable[[str], Any]
) -> None:
    pk = site.run(SAMPLES)
    context = browser.new_context(storage_state=cookies("vera"))
    try:
        page = context.new_page()
        page.add_init_script(KEEP_PLOTS)
        page.goto(f"{site.url}/migrations/{pk}/")
        wait_until(page, "window.plots.rates?.data[0].length > 0")
        _, rates, dirty = page.evaluate("plots.rates.data.map((column) => [...column])")
        assert rates[8:13] == [9, 10, None, 31, 32]
        assert dirty[:16] == [None] * 16
        assert dirty[16:] == [2] * 5
        assert page.evaluate("plots.rates.series.slice(1).some((line) => line.spanGaps)") is False
        values = page.locator("#graph .u-legend .u-series:not(:first-child) .u-value")
        wait_until(page, "document.querySelector('#graph .u-legend').textContent.includes('40.0 MiB/s')")
        assert values.all_inner_texts() == ["40.0 MiB/s", "2.0 MiB/s", "30.0 MiB when pass 4 began"]
        assert page.locator("[data-plot=downtime]").is_hidden()  # nothing of it was measured
        page.locator("#graph").focus()
        page.keyboard.press("ArrowLeft")
        wait_until(page, "document.querySelector('#graph .u-legend').textContent.includes('39.0 MiB/s')")
    finally:
        context.close()


#: what the worker writes in one tick, and a decision of the policy
TICK = """
from django.utils import timezone
from migrations_app import ledger
from migrations_app.domain.lifecycle import IN_FLIGHT
pk = Migration.objects.get(guest_name="web-01").pk
held = ledger.claim(pk, states=IN_FLIGHT)
ledger.tick(held, seed.progress_of(70, iteration=5, pass_remaining_bytes=8 * 1024**2, needed_downtime_ms=20))
"""
DECIDE = """
Migration.objects.get(pk=pk).decisions.create(
    at=timezone.now(), action="raise", downtime_ms=700, text="gentle allows 700 ms of downtime.", applied=True
)
ledger.note(held, "gentle allows 700 ms of downtime.")
"""
EDGES = "all => all.map(one => ({x: [one.getBoundingClientRect().left, one.getBoundingClientRect().right].join()}))"


def test_what_happens_is_drawn_while_it_happens(site: Site, browser: Any, cookies: Callable[[str], Any]) -> None:
    pk = site.run('print(Migration.objects.get(guest_name="web-01").pk)').splitlines()[-1]
    context = browser.new_context(storage_state=cookies("vera"))
    try:
        page = context.new_page()
        page.add_init_script(KEEP_PLOTS)
        page.goto(f"{site.url}/migrations/{pk}/")
        page.locator("#stale:not(.is-on)").wait_for(state="attached")
        wait_until(page, "window.plots.downtime?.data[0].length > 0")
        before = page.evaluate("Object.values(plots).map((plot) => plot.data[0].length)")
        assert len(set(before)) == 1
        assert len({box["x"] for box in page.locator("#graph .u-over").evaluate_all(EDGES)}) == 1
        site.run(TICK + DECIDE)
        wait_until(page, "plots.passes.data[1].at(-1) === 8")
        assert page.evaluate("plots.downtime.data[2].at(-1)") == 20
        after = page.evaluate("Object.values(plots).map((plot) => plot.data[0].length)")
        assert len(set(after)) == 1
        assert after > before
        page.locator("#graph").scroll_into_view_if_needed()
        wait_until(page, "document.querySelector('[data-label=\"700 ms\"]') !== null")
        page.locator("#graph").focus()
        page.keyboard.press("ArrowRight")
        page.locator(".pointed", has_text="gentle allows 700 ms of downtime.").wait_for()
    finally:
        context.close()


def test_a_graph_that_is_still_wide_does_not_make_a_narrow_page_wide(
    site: Site, browser: Any, cookies: Callable[[str], Any]
) -> None:
    """A graph is drawn again after the page became narrower: here it never is."""
    pk = site.run(SAMPLES)
    context = browser.new_context(storage_state=cookies("vera"), viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.add_init_script("window.ResizeObserver = class { observe() {} disconnect() {} };" + KEEP_PLOTS)
        page.goto(f"{site.url}/migrations/{pk}/")
        wait_until(page, "window.plots.rates?.data[0].length > 0")
        drawn = page.evaluate("plots.rates.width")
        page.set_viewport_size({"width": 390, "height": 900})
        assert page.evaluate("plots.rates.width") == drawn > 390
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    finally:
        context.close()
