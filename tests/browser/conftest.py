"""Debian's Chromium, spoken to through Playwright; the lab and kvmweb are those of the lab tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.lab.conftest import fresh, kvmweb  # noqa: F401  the fixtures
from tests.lab.serving import Serving
from tests.patience import PATIENCE

# Playwright keeps an event loop in this thread; Django's guard against blocking calls in one does not apply to tests
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
expect.set_options(timeout=1_000 * PATIENCE)
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(QUIET))
        yield chromium
        chromium.close()


Open = Callable[..., Page]


@pytest.fixture
def sign_in(browser: Browser, kvmweb: Serving) -> Iterator[Open]:  # noqa: F811
    """`sign_in("olga", width=390, dark=True, javascript=False)` gives a page at the dashboard."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(name: str = "olga", *, width: int = 1280, dark: bool = False, javascript: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 850},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{kvmweb.url}/")
        page.fill("input[name=login]", name)
        page.fill("input[name=password]", f"{name}-password-1")
        page.click(
            "main button[type=submit]" if page.locator("main button[type=submit]").count() else "button[type=submit]"
        )
        page.wait_for_url(f"{kvmweb.url}/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    # also what the content security policy stopped; a page that is left ends its requests, and htmx tells that too
    expected = ("WebSocket", "status of 4", "htmx:sendError", "htmx:sendAbort", "htmx:afterRequest")
    assert [text for text in complaints if not any(one in text for one in expected)] == []


def text_of(page: Page, selector: str) -> Any:
    return page.locator(selector).first.inner_text()
