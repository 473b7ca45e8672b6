from __future__ import annotations

import pytest

from hosts.facts.guest import CharacterDevice, Graphics
from hosts.facts.unknown import Unknown
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import SILENT, only, run, with_guest, with_target


def stream(**fields: object) -> Facts:
    return with_guest(character_devices=(CharacterDevice(device="serial", **fields),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (with_guest(leaves=(("os/acpi/table", "/etc/slic.dat"),)), "/etc/slic.dat"),
        (with_guest(leaves=(("sysinfo/entry/@file", "/etc/fw.bin"),)), "/etc/fw.bin"),
        (with_guest(leaves=(("devices/interface/rom/@file", "/etc/net.rom"),)), "/etc/net.rom"),
        (stream(type="file", path="/var/log/serial/web01.log"), "/var/log/serial/"),
        (stream(type="unix", path="/run/own/web01.sock", listens=True), "/run/own/"),
        (stream(type="unix", path="/run/own/server.sock"), "/run/own/server.sock"),
        (with_guest(leaves=(("devices/vsock", ""),)), "/dev/vhost-vsock"),
        (stream(type="pty", log="/srv/logs/web01.log"), "/srv/logs/"),
        (with_guest(graphics=(Graphics(type="vnc", sockets=("/run/vnc/web01.sock",)),)), "/run/vnc/"),
    ],
)
def test_what_the_vm_names_must_be_there(given: Facts, path: str) -> None:
    assert run("needed_files", with_target(given, files={path: True})) == ()
    assert path in only("needed_files", with_target(given, files={path: False}), Severity.BLOCKER).summary
    assert only("needed_files", with_target(given, files={path: Unknown("hidden")}), Severity.UNKNOWN)
    assert only("needed_files", with_target(given, files={}), Severity.UNKNOWN)
    assert only("needed_files", with_target(given, files=SILENT), Severity.UNKNOWN)


@pytest.mark.parametrize(
    "given", [stream(type="dev", path="/dev/ttyS0"), with_guest(leaves=(("devices/rng/backend", "/dev/hwrng"),))]
)
def test_the_same_path_may_be_another_device(given: Facts) -> None:
    there = dict.fromkeys(("/dev/ttyS0", "/dev/hwrng"), True)
    assert "another device" in only("needed_files", with_target(given, files=there), Severity.UNKNOWN).summary


@pytest.mark.parametrize(
    "given",
    [
        stream(type="pty", path="/dev/pts/3"),
        stream(type="unix", path="/var/lib/libvirt/qemu/channel/target/domain-3-web01/agent", listens=True),
        with_guest(leaves=(("devices/rng/backend", "/dev/urandom"),)),
    ],
)
def test_what_every_host_has_is_not_asked_for(given: Facts) -> None:
    assert run("needed_files", with_target(given, files=SILENT)) == ()


def test_a_relative_path_is_unknown_whatever_is_there() -> None:
    given = with_guest(leaves=(("devices/interface/rom/@file", "own.rom"),))
    assert (
        "relative"
        in only("needed_files", with_target(given, files={"own.rom": True}), Severity.UNKNOWN).evidence["why"]
    )


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/var/log/libvirt/qemu/web01-serial.log", False),
        ("/run/libvirt/qemu/channel/3-web01/org.x", False),
        ("/var/log/libvirt/own/web01.log", True),
        ("/var/lib/libvirt/qemu/../../own/web01.log", True),
    ],
)
def test_only_folders_that_libvirt_makes_are_not_asked_for(path: str, asked: bool) -> None:
    given = with_target(stream(type="file", path=path), files={})
    assert bool(run("needed_files", given)) is asked


def test_a_file_in_a_folder_of_libvirt_is_asked_for() -> None:
    given = with_guest(leaves=(("devices/interface/rom/@file", "/var/lib/libvirt/qemu/own.rom"),))
    only("needed_files", with_target(given, files={"/var/lib/libvirt/qemu/own.rom": False}), Severity.BLOCKER)
