"""Waiting for a value in the page. Playwright's own `wait_for_function` evaluates its text in the page for every look
but the first, and the page's content security policy refuses that."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

from tests.patience import PATIENCE


def wait_until(page: Page, expression: str, arg: Any = None, *, timeout_ms: float = 1_000 * PATIENCE) -> None:
    """Returns when the JavaScript `expression` (or function of `arg`) is truthy; AssertionError after `timeout_ms`."""
    end = time.monotonic() + timeout_ms / 1000
    while not page.evaluate(expression, arg):
        assert time.monotonic() < end, f"not within {timeout_ms:.0f} ms: {expression}"
        page.wait_for_timeout(50)
