"""Deadlines, hanging calls, and that libvirt never sees two calls at once over one connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import libvirt
import pytest

from hosts.gateway import _link
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, HostUnreachable
from tests.patience import PATIENCE


class Raw:
    """A libvirt connection that hangs while it is not `answering`."""

    def __init__(self, answering: threading.Event) -> None:
        self.answering = answering
        self.open = True
        self.users = 0
        self.crowded = False

    def ask(self, value: str = "yes") -> str:
        self.users += 1
        self.crowded = self.crowded or self.users > 1
        self.answering.wait(20)
        time.sleep(0.002)
        self.users -= 1
        return value

    def isAlive(self) -> bool:
        return self.open

    def close(self) -> None:
        self.ask()
        self.open = False


@pytest.fixture
def host() -> Iterator[threading.Event]:
    answering = threading.Event()
    answering.set()
    yield answering
    answering.set()


@pytest.fixture
def raws() -> list[Raw]:
    return []


@pytest.fixture
def link(host: threading.Event, raws: list[Raw], monkeypatch: pytest.MonkeyPatch) -> Link:
    monkeypatch.setattr(_link, "_SHORT_SECONDS", 0.2)

    def open_raw() -> Raw:
        raw = Raw(host)
        raw.ask()
        raws.append(raw)
        return raw

    return Link(open_raw, name="kvm-a", deadline=0.3)


def hang(stop: threading.Event) -> Callable[[Any], str]:
    def work(raw: Raw) -> str:
        raw.users += 1
        stop.wait(20)
        raw.users -= 1
        return "late"

    return work


def eventually(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def test_an_answer(link: Link) -> None:
    assert link.call("x", lambda raw: raw.ask("good")) == "good"
    assert link.alive()


def test_an_error_of_ours_comes_through(link: Link) -> None:
    with pytest.raises(KeyError):
        link.call("x", lambda raw: dict[str, str]()["x"])
    assert link.alive()


def test_many_threads_take_turns(link: Link, raws: list[Raw]) -> None:
    threads = [threading.Thread(target=lambda: link.call("x", lambda raw: raw.ask())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not raws[0].crowded


def test_a_frozen_host_is_given_up(link: Link, host: threading.Event) -> None:
    host.clear()
    started = time.monotonic()
    with pytest.raises(HostUnreachable, match=r"kvm-a did not answer within 0.3 s \(its guests\)"):
        link.call("its guests", lambda raw: raw.ask())
    assert time.monotonic() - started < 10
    assert not link.alive()
    started = time.monotonic()
    with pytest.raises(HostUnreachable):
        link.call("its memory", lambda raw: raw.ask())
    link.close()
    assert time.monotonic() - started < 0.25  # not its deadline


def test_one_hanging_question_does_not_cost_the_connection(link: Link, raws: list[Raw]) -> None:
    stop = threading.Event()
    with pytest.raises(GatewayError, match="did not answer this question") as caught:
        link.call("a job", hang(stop), key=("job", 1))
    assert not isinstance(caught.value, HostUnreachable)
    assert caught.value.code == 68
    assert link.alive()
    assert link.call("x", lambda raw: raw.ask("good")) == "good"
    assert len(raws) == 2
    started = time.monotonic()
    with pytest.raises(GatewayError, match="has not answered this before"):
        link.call("a job", hang(stop), key=("job", 1))
    assert time.monotonic() - started < 0.25  # not its deadline
    assert raws[0].open
    stop.set()
    assert eventually(lambda: not raws[0].open)  # closed by the thread that hung, and by nobody else
    assert link.call("a job", lambda raw: raw.ask("well again"), key=("job", 1)) == "well again"
    assert not any(raw.crowded for raw in raws)


def test_too_many_hanging_questions_do(link: Link) -> None:
    stop = threading.Event()
    for number in range(4):
        with pytest.raises(GatewayError, match="did not answer this question"):
            link.call("a job", hang(stop), key=number)
    with pytest.raises(HostUnreachable):
        link.call("a job", hang(stop), key="one more")
    stop.set()


def test_a_replacement_is_prepared_like_the_first(link: Link, raws: list[Raw]) -> None:
    prepared: list[Any] = []
    undone: list[Any] = []

    def step(raw: Any, undo: list[Callable[[], Any]]) -> None:
        prepared.append(raw)
        undo.append(lambda: undone.append(raw))

    link.prepare("listen", step)
    stop = threading.Event()
    with pytest.raises(GatewayError):
        link.call("x", hang(stop))
    assert prepared == raws
    assert link.is_current(raws[1])
    assert not link.is_current(raws[0])
    stop.set()
    assert eventually(lambda: undone == [raws[0]])
    link.close()
    assert undone == raws


def test_close_waits_for_nobody(link: Link, raws: list[Raw]) -> None:
    stop = threading.Event()
    mover = threading.Thread(target=lambda: link.call_without_end(hang(stop)))
    mover.start()
    assert eventually(lambda: raws[0].users == 1)
    started = time.monotonic()
    with pytest.raises(GatewayError, match="busy"):
        link.call("x", lambda raw: raw.ask())
    link.close()
    link.close()
    assert time.monotonic() - started < 10
    assert raws[0].open  # the migration still uses it
    stop.set()
    mover.join()
    assert not raws[0].open


def test_a_host_that_never_opens(host: threading.Event) -> None:
    def open_raw() -> Raw:
        raw = Raw(host)
        raw.ask()
        return raw

    host.clear()
    with pytest.raises(HostUnreachable, match=r"did not answer within 0.2 s"):
        Link(open_raw, name="kvm-a", deadline=0.2)


def test_a_lost_connection_says_so_before_libvirts_own_text(link: Link) -> None:
    error = libvirt.libvirtError("End of file while reading data")
    error.err = (38, 7, "End of file while reading data", 2, None, None, None, 5, 0)
    for _ in range(2):  # every later call says the same

        def fail(_: object) -> None:
            raise error

        with pytest.raises(HostUnreachable, match=r"^the connection to libvirt was lost: End of file"):
            link.call("its guests", fail)
