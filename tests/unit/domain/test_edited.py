"""What counts as a change of the definition that a migration was checked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts.facts import domain_xml
from migrations_app.domain.definition.edited import edited

DATA = Path(__file__).parents[2] / "data"
BEFORE = (DATA / "domain-inactive.xml").read_text()
EFI = "<os firmware='efi'>"
DEVICE = """<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>
</source></hostdev>"""


def changed(*pairs: tuple[str, str], before: str = BEFORE) -> tuple[str, ...]:
    now = before
    for old, new in pairs:
        assert old in now
        now = now.replace(old, new, 1)
    return edited(domain_xml.parse(before), domain_xml.parse(now))


@pytest.mark.parametrize("path", sorted(DATA.glob("**/*.inactive.xml")), ids=lambda path: path.name)
def test_a_definition_is_not_changed_by_itself(path: Path) -> None:
    guest = domain_xml.parse(path.read_text())
    assert edited(guest, guest) == ()


def uefi() -> str:
    return BEFORE.replace("<os>", EFI, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("98304</memory>", "1024</memory>"),
        ("cache='none'", "cache='unsafe'"),
        ("<target dev='vda' bus='virtio'/>", "<backingStore/><target dev='vda' bus='virtio'/><alias name='x'/>"),
        ("bus='0x02' slot='0x00'", "bus='0x04' slot='0x00'"),
        ("</os>", "<loader readonly='yes' type='pflash'>/x</loader></os>"),
        ("</os>", "<nvram template='/t'>/var/lib/libvirt/qemu/nvram/NAME_VARS.fd</nvram></os>"),
    ],
)
def test_what_libvirt_writes_by_itself_is_none(old: str, new: str) -> None:
    new = new.replace("NAME", domain_xml.parse(BEFORE).name)
    assert changed((old, new), before=uefi()) == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("dev='vda'", "dev='vdz'", ("disk vda", "disk vdz")),
        ("type='qcow2'", "type='raw'", ("disk vda",)),
        ("</devices>", f"{DEVICE}</devices>", ("host devices",)),
        ("<os>", EFI, ("firmware",)),
        ("</os>", "<loader readonly='yes' type='pflash'>/x</loader></os>", ("firmware",)),
        (
            "</devices>",
            "<disk type='file' device='disk'><source file='/new'/><target dev='vdy'/></disk></devices>",
            ("disk vdy",),
        ),
    ],
)
def test_what_a_person_changes(old: str, new: str, told: tuple[str, ...]) -> None:
    assert changed((old, new)) == told


def test_another_file() -> None:
    path = domain_xml.parse(BEFORE).disks[0].path
    assert changed((path, "/elsewhere.qcow2")) == ("disk vda",)


def test_other_variables() -> None:
    before = BEFORE.replace("</os>", "<loader type='pflash'>/x</loader><nvram>/a.fd</nvram></os>")
    assert changed(("/a.fd", "/b.fd"), before=before) == ("firmware",)
