"""Every method but Live, which has tests of its own, chosen and followed in a browser on real hosts."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page, expect

from lab import Lab, TickReceiver
from lab.guests import POOLS
from tests.browser.conftest import Open
from tests.lab.discs import ISO, in_drive, with_disc
from tests.lab.fake_device import UUID, faked, give
from tests.lab.serving import Serving
from tests.lab.test_what_travels import part

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def at_home(fresh: Serving, lab: Lab) -> Iterator[Serving]:
    """`fresh` for the next tests too: a disk that went to another pool stays there otherwise."""
    yield fresh
    lab.reset()


@pytest.fixture
def ticks(lab: Lab) -> Iterator[TickReceiver]:
    with TickReceiver(*lab.ticks_address) as heard:
        yield heard


def choose(page: Page, serving: Serving, name: str, kind: str) -> None:
    page.goto(f"{serving.url}/vms/{serving.guest(name)['uuid']}/migrate/")
    page.locator(f"[name=kind][value={kind}]").check()


def start(page: Page) -> None:
    """Once the check has found nothing against it; "Migrate with 1 unknown" is what it may say."""
    button = page.get_by_role("button", name=re.compile("^Migrate "))
    expect(button).to_be_enabled()
    button.click()
    page.wait_for_url(re.compile(r"/migrations/\d+/$"))


def ends(page: Page, sentence: str) -> None:
    expect(page.locator(".outcome .sentence")).to_contain_text(sentence, timeout=120_000)
    expect(page).to_have_title(re.compile("[Dd]one"))


def shots(name: str, page: Page) -> None:
    """Nothing is wider than the window. To look at, where BROWSER_SHOTS says."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 850})
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        if folder := os.environ.get("BROWSER_SHOTS"):
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                page.screenshot(path=f"{folder}/{name}-{width}-{theme}.png", full_page=True)


def test_suspended_on_shared_storage(at_home: Serving, lab: Lab, sign_in: Open) -> None:
    page = sign_in("olga")
    choose(page, at_home, "web-01", "suspended")
    start(page)
    ends(page, "web-01 runs on kvm-b")
    assert lab.hosts["kvm-b"].virsh("domstate", "web-01").strip() == "running"


def test_offline_and_started_there(at_home: Serving, lab: Lab, sign_in: Open) -> None:
    page = sign_in("olga")
    lab.hosts["kvm-a"].virsh("destroy", "web-01")
    at_home.wait_for_guest("web-01", "kvm-a", "shut off")
    choose(page, at_home, "web-01", "offline")
    page.get_by_text("Options", exact=True).click()
    page.locator("[name=start_after]").check()
    start(page)
    ends(page, "web-01 runs on kvm-b")
    assert lab.hosts["kvm-b"].virsh("domstate", "web-01").strip() == "running"


def test_offline_with_storage_and_started_there(at_home: Serving, lab: Lab, sign_in: Open) -> None:
    page = sign_in("olga")
    lab.hosts["kvm-a"].virsh("destroy", "build-01")
    at_home.wait_for_guest("build-01", "kvm-a", "shut off")
    choose(page, at_home, "build-01", "offline_storage")
    page.get_by_text("Options", exact=True).click()
    page.locator("[name=start_after]").check()
    start(page)
    ends(page, "build-01 runs on kvm-b")
    assert lab.hosts["kvm-b"].virsh("domstate", "build-01").strip() == "running"


@pytest.fixture
def cannot_start(at_home: Serving, lab: Lab) -> Iterator[None]:
    """build-01 is off, and has a NIC on a network that only kvm-b has."""
    a, b = lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    network = "<network><name>side</name><forward mode='bridge'/><bridge name='br1'/></network>"
    b.exec("virsh", "-q", "net-create", "/dev/stdin", stdin=network)
    a.virsh("destroy", "build-01")
    domain = ElementTree.fromstring(a.virsh("dumpxml", "build-01", "--inactive"))
    nic = part(domain, "devices/interface")
    nic.set("type", "network")
    part(nic, "source").attrib = {"network": "side"}
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    at_home.wait_for_guest("build-01", "kvm-a", "shut off")
    yield
    b.virsh("net-destroy", "side")


def test_offline_with_storage_through_kvmweb(at_home: Serving, lab: Lab, sign_in: Open, cannot_start: None) -> None:
    """The check says it before, the page while it is copied and afterwards."""
    page = sign_in("olga")
    choose(page, at_home, "build-01", "offline_storage")
    page.get_by_text("Options", exact=True).click()
    page.locator("[name=disk_bandwidth_mib]").fill("1")
    finding = page.locator(".finding", has_text="kvm-a cannot start build-01")
    expect(finding).to_contain_text("kvm-a has no network side, which build-01 uses. Their data passes through kvmweb")
    shots("streamed-check", page)
    start(page)
    expect(page.locator(".sentence")).to_contain_text("Its disks are copied to kvm-b through kvmweb.")
    expect(page.locator(".explain").first).to_contain_text("libvirt on kvm-a could not start it paused")
    expect(page.locator("#live")).to_contain_text(re.compile(r"[1-9]\d* %"))
    shots("streamed", page)
    ends(page, "build-01 is shut off on kvm-b")
    expect(page.locator(".facts-list")).to_contain_text("Through kvmweb. libvirt on kvm-a could not start it paused")
    shots("streamed-end", page)
    assert lab.hosts["kvm-b"].virsh("domstate", "build-01").strip() == "shut off"


