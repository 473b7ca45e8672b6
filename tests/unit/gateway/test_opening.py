"""Opening connections to an address that accepts and never answers: `libvirt.open` itself would wait for ever."""

from __future__ import annotations

import threading
import time

import pytest

from hosts import gateway
from hosts.facts.endpoint import Endpoint, Transport
from hosts.gateway import _first_contact
from hosts.gateway.port import HostUnreachable
from tests.unit.gateway.test_first_contact import served, silent

pytestmark = pytest.mark.usefixtures("data_dir")


def opening_threads() -> int:
    return sum(thread.name == "libvirt-call" for thread in threading.enumerate())


def test_attempts_that_hang_do_not_pile_up() -> None:
    with served(silent) as port:
        endpoint = Endpoint(transport=Transport.TCP, address="127.0.0.1", port=port)
        with pytest.raises(HostUnreachable, match="did not answer within"):
            gateway.connect(endpoint, deadline=0.5)
        hanging = opening_threads()
        for _ in range(3):
            with pytest.raises(HostUnreachable, match="is still not reachable"):
                gateway.connect(endpoint, deadline=0.5)
        assert opening_threads() <= hanging


def test_attempts_at_the_same_time_do_not_take_each_other_for_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Endpoint] = []
    monkeypatch.setattr(_first_contact, "meet", lambda endpoint, **_: asked.append(endpoint))
    with served(silent) as port:
        endpoint = Endpoint(transport=Transport.TCP, address="127.0.0.1", port=port)

        def attempt() -> None:
            with pytest.raises(HostUnreachable):
                gateway.connect(endpoint, deadline=1.0)

        threads = [threading.Thread(target=attempt) for _ in range(3)]
        for thread in threads:
            thread.start()
            time.sleep(0.05)
        for thread in threads:
            thread.join()
    assert asked == []
