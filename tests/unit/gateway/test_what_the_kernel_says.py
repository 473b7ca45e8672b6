"""Questions that go to the host's kernel where it is reached, and to libvirt where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import libvirt
import pytest

from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.network import Interface
from hosts.gateway import _errors, _interfaces, _process, _ssh
from hosts.gateway._asking import ask
from hosts.gateway._link import Link
from hosts.gateway.port import Refused
from hosts.gateway.probes.available_memory import available_memory

TCP = Endpoint(transport=Transport.TCP, address="192.0.2.1")
SSH = Endpoint(transport=Transport.SSH, address="192.0.2.1", user="root")
UNIX = Endpoint(transport=Transport.UNIX)


class Raw:
    """libvirt there has an interface driver that lists nothing, or none."""

    driver = True

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def listAllInterfaces(self, _: int) -> list[Any]:
        if self.driver:
            return []
        error = libvirt.libvirtError("no")
        error.err = (_errors.NO_SUPPORT, 1, "not supported", 2, "", "", "", -1, -1)
        raise error


@pytest.fixture
def raw() -> Raw:
    return Raw()


@pytest.fixture
def link(raw: Raw) -> Link:
    return Link(lambda: raw, name="kvm-a", deadline=5.0)


def says(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(_ssh, "run_ssh", lambda *_, **__: _process.Finished(code=0, out=text, err=""))


def test_an_empty_list_of_libvirts_is_not_believed_where_the_kernel_can_be_asked(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, "br1 0x1003 bridge\neth0 0x1002 other\n")
    assert _interfaces.interfaces(link, SSH) == (
        Interface(name="br1", active=True, is_bridge=True),
        Interface(name="eth0", active=False, is_bridge=False),
    )
    assert "lo" in {found.name for found in _interfaces.interfaces(link, UNIX)}


def test_over_tcp_libvirt_is_all_there_is(link: Link, raw: Raw) -> None:
    assert _interfaces.interfaces(link, TCP) == ()
    raw.driver = False
    with pytest.raises(Refused, match="no interface driver"):
        _interfaces.interfaces(link, TCP)


def test_available_memory(link: Link, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    meminfo = "MemTotal:       16000000 kB\nMemFree:          100000 kB\nMemAvailable:    5000000 kB\nShmem: 1 kB\n"
    says(monkeypatch, meminfo)
    assert ask(link, SSH, available_memory) == 5_000_000
    (tmp_path / "meminfo").write_text(meminfo)
    here = replace(available_memory, command=("cat", str(tmp_path / "meminfo")))
    assert ask(link, UNIX, here) == 5_000_000
    assert ask(link, TCP, available_memory) is None
    says(monkeypatch, "cat: /proc/meminfo: Permission denied")
    assert ask(link, SSH, available_memory) is None