def test_live_with_storage_under_another_name(at_home: Serving, lab: Lab, sign_in: Open) -> None:
    page = sign_in("olga")
    choose(page, at_home, "build-01", "live_storage")
    page.get_by_text("Options", exact=True).click()
    page.locator("[name=new_name]").fill("build-02")
    start(page)
    ends(page, "runs on kvm-b")
    assert lab.hosts["kvm-b"].virsh("domstate", "build-02").strip() == "running"
    at_home.wait_for_guest("build-02", "kvm-b")
    page.goto(f"{at_home.url}/vms/{at_home.guest('build-02')['uuid']}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("build-02")


@pytest.mark.parametrize("runs", [True, False], ids=["running", "shut off"])
def test_storage(runs: bool, at_home: Serving, lab: Lab, sign_in: Open) -> None:
    page, a = sign_in("olga"), lab.hosts["kvm-a"]
    if not runs:
        a.virsh("destroy", "build-01")
        at_home.wait_for_guest("build-01", "kvm-a", "shut off")
    page.goto(f"{at_home.url}/vms/{at_home.guest('build-01')['uuid']}/")
    page.get_by_role("link", name="Migrate storage").click()
    page.get_by_label("Pool", exact=True).select_option("fast")
    start(page)
    ends(page, "with disk vda at its new place")
    assert f"{POOLS['fast']}/build-01.qcow2" in a.virsh("domblklist", "build-01")
    assert a.virsh("domstate", "build-01").strip() == ("running" if runs else "shut off")


def test_a_cd_is_ejected_with_consent_and_inserted_again(at_home: Serving, lab: Lab, sign_in: Open) -> None:
    b = lab.hosts["kvm-b"]
    with with_disc(at_home, lab):
        page = sign_in("olga")
        choose(page, at_home, "cd-01", "live")
        finding = page.locator(".finding", has_text="Disk sda of cd-01")
        expect(finding).to_contain_text(
            "Let kvmweb eject it for the migration: cd-01 cannot read it until it is inserted"
        )
        expect(page.get_by_role("button", name="Migrate cd-01")).to_be_disabled()
        finding.get_by_role("button", name="Choose “Eject CDs that the destination lacks”").click()
        box = page.locator("label", has=page.locator("[name=eject]"))
        expect(box.locator("input")).to_be_checked()
        expect(box).to_contain_text("The VM cannot read them meanwhile")
        expect(page.locator("#report")).to_contain_text(f"kvmweb ejects {ISO} from drive sda of cd-01")
        b.exec("truncate", "-s", "1M", ISO)  # its pool has not seen it yet
        start(page)
        ends(page, "cd-01 runs on kvm-b")
        part = page.locator("section", has=page.get_by_role("heading", name="Taken out for the migration"))
        expect(part).to_contain_text(f"CD {ISO} in drive sda")
        expect(part).to_contain_text("Inserted again on kvm-b")
        assert in_drive(b) == ISO


def test_a_vm_with_a_device_is_shut_down_migrated_and_started(
    at_home: Serving, lab: Lab, sign_in: Open, ticks: TickReceiver
) -> None:
    page, a, b = sign_in("olga"), lab.hosts["kvm-a"], lab.hosts["kvm-b"]
    with faked([a, b]):
        give(a, "web-01")
        assert ticks.wait_for("web-01", since=time.monotonic(), timeout=40)  # it has booted, and watches its button
        choose(page, at_home, "web-01", "live")
        report = page.locator("#report")
        expect(report).to_contain_text(f"web-01 uses MDEV device {UUID} of kvm-a, which cannot be migrated.")
        expect(page.locator("#go")).to_be_disabled()
        report.get_by_role("button", name="Use Stop, migrate, start").click()
        expect(page.locator("input[name=kind][value=stop_move_start]")).to_be_checked()
        expect(report).to_contain_text("Expected interruption")
        expect(report).not_to_contain_text("cannot be migrated")
        go = page.get_by_role("button", name=re.compile("^Migrate "))
        expect(go).to_be_enabled()
        go.click()
        expect(page.locator("main")).to_contain_text("web-01 is shut down on kvm-a and started on kvm-b.")
        assert a.domain_state("web-01") == "running"
        page.get_by_label("Type the VM's name to confirm its interruption").fill("web-01")
        start(page)
        expect(page.locator("#steps")).to_contain_text("Shut down")
        ends(page, "web-01 runs on kvm-b")
        measured = page.locator("dt:text-is('Interruption') + dd")
        expect(measured).to_contain_text(re.compile(r"^\d+(\.\d)? s.*; it was off for .*expected"))
        assert ticks.wait_for("web-01", since=time.monotonic(), timeout=40)
        assert f"uuid='{UUID}'" in b.virsh("dumpxml", "web-01")
