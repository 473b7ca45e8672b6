"""The graph of a migration: no line without samples, and a legend with values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.pages.conftest import Site
from tests.browser.polling import wait_until

pytestmark = pytest.mark.browser

KEEP_PLOT = """
let real;
Object.defineProperty(window, "uPlot", {
  configurable: true,
  set: (made) => {
    real = new Proxy(made, {construct: (target, args) => (window.plot = new target(...args))});
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
    body = {"rate_bps": (second + 1) * 1024**2, "dirty_bps": 2 * 1024**2 if second >= 35 else None}
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
        page.add_init_script(KEEP_PLOT)
        page.goto(f"{site.url}/migrations/{pk}/")
        wait_until(page, "window.plot?.data[0].length > 0")
        _, rates, dirty = page.evaluate("plot.data.map((column) => [...column])")
        assert rates[8:13] == [9, 10, None, 31, 32]
        assert dirty[:16] == [None] * 16
        assert dirty[16:] == [2] * 5
        assert page.evaluate("plot.series.slice(1).some((line) => line.spanGaps)") is False
        values = page.locator("#graph .u-legend .u-series:not(:first-child) .u-value")
        wait_until(page, "document.querySelector('#graph .u-legend').textContent.includes('40.0 MiB/s')")
        assert values.all_inner_texts() == ["40.0 MiB/s", "2.0 MiB/s"]
        page.locator("#graph").focus()
        page.keyboard.press("ArrowLeft")
        wait_until(page, "document.querySelector('#graph .u-legend').textContent.includes('39.0 MiB/s')")
    finally:
        context.close()
