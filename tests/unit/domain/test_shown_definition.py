"""What of a VM's definition is in the record that people download."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrations_app.domain.definition.schema import schema
from migrations_app.domain.definition.secret import hides
from migrations_app.domain.definition.shown import shown
from migrations_app.domain.preflight.catalog import run_all
from tests.data import read
from tests.unit.domain.destinations import equal

QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
XEN = "xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'"
SECRET = "s3cret"
CASES: list[dict[str, Any]] = json.loads(read("definitions.json"))
#: free text that is no secret: names, paths and addresses
PLACES = """
    address baselabel bootloader certificate channel dev dir display fdgroup group_name hash host imagelabel key
    keymap label lockspace master mode model name network parent path port runtimeDir service shim slave
    tlsHostname usage username vendor xauth
"""
PARTS = (
    f"<devices><graphics type='vnc' passwd='{SECRET}'/></devices>",
    f"<devices><disk><source protocol='https' query='token={SECRET}'/></disk></devices>",
    f"<devices><disk><source><cookies><cookie name='a'>{SECRET}</cookie></cookies></source></disk></devices>",
    f"<metadata><app:x xmlns:app='urn:x' key='{SECRET}'>{SECRET}</app:x></metadata>",
    f"<sysinfo type='smbios'><bios><entry name='serial'>{SECRET}</entry></bios></sysinfo>",
    f"<os><cmdline>key={SECRET}</cmdline></os>",
    f"<os><initenv name='KEY'>{SECRET}</initenv></os>",
    f"<qemu:commandline><qemu:arg value='{SECRET}'/></qemu:commandline>",
    f"<launchSecurity type='sev'><session>{SECRET}</session></launchSecurity>",
    f"<launchSecurity type='sev-snp'><hostData>{SECRET}</hostData><idAuth>{SECRET}</idAuth></launchSecurity>",
    f"<description>The root password is {SECRET}.</description>",
    f"<bootloader_args>--password {SECRET}</bootloader_args>",
    f"<xen:commandline {XEN}><xen:arg value='{SECRET}'/></xen:commandline>",
    f"<x:y xmlns:x='urn:x'><name>{SECRET}</name></x:y>",
    f"<devices><disk><source protocol='https' name='/a.iso?token={SECRET}'/></disk></devices>",
    f"<devices><disk><source file='https://me:{SECRET}@192.0.2.1/a.iso'/></disk></devices>",
    f"<devices><disk><privateData><objects><secret data='{SECRET}'/></objects></privateData></disk></devices>",
    f"<qemu:override><qemu:device alias='a'><qemu:frontend><qemu:property name='p' value='{SECRET}'/></qemu:frontend>"
    "</qemu:device></qemu:override>",
)


@pytest.mark.parametrize("part", PARTS)
def test_secrets_are_hidden_and_the_rest_stays(part: str) -> None:
    text = shown(f"<domain {QEMU}><name>web-01</name>{part}<vcpu>2</vcpu></domain>")
    assert SECRET not in text
    assert "hidden" in text
    assert "<name>web-01</name>" in text
    assert "<vcpu>2</vcpu>" in text


@pytest.mark.parametrize("text", ["", "<domain", "<network/>", "<!DOCTYPE domain><domain/>"])
def test_what_cannot_be_read_is_not_shown(text: str) -> None:
    assert shown(text) == ""


@pytest.mark.parametrize("part", [part for part in PARTS if "//" not in part])
def test_no_check_tells_a_secret(part: str) -> None:
    xml = next(case["xml"] for case in CASES if "</domain>" in case["xml"])
    report = run_all(equal(xml.replace("</domain>", f"{part}</domain>").replace("<domain ", f"<domain {QEMU} ", 1)))
    assert report.findings
    assert SECRET not in str(report.findings)


def test_every_place_for_free_text_was_looked_at() -> None:
    """A newer libvirt may bring a place for a secret. Where any text may stand, it is hidden or one of these."""
    free = {path for path, values in schema().items() if not {"*", "~.+"}.isdisjoint(values)}
    names = {path.rsplit("/", 1)[-1].removeprefix("@") for path in free if not hides(path)}
    assert names == set(PLACES.split())
