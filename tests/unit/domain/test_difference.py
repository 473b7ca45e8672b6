"""What counts as a difference between two saved definitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts.facts.storage import DiskPlace
from hosts.facts.xml import BadXml
from migrations_app.domain.definition.difference import DEEPEST, HIDDEN, LONGEST, MOST, Difference, differences

DATA = Path(__file__).parents[2] / "data"
BEFORE = (DATA / "domain-inactive.xml").read_text()
DISK = "devices/disk[vda]"


def changed(old: str, new: str) -> tuple[Difference, ...]:
    assert old in BEFORE
    return differences(BEFORE, BEFORE.replace(old, new, 1))


@pytest.mark.parametrize("path", sorted(DATA.glob("ordinary/*.inactive.xml")), ids=lambda path: path.name)
def test_a_definition_does_not_differ_from_itself(path: Path) -> None:
    assert differences(path.read_text(), path.read_text()) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<domain type='qemu'>", "<domain type='qemu' id='7'>"),
        ("<target dev='vda' bus='virtio'/>", "<target dev='vda' bus='virtio'/><alias name='virtio-disk0'/>"),
        ("<target dev='vda' bus='virtio'/>", "<target dev='vda' bus='virtio'/><backingStore/>"),
        ("</devices>", "</devices><seclabel type='dynamic' model='dac' relabel='yes'/>"),
        ("</devices>", "<watchdog model='itco' action='reset'/></devices>"),
        ("</devices>", "<audio id='2' type='none'/></devices>"),
        ("</devices>", "<controller type='pci' index='5' model='pcie-root-port'/></devices>"),
        ("      <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>\n", ""),
        ("<acpi/>\n", "<acpi></acpi>"),
        ("</os>", "<loader readonly='yes' type='pflash'>/x</loader><nvram>/y_VARS.fd</nvram></os>"),
    ],
)
def test_what_libvirt_rewrites_is_none(old: str, new: str) -> None:
    assert changed(old, new) == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("</os>", "<nvram>/y_VARS.qcow2</nvram></os>", Difference("os/nvram", "", "/y_VARS.qcow2")),
        ("98304</memory>", "1024</memory>", Difference("memory", "98304", "1024")),
        ("cache='none'", "cache='unsafe'", Difference(f"{DISK}/driver/@cache", "none", "unsafe")),
        (" cache='none'", "", Difference(f"{DISK}/driver/@cache", "none", "")),
        ("bus='0x02' slot='0x00'", "bus='0x04' slot='0x00'", Difference(f"{DISK}/address/@bus", "0x02", "0x04")),
        ("<audio id='1' type='none'/>", "", Difference("devices/audio[1]", "id=1, type=none", "")),
        (
            "<source bridge='br1'/>",
            "<source bridge='br2'/>",
            Difference("devices/interface[52:54:00:52:87:d2]/source/@bridge", "br1", "br2"),
        ),
        (
            "</devices>",
            "<tpm model='tpm-crb'><backend type='emulator'/></tpm></devices>",
            Difference("devices/tpm", "", "model=tpm-crb, backend type=emulator"),
        ),
        (
            "<target dev='vda' bus='virtio'/>",
            "<target dev='vda' bus='virtio'/><alias name='ua-root'/>",
            Difference(f"{DISK}/alias", "", "name=ua-root"),
        ),
        ("<acpi/>", "<acpi/><apic/>", Difference("features/apic", "", "apic")),
        ("<boot dev='hd'/>", "<boot dev='hd'/><boot dev='network'/>", Difference("os/boot", "", "dev=network")),
    ],
)
def test_anything_else_is_told(old: str, new: str, told: Difference) -> None:
    assert changed(old, new) == (told,)


def test_the_order_counts_for_boot_devices_only() -> None:
    two = BEFORE.replace("<boot dev='hd'/>", "<boot dev='hd'/><boot dev='network'/>")
    assert differences(two, two.replace("'hd'/><boot dev='network'", "'network'/><boot dev='hd'")) == (
        Difference("os/boot/@dev", "hd", "network"),
        Difference("os/boot/@dev", "network", "hd"),
    )
    mouse, keyboard = "<input type='mouse' bus='ps2'/>", "<input type='keyboard' bus='ps2'/>"
    swapped = BEFORE.replace(mouse, "@").replace(keyboard, mouse).replace("@", keyboard)
    assert swapped != BEFORE
    assert differences(BEFORE, swapped) == ()


def test_the_name_that_was_asked_for_is_none_and_another_one_is() -> None:
    renamed = BEFORE.replace("<name>web-01</name>", "<name>web-02</name>")
    assert differences(BEFORE, renamed, name="web-02") == ()
    assert differences(BEFORE, renamed) == (Difference("name", "web-01", "web-02"),)
    assert differences(BEFORE, BEFORE, name="web-02") == (Difference("name", "web-02", "web-01"),)


def test_the_place_that_was_asked_for_is_none_and_another_one_is() -> None:
    place = DiskPlace(path="/fast/new.raw", pool="fast", volume="new.raw", format="raw")
    elsewhere = BEFORE.replace("/var/lib/libvirt/testvms/web-01.qcow2", "/fast/new.raw")
    moved = elsewhere.replace("type='qcow2'", "type='raw'")
    assert differences(BEFORE, moved, places={"vda": place, "vdx": place}) == ()
    assert [one.path for one in differences(BEFORE, moved)] == [f"{DISK}/driver/@type", f"{DISK}/source/@file"]
    assert len(differences(BEFORE, BEFORE, places={"vda": place})) == 2


def test_the_device_of_the_host_is_told_where_its_address_is_gone() -> None:
    source = "<source><address domain='0x0000' bus='0x06' slot='0x12' function='0x5'/></source>"
    hostdev = f"<hostdev mode='subsystem' type='pci'>{source}</hostdev></devices>"
    before = BEFORE.replace("</devices>", hostdev)
    (gone,) = differences(before, before.replace(source, "<source/>"))
    assert gone.path == "devices/hostdev/source/address"


def test_values_of_what_may_hold_secrets_are_not_shown() -> None:
    with_note = "<metadata><app:x xmlns:app='urn:a' token='{}'/></metadata></domain>"
    one, other = (BEFORE.replace("</domain>", with_note.format(token)) for token in ("a1", "b2"))
    (found,) = differences(one, other)
    assert (found.before, found.after) == (HIDDEN, HIDDEN)
    argument = "<qemu:env name='TOKEN' value='a1'/>"
    command = f"<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{argument}</qemu:commandline>"
    given = BEFORE.replace("</domain>", f"{command}</domain>")
    assert differences(given, given.replace("a1", "b2")) == (
        Difference("qemu:commandline/qemu:env/@value", HIDDEN, HIDDEN),
    )
    (no_os,) = differences(BEFORE, BEFORE[: BEFORE.index("<os>")] + BEFORE[BEFORE.index("</os>") + 5 :])
    assert (no_os.path, no_os.after) == ("os", "")
    assert "type machine=" in no_os.before
    assert "quiet" not in no_os.before
    whole = "<disk type='network' device='disk'><source protocol='https' query='token={}'/><target dev='vdq'/></disk>"
    with_query = BEFORE.replace("</devices>", f"{whole.format('a1')}</devices>")
    (gone,) = differences(with_query, BEFORE)
    assert f"query={HIDDEN}" in gone.before
    assert "a1" not in gone.before
    assert differences(with_query, with_query.replace("a1", "b2")) == (
        Difference("devices/disk[vdq]/source/@query", HIDDEN, HIDDEN),
    )
    assert changed("<cmdline>console=ttyS0 quiet</cmdline>", "") == (Difference("os/cmdline", HIDDEN, ""),)


def nested(levels: int, text: str) -> str:
    return f"<domain>{'<a>' * levels}{text}{'</a>' * levels}</domain>"


def test_what_is_told_is_bounded() -> None:
    many = "".join(f"<rng model='virtio'><backend model='random'>/dev/{n}</backend></rng>" for n in range(50))
    found = changed("</devices>", f"{many}</devices>")
    assert len(found) == MOST + 1
    (long,) = changed("quiet</cmdline>", f"quiet</cmdline><dtb>{'x' * 9000}</dtb>")
    assert len(long.after) == LONGEST
    (odd,) = changed("<boot dev='hd'/>", "<boot dev='h\u202ed'/>")
    assert odd.after == "h\ufffdd"
    assert differences(nested(DEEPEST - 1, "1"), nested(DEEPEST - 1, "2"))[0].before == "1"
    too_deep, too_much = nested(DEEPEST + 1, ""), f"<domain>{'<a/>' * 30_000}</domain>"
    for bad in ("", "<domain", "<pool/>", too_deep, too_much):
        with pytest.raises(BadXml):
            differences(BEFORE, bad)
