"""The watcher keeps the shared ssh connections of each host, as long as its row says the same."""

from __future__ import annotations

import pytest

from hosts.facts.endpoint import Endpoint
from hosts.models import Host
from tests.db.watching import answers, eventually, registered, watching
from tests.fakes.watched_host import Fleet

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "ssh-ed25519 " + "A" * 68
PRINT = "SHA256:" + "a" * 43


class Shared:
    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.kept = self.waited = 0
        self.closed = False

    def keep(self) -> None:
        assert not self.closed
        self.kept += 1

    def wait(self, seconds: float) -> None:
        self.waited += 1

    def close(self) -> None:
        self.closed = True


class Sharing:
    def __init__(self) -> None:
        self.made: list[Shared] = []

    def __call__(self, endpoint: Endpoint) -> Shared:
        self.made.append(Shared(endpoint))
        return self.made[-1]


def test_they_are_opened_with_the_confirmed_key_and_kept_while_the_host_is_connected() -> None:
    fleet, share = Fleet(), Sharing()
    host, fake = registered(fleet, transport="ssh")
    fake.host_key, fake.fingerprint = KEY, PRINT
    with watching(fleet, share=share):
        eventually(answers(host))
        (shared,) = share.made
        assert shared.endpoint.host_key == KEY
        assert shared.waited == 1
        kept = shared.kept
        eventually(lambda: shared.kept > kept + 1)
        fake.lose()
        eventually(lambda: not answers(host)())
        kept = shared.kept
        fake.come_back()
        eventually(answers(host))
        assert share.made == [shared], "what others do over it is not ended with the watcher's own connection"
        assert shared.waited == 2
        assert shared.kept > kept
    assert shared.closed


@pytest.mark.parametrize(
    "change",
    [
        {"address": "other.test"},
        {"port": 2222},
        {"user": "vmadmin"},
        {"host_key": "", "fingerprint": "SHA256:" + "b" * 43},
        None,
    ],
    ids=["address", "port", "user", "host key", "removed"],
)
def test_they_are_closed_when_the_host_changes(change: dict[str, object] | None) -> None:
    fleet, share = Fleet(), Sharing()
    host, fake = registered(fleet, transport="ssh")
    fake.host_key, fake.fingerprint = KEY, PRINT
    with watching(fleet, share=share):
        eventually(answers(host))
        fleet.hosts["other.test"] = fake
        if change is None:
            Host.objects.filter(pk=host.pk).delete()
        else:
            Host.objects.filter(pk=host.pk).update(**change)
        eventually(lambda: share.made[0].closed)
        if change and "host_key" not in change:
            eventually(lambda: len(share.made) == 2)
            assert all(getattr(share.made[1].endpoint, name) == value for name, value in change.items())


def test_a_host_that_is_not_let_in_has_none() -> None:
    fleet, share = Fleet(), Sharing()
    host, fake = registered(fleet, transport="ssh", host_key=KEY, fingerprint=PRINT)
    fake.host_key, fake.fingerprint = KEY.replace("AAAA", "BBBB"), "SHA256:" + "b" * 43
    with watching(fleet, share=share):
        eventually(lambda: fake.contacts > 0)
        eventually(lambda: Host.objects.get(pk=host.pk).contact == Host.Contact.CONFIRM)
    assert share.made == []
