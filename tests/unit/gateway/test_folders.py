"""Folders by pools of kvmweb's own, with libvirt's test driver: nothing of others is refreshed, blocked or removed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import libvirt
import pytest

from hosts.gateway import _errors, _folders, _storage
from hosts.gateway._link import Link
from hosts.gateway._own_files import OwnFiles
from hosts.gateway.port import Refused
from tests.unit.gateway.test_storage import error

FOLDER = "/var/lib/libvirt/qemu/nvram"
_POOL = "<pool type='{kind}'><name>{name}</name>{source}<target><path>{path}</path></target></pool>"


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> Iterator[libvirt.virConnect]:
    """It has a pool of a user at FOLDER."""

    def refresh(*_: object) -> int:
        raise AssertionError("a failed refresh stops the pool")

    monkeypatch.setattr(libvirt.virStoragePool, "refresh", refresh)
    opened = libvirt.open("test:///default")
    pool(opened, "users", FOLDER)
    yield opened
    for each in opened.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT):
        each.destroy()
    opened.close()


@pytest.fixture
def link(raw: libvirt.virConnect) -> Iterator[Link]:
    made = Link(lambda: libvirt.open("test:///default"), name="kvm-a", deadline=10.0)
    yield made
    made.close()


def pool(raw: libvirt.virConnect, name: str, path: str, *, kind: str = "dir", source: str = "") -> None:
    raw.storagePoolCreateXML(_POOL.format(kind=kind, name=name, source=source, path=path), 0)


def ours(raw: libvirt.virConnect) -> set[str]:
    return {each.name() for each in raw.listAllStoragePools(0) if each.name().startswith(_folders.PREFIX)}


def test_two_uses_of_one_folder_do_not_know_of_each_other(raw: libvirt.virConnect) -> None:
    with _folders.folder_pool(raw, FOLDER) as second:
        with _folders.folder_pool(raw, FOLDER) as first:
            assert {first.name(), second.name()} == ours(raw)
            assert len(ours(raw)) == 2
        assert second.isActive()
    assert ours(raw) == set()
    assert raw.storagePoolLookupByName("users").isActive()


@pytest.mark.parametrize(("make", "first"), [(True, FOLDER), (False, f"{FOLDER}/.")])
def test_a_path_that_another_pool_has_is_written_differently(make: bool, first: str) -> None:
    class Busy:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def listAllStoragePools(self, _: int) -> list[object]:
            return []

        def storagePoolCreateXML(self, text: str, flags: int) -> None:
            assert flags == (libvirt.VIR_STORAGE_POOL_CREATE_WITH_BUILD if make else 0)
            self.asked.append(text.partition("<path>")[2].partition("<")[0])
            raise error(_errors.OPERATION_FAILED)

    raw: Any = Busy()
    with pytest.raises(libvirt.libvirtError), _folders.folder_pool(raw, FOLDER, make=make):
        raise AssertionError
    assert raw.asked[:2] == [first, f"{first}/."]
    assert 16 <= len(set(raw.asked)) == len(raw.asked) <= 17


def test_a_pool_of_a_user_with_that_folder_is_left_alone(raw: libvirt.virConnect, link: Link) -> None:
    """`refresh` fails the test, and its file is found by its path in that pool only."""
    users = raw.storagePoolLookupByName("users")
    users.createXML("<volume><name>web.fd</name><capacity>1</capacity></volume>", 0)
    with _folders.folder_pool(raw, FOLDER):
        assert raw.storageVolLookupByPath(f"{FOLDER}/web.fd").storagePoolLookupByVolume().name() == "users"
    assert OwnFiles(link).read(f"{FOLDER}/other.fd") is None
    OwnFiles(link).remove(f"{FOLDER}/other.fd")
    assert users.listVolumes() == ["web.fd"]


def test_what_a_killed_worker_left_is_removed_when_nobody_can_use_it(raw: libvirt.virConnect) -> None:
    now = int(time.time())
    old, young = f"{_folders.PREFIX}{'a' * 12}-{now - 4000}-{'b' * 8}", f"{_folders.PREFIX}{'a' * 12}-{now}-{'b' * 8}"
    others = (f"{_folders.PREFIX}of-a-user-{now - 4000}", f"{old}-copy")
    for number, name in enumerate((old, young, *others)):
        pool(raw, name, f"/left/{number}")
    with _folders.folder_pool(raw, FOLDER):
        assert ours(raw) >= {young, *others}
        assert old not in ours(raw)


def test_pools_of_a_moment_are_not_listed(raw: libvirt.virConnect, link: Link) -> None:
    with _folders.folder_pool(raw, FOLDER) as mine:
        assert mine.name() not in {each.name for each in _storage.pools(link)}
    assert "users" in {each.name for each in _storage.pools(link)}


def test_the_file_system_of_a_pool(raw: libvirt.virConnect, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _folders.file_system(link, "users") == 100 * 1024**3
    device = "<source><device path='/dev/sdx'/><name>vg</name></source>"
    pool(raw, "vg", "/dev/vg", kind="logical", source=device)
    assert _folders.file_system(link, "vg") == 0
    with pytest.raises(Refused):
        _folders.file_system(link, "none")

    def denied(*_: object) -> None:
        raise libvirt.libvirtError("access denied")

    monkeypatch.setattr(libvirt.virConnect, "storagePoolCreateXML", denied)
    assert _folders.file_system(link, "users") is None
