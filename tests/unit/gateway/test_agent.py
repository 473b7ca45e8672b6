"""The guest agent as libvirt's binding gives it."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from hosts.gateway._agent import Agent
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway._power import Power
from hosts.gateway.port import GatewayError

UUID = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"


class Raw:
    """A connection, and its only guest."""

    def __init__(self, **interfaces: Any) -> None:
        self.interfaces = interfaces
        self.told: list[Any] = []

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def lookupByUUIDString(self, uuid: str) -> Raw:
        return self

    def interfaceAddresses(self, source: int) -> dict[str, Any]:
        assert source == libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT
        return self.interfaces

    def getTime(self) -> dict[str, int]:
        return {"seconds": 1_800_000_000, "nseconds": 500_000_000}

    def setTime(self, wanted: dict[str, int]) -> None:
        self.told.append(wanted)

    def info(self) -> list[int]:
        return [1, 1024, 1024, 1, 123_000_000]


def agent_of(raw: Raw) -> Agent:
    link = Link(lambda: raw, name="kvm-a", deadline=5.0)
    return Agent(link, Guests(link))


def test_addresses_of_all_interfaces_each_once_and_not_without_end() -> None:
    v4 = {"addr": "203.0.113.17", "prefix": 24, "type": 0}
    v6 = {"addr": "2001:db8::17", "prefix": 64, "type": 1}
    raw = Raw(lo={"addrs": [{"addr": "127.0.0.1"}]}, eth0={"addrs": [v4, v6, v4]}, eth1={"addrs": None, "hwaddr": "x"})
    assert agent_of(raw).addresses(UUID) == ("127.0.0.1", "203.0.113.17", "2001:db8::17")
    many = Raw(eth0={"addrs": [{"addr": f"10.0.{number // 256}.{number % 256}"} for number in range(5000)]})
    assert len(agent_of(many).addresses(UUID)) == 64


def test_the_clock_is_read_and_set() -> None:
    raw = Raw()
    assert agent_of(raw).clock(UUID) == 1_800_000_000.5
    agent_of(raw).set_clock(UUID, 1_800_000_001.25)
    assert raw.told == [{"seconds": 1_800_000_001, "nseconds": 250_000_000}]


def test_cpu_time() -> None:
    link = Link(lambda: Raw(), name="kvm-a", deadline=5.0)
    assert Power(link, Guests(link)).cpu_ns(UUID) == 123_000_000


def test_an_agent_that_does_not_answer_is_an_error_and_no_lost_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Raw):
        def getTime(self) -> dict[str, int]:
            raise libvirt.libvirtError("Guest agent is not responding")

    agent = agent_of(Silent())
    with pytest.raises(GatewayError):
        agent.clock(UUID)
    assert agent._link.alive()
