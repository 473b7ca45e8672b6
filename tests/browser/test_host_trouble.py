"""libvirtd is killed on a host: pages name the cause and the command, and keep libvirt's own text behind Details."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from lab import Lab
from tests.browser.conftest import Open
from tests.lab.serving import Serving

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_libvirtd_that_is_not_running(fresh: Serving, lab: Lab, sign_in: Open) -> None:
    host = lab.hosts["kvm-b"]
    page = sign_in("anna")
    host.kill_daemon("libvirtd")
    try:
        page.goto(f"{fresh.url}/hosts/add/")
        page.fill("input[name=address]", host.address)
        page.fill("input[name=user]", "root")
        page.get_by_role("button", name="Test connection").click()
        tried = page.locator("#introduction")
        expect(tried).to_contain_text(f"{host.address} was reached, but libvirtd is not running there.")
        expect(tried).to_contain_text(f"On {host.address}: sudo systemctl enable --now libvirtd")
        raw = tried.locator("details p")
        expect(raw).to_be_hidden()
        tried.get_by_text("Details", exact=True).click()
        expect(raw).to_contain_text("refused")

        page.goto(f"{fresh.url}/hosts/")
        page.get_by_role("link", name="kvm-b", exact=True).click()
        expect(page.locator(".page-head")).to_contain_text("Not reachable")
        # First the lost connection is told; the cause is known with the next attempt, up to 10 s later.
        remedy = "sudo systemctl enable --now libvirtd-tcp.socket"
        expect(page.locator("#live > .notice")).to_contain_text(remedy)
    finally:
        host.start_daemon("libvirtd")
    expect(page.locator(".page-head")).to_contain_text("Connected")
    expect(page.locator("#live > .notice")).to_have_count(0)
