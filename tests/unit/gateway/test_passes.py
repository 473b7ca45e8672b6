"""The start of each pass of one guest's migration: heard, also after the connection was replaced, and not after its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from hosts.gateway import _link
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway._passes import Passes
from hosts.gateway.port import GatewayError

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
OTHER = "11111111-1111-4111-8111-111111111111"


class Raw:
    def __init__(self) -> None:
        self.registered: dict[int, tuple[int, Callable[..., None]]] = {}

    def isAlive(self) -> bool:
        return True

    def close(self) -> None:
        assert not self.registered  # it would stay open

    def domainEventRegisterAny(self, guest: Any, event: int, callback: Callable[..., None], opaque: Any) -> int:
        assert guest is None
        self.registered[len(self.registered)] = (event, callback)
        return len(self.registered) - 1

    def domainEventDeregisterAny(self, number: int) -> None:
        del self.registered[number]

    def begin_pass(self, uuid: str) -> None:
        for event, callback in self.registered.values():
            assert event == libvirt.VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION
            callback(self, SimpleNamespace(UUIDString=lambda: uuid), 2, None)


class Mute(Raw):
    def domainEventRegisterAny(self, *_: Any) -> int:
        raise libvirt.libvirtError("unsupported event ID 20")


@pytest.fixture
def raws() -> list[Raw]:
    return []


@pytest.fixture
def link(raws: list[Raw], monkeypatch: pytest.MonkeyPatch) -> Link:
    monkeypatch.setattr(_link, "_SHORT_SECONDS", 0.2)

    def open_raw() -> Raw:
        raws.append(Raw())
        return raws[-1]

    return Link(open_raw, name="kvm-a", deadline=0.3)


@pytest.fixture
def heard(link: Link) -> list[str]:
    heard: list[str] = []
    Passes(link, Guests(link)).listen(UUID, lambda: heard.append("pass"))
    return heard


def test_each_pass_of_this_guest_is_heard(heard: list[str], raws: list[Raw]) -> None:
    for uuid in (UUID, OTHER, UUID):
        raws[0].begin_pass(uuid)
    assert heard == ["pass", "pass"]


def test_who_listens_twice_hears_it_once(link: Link, raws: list[Raw]) -> None:
    passes, heard = Passes(link, Guests(link)), threading.Event()
    for begun in (pytest.fail, heard.set):
        passes.listen(UUID, begun)
    assert len(raws[0].registered) == 1
    raws[0].begin_pass(UUID)
    assert heard.is_set()


def test_a_replacement_of_the_connection_is_listened_to(heard: list[str], link: Link, raws: list[Raw]) -> None:
    stop = threading.Event()
    with pytest.raises(GatewayError):
        link.call("x", lambda _: stop.wait(20))
    raws[1].begin_pass(UUID)
    assert heard == ["pass"]
    stop.set()


def test_nothing_is_left_registered(heard: list[str], link: Link, raws: list[Raw]) -> None:
    assert len(raws[0].registered) == 1
    link.close()
    assert not raws[0].registered


def test_a_host_that_cannot_tell_says_so_and_keeps_its_connection() -> None:
    link = Link(Mute, name="kvm-a", deadline=0.3)
    with pytest.raises(GatewayError, match="unsupported event"):
        Passes(link, Guests(link)).listen(UUID, lambda: None)
    assert link.call("x", lambda _: "answered") == "answered"
