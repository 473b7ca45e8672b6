"""The form of a host with transport tls: what is wrong with a certificate is said there, for real libvirtds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest
from playwright.sync_api import Page, expect

from lab import Host, Lab
from lab.certificates import of, write_client
from lab.hostfiles import Signed
from tests.browser.conftest import Open
from tests.lab.serving import Serving
from tests.lab.shown_certificate import Show, shown

__all__ = ["shown"]
pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def pki(fresh: Serving) -> Iterator[Path]:
    """kvmweb's files: none at first."""
    folder = fresh.folder / "pki"
    assert not folder.exists()
    yield folder
    rmtree(folder, ignore_errors=True)


def tried(page: Page, serving: Serving, host: Host) -> Page:
    """The page of a new host that was tried by tls."""
    page.goto(f"{serving.url}/hosts/add/")
    page.get_by_label("kvmweb connects by").select_option("tls")
    page.fill("input[name=address]", host.address)
    page.get_by_role("button", name="Test connection").click()
    return page


def test_each_refusal_is_told_with_its_reason(fresh: Serving, lab: Lab, sign_in: Open, pki: Path, shown: Show) -> None:
    a, page = lab.hosts["kvm-a"], sign_in("anna")
    ours, other = of(lab.state), of(lab.state, "other")
    said = tried(page, fresh, a).locator("#introduction")
    expect(said).to_contain_text("kvmweb cannot use its own certificate, so it did not try to connect.")
    said.get_by_text("Details", exact=True).click()
    expect(said.locator("details p")).to_contain_text(f"{pki}/cacert.pem: No such file or directory")

    write_client(ours.issue("kvmweb", days=0), pki)
    tried(page, fresh, a)
    expect(said).to_contain_text("kvmweb's own certificate has expired")

    good, stranger = ours.ensure("kvmweb"), other.ensure("kvmweb")
    write_client(Signed(ca=good.ca + stranger.ca, certificate=stranger.certificate, key=stranger.key), pki)
    tried(page, fresh, a)
    expect(said).to_contain_text(f"{a.address} does not accept kvmweb's certificate.")

    write_client(stranger, pki)
    tried(page, fresh, a)
    expect(said).to_contain_text(f"The certificate of {a.address} is not signed by the CA that kvmweb trusts.")

    write_client(good, pki)
    shown(ours.issue("another-host"))
    tried(page, fresh, a)
    expect(said).to_contain_text(f"The certificate of {a.address} is not for {a.address}.")


def test_a_host_that_is_changed_to_tls_is_connected(fresh: Serving, lab: Lab, sign_in: Open, pki: Path) -> None:
    write_client(of(lab.state).ensure("kvmweb"), pki)
    b, page = lab.hosts["kvm-b"], sign_in("anna")
    expect(tried(page, fresh, b).locator("#introduction")).to_contain_text("libvirt 9.")
    pk = next(host["id"] for host in fresh.items("/hosts") if host["name"] == "kvm-b")
    try:
        page.goto(f"{fresh.url}/hosts/{pk}/edit/")
        page.get_by_label("kvmweb connects by").select_option("tls")
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".page-head")).to_contain_text("Connected")
        expect(page.locator("main")).to_contain_text("tls")
        fresh.wait_for_hosts()
    finally:
        answer = fresh.patch(f"/hosts/{pk}", {"transport": "tcp"}, token=fresh.admin_token)
        assert answer.status == 200, answer.body
        fresh.wait_for_hosts()
