"""A guest that kvmweb started paused: it is known by its mark, and ended only if it never ran."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from hosts.facts import paused, paused_xml
from hosts.facts.guest import RunState
from hosts.facts.xml import BadXml
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway._paused import Paused
from hosts.gateway.port import Refused
from tests.unit.gateway.test_block_jobs import error

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
DEFINITION = "<domain><name>web-01</name><metadata><o:who xmlns:o='urn:o'>me</o:who></metadata></domain>"


class Raw:
    """A connection, and the one guest of it."""

    def __init__(self) -> None:
        self.stats: dict[str, Any] = {"block.count": 1, "block.0.rd.reqs": 0, "block.0.wr.reqs": 0, "vcpu.0.time": 0}
        self.mark = "<paused by='m17'/>"
        self.number = libvirt.VIR_DOMAIN_PAUSED
        self.ended: list[int] = []
        self.created: list[tuple[str, int]] = []
        self.callbacks: list[Callable[..., None]] = []

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def lookupByUUIDString(self, _: str) -> Raw:
        return self

    def domainListGetStats(self, guests: list[Raw], what: int, flags: int) -> list[tuple[Raw, dict[str, Any]]]:
        return [(guests[0], self.stats)]

    def state(self) -> list[int]:
        return [self.number, 1]

    def metadata(self, kind: int, uri: str, flags: int) -> str:
        assert (uri, flags) == (paused_xml.NAMESPACE, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        if not self.mark:
            raise error(libvirt.VIR_ERR_NO_DOMAIN_METADATA)
        return self.mark

    def destroyFlags(self, flags: int) -> None:
        self.ended.append(flags)

    def XMLDesc(self, flags: int) -> str:
        assert flags == libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
        return DEFINITION

    def createXML(self, text: str, flags: int) -> None:
        self.created.append((text, flags))

    def domainEventRegisterAny(self, guest: Any, event: int, callback: Callable[..., None], opaque: Any) -> int:
        self.callbacks.append(callback)
        return 0

    def domainEventDeregisterAny(self, number: int) -> None: ...


@pytest.fixture
def raw() -> Raw:
    return Raw()


@pytest.fixture
def guest(raw: Raw) -> Paused:
    link = Link(lambda: raw, name="kvm-a", deadline=5.0)
    return Paused(link, Guests(link))


def test_it_is_started_with_its_mark_in_this_run_alone(guest: Paused, raw: Raw) -> None:
    guest.start(UUID, "m17")
    ((text, flags),) = raw.created
    assert flags == libvirt.VIR_DOMAIN_START_PAUSED
    assert text == paused_xml.with_mark(DEFINITION, "m17")
    assert 'by="m17"' in text
    assert ">me<" in text


def test_one_mark_replaces_another() -> None:
    twice = paused_xml.with_mark(paused_xml.with_mark(DEFINITION, "m16"), "m17")
    assert ("m16" in twice, twice.count("m17")) == (False, 1)
    assert paused_xml.mark_of("<paused by='m17'/>") == "m17"
    with pytest.raises(BadXml):
        paused_xml.mark_of("<other/>")


def test_one_that_never_ran_is_asked_to_quit(guest: Paused, raw: Raw) -> None:
    seen = guest.look(UUID)
    assert (seen.mark, seen.state, seen.requests, seen.ran) == ("m17", RunState.PAUSED, 0, False)
    guest.end(UUID, "m17")
    assert raw.ended == [libvirt.VIR_DOMAIN_DESTROY_GRACEFUL]  # never killed: QEMU may hold data of its images


@pytest.mark.parametrize(
    "sign",
    [
        {"block.0.rd.reqs": 1},
        {"block.0.wr.reqs": 1},
        {"block.3.wr.reqs": 1},
        {"vcpu.1.time": (paused.SETTING_UP_MS + 1) * 1_000_000},
    ],
    ids=str,
)
def test_one_that_ran_is_left_alone(guest: Paused, raw: Raw, sign: dict[str, int]) -> None:
    raw.stats |= sign
    with pytest.raises(Refused):
        guest.end(UUID, "m17")
    assert (guest.look(UUID).ran, raw.ended) == (True, [])


@pytest.mark.parametrize("number", [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_SHUTDOWN, 99])
def test_one_that_is_not_paused_is_left_alone(guest: Paused, raw: Raw, number: int) -> None:
    raw.number = number
    with pytest.raises(Refused):
        guest.end(UUID, "m17")
    assert raw.ended == []


@pytest.mark.parametrize("mark", ["", "<paused by='m16'/>", "<other/>", "<paused"])
def test_another_run_is_left_alone(guest: Paused, raw: Raw, mark: str) -> None:
    raw.mark = mark
    with pytest.raises(Refused):
        guest.end(UUID, "m17")
    assert raw.ended == []


def test_a_busy_one_is_not_taken_for_one_that_never_ran(guest: Paused, raw: Raw) -> None:
    del raw.stats["block.count"]
    with pytest.raises(Refused):
        guest.end(UUID, "m17")
    assert raw.ended == []


def test_a_resume_is_heard_and_an_arrival_is_not_one(guest: Paused, raw: Raw) -> None:
    heard: list[str] = []
    guest.listen(UUID, lambda: heard.append("resumed"))
    about = SimpleNamespace(UUIDString=lambda: UUID)
    for event, detail in (
        (libvirt.VIR_DOMAIN_EVENT_RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_MIGRATED),
        (libvirt.VIR_DOMAIN_EVENT_SUSPENDED, 0),
        (libvirt.VIR_DOMAIN_EVENT_RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_UNPAUSED),
    ):
        raw.callbacks[0](raw, about, event, detail, None)
    assert heard == ["resumed"]
    guest.mute()
    raw.callbacks[0](raw, about, libvirt.VIR_DOMAIN_EVENT_RESUMED, 0, None)
    assert heard == ["resumed"]


@pytest.mark.parametrize("number", [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED])
def test_one_that_its_migration_has_just_ended_has_not_run_for_that(guest: Paused, raw: Raw, number: int) -> None:
    """Its counters were read a moment before: that it is not paused any more says nothing."""
    raw.number = number
    with pytest.raises(Refused, match="not active any more"):
        guest.look(UUID)
    with pytest.raises(Refused):
        guest.end(UUID, "m17")
    assert raw.ended == []
