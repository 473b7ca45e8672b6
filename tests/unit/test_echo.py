"""The probes themselves, against this machine alone."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations_app.worker import echo
from migrations_app.worker.echo import Icmp, Tcp, checksum, find, is_own

HERE = "127.0.0.1"
#: where a machine has no IPv6, nothing of it can be pinged
_SIX = Path("/proc/net/if_inet6")
LOOPBACK = [HERE, *(["::1"] if _SIX.exists() and f"{1:032x}" in _SIX.read_text() else [])]


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen()
        yield int(server.getsockname()[1])


@pytest.fixture
def closed_port(port: int) -> int:
    with socket.socket() as server:
        server.bind((HERE, 0))
        return int(server.getsockname()[1])


@pytest.mark.parametrize("address", LOOPBACK)
def test_a_ping_is_answered_with_its_number_and_the_time_when_it_came(address: str) -> None:
    ping = Icmp(address)
    try:
        before = time.monotonic()
        ping.send(70_000)  # more than the sequence of ICMP has room for
        time.sleep(0.05)  # it is the system's time that counts, not when it is read
        ((number, at),) = ping.answers(1)
        assert number == 70_000
        assert before - 0.001 <= at <= time.monotonic()
        assert ping.answers(0) == []
    finally:
        ping.close()


def test_answers_to_others_are_not_taken() -> None:
    mine, others = Icmp(HERE), Icmp(HERE)
    try:
        others.send(1)
        assert mine.answers(0.05) == []
        assert mine._number(b"") is None
        assert mine._number(b"\x45" + bytes(40)) is None
    finally:
        mine.close()
        others.close()


def test_tcp_counts_accepted_connections_only(port: int, closed_port: int) -> None:
    opened, closed = Tcp(HERE, port), Tcp(HERE, closed_port)
    try:
        opened.send(3)
        assert [number for number, _ in opened.answers(1)] == [3]
        closed.send(4)
        assert closed.answers(0.1) == []
        assert opened.answers(0.01) == []  # nothing waits
    finally:
        opened.close()
        closed.close()


def test_icmp_is_tried_before_tcp(port: int, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Icmp(HERE).close()
    found = find(HERE, ports=(port,))
    assert isinstance(found, Icmp)
    found.close()

    def not_allowed(family: object) -> socket.socket:
        raise PermissionError

    monkeypatch.setattr(echo, "_icmp_socket", not_allowed)
    found = find(HERE, ports=(closed_port, port))
    assert isinstance(found, Tcp)
    found.close()
    assert find(HERE, seconds=0.2, ports=(closed_port,)) is None


@given(packet=st.binary(max_size=200))
def test_what_a_vm_sends_is_an_answer_or_nothing(packet: bytes) -> None:
    ping = Icmp(HERE)
    try:
        assert ping._number(packet) is None
        answer = bytes([0, 0, 0, 0]) + packet[:4].ljust(4, b"0") + ping._cookie + packet[:8].ljust(8, b"0")
        ping._number(answer + packet)
        ping._number(packet + answer)
    finally:
        ping.close()


def test_which_addresses_are_this_machines() -> None:
    assert is_own(HERE)
    assert not is_own("198.51.100.1")
    assert not is_own("2001:db8::1")


def test_the_checksum_of_a_packet_with_its_checksum_is_zero() -> None:
    packet = struct.pack("!BBHHH", 8, 0, 0, 0x1234, 7) + b"kvmweb-echo-0001"
    whole = packet[:2] + checksum(packet).to_bytes(2, "big") + packet[4:]
    assert checksum(whole) == 0
