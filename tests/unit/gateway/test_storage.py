"""What the storage room of the gateway asks and, above all, what it does not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libvirt
import pytest

from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.storage import Mount
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
