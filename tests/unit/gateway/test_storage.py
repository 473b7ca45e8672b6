"""What the storage room of the gateway asks and, above all, what it does not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libvirt
import pytest

from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.storage import Mount, Qcow2, VolumeSpec
from hosts.gateway import _errors, _process, _ssh, _storage
from hosts.gateway._asking import ask
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError
from hosts.gateway.probes.mounts import mounts

TCP = Endpoint(transport=Transport.TCP, address="192.0.2.1")
SSH = Endpoint(transport=Transport.SSH, address="192.0.2.1", user="root")
UNIX = Endpoint(transport=Transport.UNIX)


def error(code: int) -> libvirt.libvirtError:
    made = libvirt.libvirtError("no")
    made.err = (code, 18, "no such thing", 2, "", "", "", -1, -1)
    return made


class Raw:
    """A connection whose pools list nothing. It has no way to refresh a pool: trying to would be an AttributeError."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def storageVolLookupByPath(self, path: str) -> Any:
        self.asked.append(path)
        raise error(_errors.NO_STORAGE_VOL)

    def storagePoolLookupByName(self, name: str) -> Any:
        raise error(_errors.NO_STORAGE_POOL if name == "none" else _errors.OPERATION_INVALID)


@pytest.fixture
def link() -> Link:
    return Link(Raw, name="kvm-a", deadline=5.0)


def test_a_path_that_no_pool_lists_is_not_looked_for_by_changing_the_host(link: Link) -> None:
    assert _storage.volume_at(link, "/vms/new.qcow2") is None
    assert _storage.files_exist(link, TCP, ["/vms/new.qcow2", "relative"]) == {"/vms/new.qcow2": None, "relative": None}


def test_a_volume_by_name_in_a_pool_that_is_not_there_or_not_active(link: Link) -> None:
    assert _storage.volume_named(link, "none", "x") is None
    assert _storage.volume_named(link, "off", "x") is None


def test_over_plain_tcp_nobody_tells_what_a_folder_lies_on(link: Link) -> None:
    assert ask(link, TCP, mounts, "/vms") is None


def test_what_folders_of_this_machine_lie_on(link: Link, tmp_path: Path) -> None:
    found = ask(link, UNIX, mounts, str(tmp_path), "/proc", "/no/such", "relative")
    assert found is not None
    assert found["/no/such"] is None
    assert "relative" not in found
    here = found[str(tmp_path)]
    assert here is not None
    assert here.kind
    proc = found["/proc"]
    assert proc is not None
    assert proc.kind == "proc"
    assert proc.below == "."


@pytest.mark.parametrize(
    ("lines", "mount"),
    [
        (["nfs4 nas:/vms /mnt/nas", "/mnt/nas/web"], Mount(kind="nfs4", source="nas:/vms", below="web")),
        (["cifs //nas/my\\x20vms /mnt", "/mnt"], Mount(kind="cifs", source="//nas/my vms", below=".")),
        (["ext2/ext3", "/vms"], Mount(kind="ext2/ext3")),
        (["UNKNOWN (0x1234)", "/vms"], Mount(kind="UNKNOWN")),
        (["-", "-"], None),
    ],
)
def test_what_a_host_says_by_ssh(
    link: Link, monkeypatch: pytest.MonkeyPatch, lines: list[str], mount: Mount | None
) -> None:
    said = _process.Finished(code=0, out="\n".join(lines) + "\n", err="")
    monkeypatch.setattr(_ssh, "run_ssh", lambda *_, **__: said)
    assert ask(link, SSH, mounts, "/vms") == {"/vms": mount}


def test_an_answer_of_another_length_is_no_answer(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    said = _process.Finished(code=0, out="nfs4 nas:/vms /mnt\n", err="")
    monkeypatch.setattr(_ssh, "run_ssh", lambda *_, **__: said)
    with pytest.raises(GatewayError):
        ask(link, SSH, mounts, "/vms")


class Making:
    """A pool whose libvirt writes back `says`, and the one volume that it makes."""

    def __init__(self, says: str) -> None:
        self.says = says
        self.deleted = 0

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def storagePoolLookupByName(self, _: str) -> Making:
        return self

    def createXML(self, _xml: str, _flags: int) -> Making:
        return self

    storageVolLookupByName = storagePoolLookupByName

    def XMLDesc(self, _: int) -> str:
        target = f"<target><path>/vms/v.qcow2</path><format type='qcow2'/>{self.says}</target>"
        return f"<volume><name>v.qcow2</name><capacity unit='bytes'>512</capacity>{target}</volume>"

    def delete(self, _: int) -> None:
        self.deleted += 1


WANTED = Qcow2(cluster_size=128 * 1024, extended_l2=True)
SAYS_SO = "<compat>1.1</compat><clusterSize unit='B'>131072</clusterSize><features><extended_l2/></features>"


def make(raw: Making, endpoint: Endpoint, image: Qcow2 | None = WANTED) -> None:
    spec = VolumeSpec(pool="local", name="v.qcow2", format="qcow2", capacity=512, qcow2=image)
    _storage.create_volume(Link(lambda: raw, name="kvm-b", deadline=5.0), endpoint, spec)


def test_an_image_is_made_as_wanted_or_not_at_all() -> None:
    good, older = Making(SAYS_SO), Making(SAYS_SO.replace("<extended_l2/>", ""))
    make(good, TCP)
    with pytest.raises(GatewayError, match=r"instead of compat 1\.1, clusters of 131072 bytes, extended_l2"):
        make(older, TCP)
    assert (good.deleted, older.deleted) == (0, 1)
    make(Making(""), TCP, None)


def test_a_wrong_image_that_cannot_be_deleted_is_told_as_left() -> None:
    """It was called certain that nothing had been made, and nobody heard of the volume."""
    raw = Making("")

    def stays(_: int) -> None:
        raise error(_errors.OPERATION_INVALID)

    raw.delete = stays  # type: ignore[method-assign]
    with pytest.raises(GatewayError, match="may still be there") as caught:
        make(raw, TCP)
    assert caught.value.unanswered


@pytest.mark.parametrize(
    ("begins", "code", "deleted"),
    [("00000003", 0, 1), ("00000002", 0, 1), ("no header", 0, 0), ("", 1, 0)],
    ids=["plain 1.1", "0.10", "unreadable", "no answer"],
)
def test_what_the_file_is_counts_more_than_what_libvirt_repeats(
    monkeypatch: pytest.MonkeyPatch, begins: str, code: int, deleted: int
) -> None:
    header = f"514649fb{begins}{'00' * 12}00000010{'00' * 76}00000004{'00' * 8}"
    said = _process.Finished(code=code, out=f"{header}\n", err="")
    monkeypatch.setattr(_ssh, "run_ssh", lambda *_, **__: said)
    raw = Making(SAYS_SO)
    if deleted:
        with pytest.raises(GatewayError, match="clusters of 65536 bytes instead of"):
            make(raw, SSH)
    else:
        make(raw, SSH)
    assert raw.deleted == deleted
