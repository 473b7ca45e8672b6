"""What of a VM's definition is in the record that people download."""

from __future__ import annotations

import pytest

from migrations_app.domain.definition.shown import shown

QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
SECRET = "s3cret"


@pytest.mark.parametrize(
    "part",
    [
        f"<devices><graphics type='vnc' passwd='{SECRET}'/></devices>",
        f"<devices><disk><source protocol='https' query='token={SECRET}'/></disk></devices>",
        f"<devices><disk><source><cookies><cookie name='a'>{SECRET}</cookie></cookies></source></disk></devices>",
        f"<metadata><app:x xmlns:app='urn:x' key='{SECRET}'>{SECRET}</app:x></metadata>",
        f"<sysinfo type='smbios'><bios><entry name='serial'>{SECRET}</entry></bios></sysinfo>",
        f"<os><cmdline>key={SECRET}</cmdline></os>",
        f"<os><initenv name='KEY'>{SECRET}</initenv></os>",
        f"<qemu:commandline><qemu:arg value='{SECRET}'/></qemu:commandline>",
        f"<launchSecurity type='sev'><session>{SECRET}</session></launchSecurity>",
    ],
)
def test_secrets_are_hidden_and_the_rest_stays(part: str) -> None:
    text = shown(f"<domain {QEMU}><name>web-01</name>{part}<vcpu>2</vcpu></domain>")
    assert SECRET not in text
    assert "hidden" in text
    assert "<name>web-01</name>" in text
    assert "<vcpu>2</vcpu>" in text


@pytest.mark.parametrize("text", ["", "<domain", "<network/>", "<!DOCTYPE domain><domain/>"])
def test_what_cannot_be_read_is_not_shown(text: str) -> None:
    assert shown(text) == ""
