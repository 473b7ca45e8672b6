""" "Test connection" says what was seen, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import Endpoint
from hosts.facts.host import HostIdentity
from hosts.models import Host, Introduction
from hosts.usecases.introduce import introduce

pytestmark = pytest.mark.django_db

UUID = "6b4c7c6e-1111-4222-8333-444455556666"
IDENTITY = HostIdentity(hostname="kvm-a", uuid=UUID, libvirt=9_000_000, qemu=7_002_000)
KEY = "ssh-ed25519 " + "A" * 68
PRINT = "SHA256:" + "a" * 43


class Script:
    """Answers contacts in turn and remembers how they were tried."""

    def __init__(self, *contacts: Contact) -> None:
        self.contacts = list(contacts)
        self.tried: list[Endpoint] = []

    def __call__(self, endpoint: Endpoint, *, deadline: float) -> Contact:
        assert 0 < deadline <= 8
        self.tried.append(endpoint)
        return self.contacts.pop(0)


def _introduced(script: Script, **fields: Any) -> dict[str, Any]:
    values = {"transport": "ssh", "address": "10.0.0.1", "port": None, "user": "vmadmin"} | fields
    introduction = Introduction.objects.create(fields=values)
    introduce(introduction.pk, first_contact=script)
    introduction.refresh_from_db()
    assert introduction.done is not None
    result: dict[str, Any] = introduction.result
    return result


def test_ssh_reads_the_key_and_then_trusts_only_that() -> None:
    script = Script(
        Contact(problem=ContactProblem.HOST_KEY_UNKNOWN, fingerprint=PRINT, host_key=KEY),
        Contact(identity=IDENTITY),
    )
    result = _introduced(script)
    assert [endpoint.host_key for endpoint in script.tried] == ["", KEY]
    assert result["ok"]
    assert (result["hostname"], result["host_uuid"], result["libvirt"], result["qemu"]) == (
        "kvm-a",
        UUID,
        "9.0.0",
        "7.2.0",
    )
    assert (result["fingerprint"], result["host_key"], result["known_as"]) == (PRINT, KEY, "")


def test_a_fingerprint_that_is_not_the_expected_one_is_not_logged_in_to() -> None:
    script = Script(Contact(problem=ContactProblem.HOST_KEY_UNKNOWN, fingerprint=PRINT, host_key=KEY))
    result = _introduced(script, fingerprint="SHA256:" + "b" * 43)
    assert not result["ok"]
    assert PRINT in result["message"]
    assert len(script.tried) == 1


def test_a_machine_that_is_registered_already_is_named() -> None:
    Host.objects.create(name="old-name", transport="tcp", address="10.0.0.9", host_uuid=UUID)
    result = _introduced(Script(Contact(identity=IDENTITY)), transport="tcp", user="")
    assert result["known_as"] == "old-name"


def test_a_second_delivery_of_the_task_does_nothing() -> None:
    script = Script(Contact(identity=IDENTITY))
    _introduced(script, transport="tcp", user="")
    introduce(Introduction.objects.get().pk, first_contact=script)
    assert len(script.tried) == 1


@pytest.mark.parametrize("problem", list(ContactProblem))
@pytest.mark.parametrize("transport", ["ssh", "tcp", "unix"])
def test_every_problem_has_words(problem: ContactProblem, transport: str) -> None:
    address = "" if transport == "unix" else "10.0.0.1"
    user = "vmadmin" if transport == "ssh" else ""
    contact = Contact(problem=problem, message="<b>line\none</b>" + "x" * 5000, seconds=8.0)
    result = _introduced(Script(contact), transport=transport, address=address, user=user)
    assert not result["ok"]
    assert result["problem"] == problem
    assert result["message"]
    assert len(result["message"]) < 800
    assert "\n" not in result["message"]
    assert result["remedy"] or problem is ContactProblem.OTHER


def test_the_remedy_for_a_missing_group_names_the_user() -> None:
    result = _introduced(Script(Contact(problem=ContactProblem.PERMISSION)))
    assert "vmadmin is not in the libvirt group" in result["message"]
    assert "sudo usermod -aG libvirt vmadmin" in result["remedy"]


def test_the_remedy_for_a_refused_login_shows_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hosts.usecases.introduce.public_key_line", lambda: "ssh-ed25519 AAAA kvmweb")
    result = _introduced(Script(Contact(problem=ContactProblem.AUTH)))
    assert "ssh-ed25519 AAAA kvmweb" in result["remedy"]
    assert "authorized_keys of vmadmin" in result["remedy"]
