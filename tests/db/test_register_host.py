"""Registering, changing, confirming and removing hosts: what is refused, what is written, who may."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django_q.models import OrmQ

from hosts.models import Errand, Host, Introduction
from hosts.usecases.ask import ask_introduction, ask_refresh
from hosts.usecases.confirm_host_key import confirm_host_key
from hosts.usecases.errors import HostRefused
from hosts.usecases.register_host import change_host, register_host
from hosts.usecases.remove_host import remove_host
from kvmweb.accounts.permissions import Role
from kvmweb.journal.models import Entry, EntryKind

pytestmark = [pytest.mark.django_db, pytest.mark.dual]

BLOB = base64.b64encode(b"k" * 51).decode()
KEY = f"ssh-ed25519 {BLOB}"
PRINT = "SHA256:" + base64.b64encode(hashlib.sha256(b"k" * 51).digest()).decode().rstrip("=")
OTHER_PRINT = "SHA256:" + "b" * 43


def _person(name: str, role: Role) -> User:
    user = User.objects.create_user(name)
    user.grants.create(role=role)
    return user


@pytest.fixture
def admin() -> User:
    return _person("alice", Role.ADMIN)


def _register(by: User, *, reason: str = "", **values: Any) -> Host:
    fields = {"name": "kvm-a", "transport": "tcp", "address": "10.0.0.1"} | values
    return register_host(fields, by=by, reason=reason)


def test_a_registered_host_is_in_the_journal_and_read_at_once(admin: User) -> None:
    host = _register(admin, transport="ssh", user="vmadmin", address=" 10.0.0.1 ", reason="new rack")
    assert (host.address, host.user, host.contact) == ("10.0.0.1", "vmadmin", Host.Contact.NEVER)
    entry = Entry.objects.get(topic=f"host:{host.pk}", kind=EntryKind.ACTION)
    assert (entry.actor, entry.reason) == (admin, "new rack")
    assert "ssh vmadmin@10.0.0.1" in entry.text
    errand = Errand.objects.get()
    assert (errand.host, errand.what, errand.asked_by) == (host, Errand.What.REFRESH, admin)
    assert Entry.objects.filter(topic="inventory", kind=EntryKind.SIGNAL).count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_admins_manage_hosts(admin: User, role: Role) -> None:
    other = _person("bob", role)
    host = _register(admin)
    with pytest.raises(PermissionDenied):
        _register(other, name="kvm-b")
    with pytest.raises(PermissionDenied):
        change_host(host, {"address": "10.0.0.2"}, by=other)
    with pytest.raises(PermissionDenied):
        remove_host(host, by=other)
    with pytest.raises(PermissionDenied):
        confirm_host_key(host, by=other, fingerprint=PRINT)
    with pytest.raises(PermissionDenied):
        ask_introduction({"transport": "tcp", "address": "10.0.0.1"}, by=other)
    assert Host.objects.get().address == "10.0.0.1"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": "../etc"}),
        ("name", {"name": ""}),
        ("name", {"name": "2"}),
        ("transport", {"transport": "ext"}),
        ("address", {"address": "-oProxyCommand=x"}),
        ("address", {"address": ""}),
        ("address", {"address": "10.0.0.1?command=x"}),
        ("address", {"address": "10.0.0.256"}),
        ("address", {"transport": "unix"}),
        ("port", {"port": 70000}),
        ("user", {"transport": "ssh", "user": "root -x"}),
        ("user", {"user": "root"}),
        ("peer_address", {"peer_address": "127.0.0.1"}),
        ("peer_address", {"peer_address": "a b"}),
        ("peer_address", {"transport": "unix", "address": "", "peer_transport": "tcp"}),
        ("peer_transport", {"peer_transport": "unix"}),
        ("peer_transport", {"transport": "unix", "address": "", "peer_address": "10.0.0.9"}),
        ("peer_user", {"peer_user": "root", "peer_address": "10.0.0.9"}),
        ("migration_address", {"migration_address": "127.0.0.1"}),
        ("migration_address", {"migration_address": "tcp://10.0.0.1"}),
        ("fingerprint", {"transport": "ssh", "fingerprint": "MD5:aa"}),
        ("fingerprint", {"transport": "ssh", "host_key": "ssh-ed25519 AAAA\nevil ssh-rsa AAAA"}),
        ("fingerprint", {"transport": "ssh", "host_key": KEY, "fingerprint": OTHER_PRINT}),
    ],
)
def test_fields_that_make_no_address_are_refused_by_name(admin: User, field: str, values: dict[str, Any]) -> None:
    with pytest.raises(HostRefused) as refusal:
        _register(admin, **values)
    assert refusal.value.field == field
    assert not Host.objects.exists()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"address": "10.0.0.2"}),
        ("name", {"name": "KVM-A", "address": "10.0.0.2"}),
        ("address", {"name": "kvm-b"}),
        ("address", {"name": "kvm-b", "port": 16509}),
    ],
)
def test_the_same_name_or_address_twice_is_refused(admin: User, field: str, values: dict[str, Any]) -> None:
    _register(admin)
    with pytest.raises(HostRefused) as refusal:
        _register(admin, **values)
    assert refusal.value.field == field
    assert Host.objects.count() == 1


def test_another_port_is_another_host(admin: User) -> None:
    _register(admin)
    _register(admin, name="kvm-b", port=16510)
    assert Host.objects.count() == 2


def test_a_key_names_its_fingerprint(admin: User) -> None:
    host = _register(admin, transport="ssh", host_key=KEY)
    assert (host.host_key, host.fingerprint) == (KEY, PRINT)


def test_another_address_forgets_the_key_but_not_the_machine(admin: User) -> None:
    host = _register(admin, transport="ssh", host_key=KEY)
    Host.objects.filter(pk=host.pk).update(host_uuid="6b4c7c6e-1111-4222-8333-444455556666")
    host = change_host(host, {"migration_address": "192.168.9.1"}, by=admin)
    assert host.fingerprint == PRINT
    host = change_host(host, {"address": "10.0.0.2"}, by=admin, reason="renumbered")
    assert (host.fingerprint, host.host_key, host.migration_address) == ("", "", "192.168.9.1")
    assert host.host_uuid is not None
    entry = Entry.objects.filter(kind=EntryKind.ACTION).latest("id")
    assert "address 10.0.0.1 → 10.0.0.2" in entry.text
    assert entry.reason == "renumbered"


def test_a_change_that_changes_nothing_writes_nothing(admin: User) -> None:
    host = _register(admin)
    before = Entry.objects.count()
    change_host(host, {"address": "10.0.0.1"}, by=admin)
    assert Entry.objects.count() == before


def test_only_the_key_the_host_shows_now_can_be_confirmed(admin: User) -> None:
    host = _register(admin, transport="ssh", host_key=KEY)
    with pytest.raises(HostRefused):
        confirm_host_key(host, by=admin, fingerprint=OTHER_PRINT)
    Host.objects.filter(pk=host.pk).update(offered_fingerprint=OTHER_PRINT)
    with pytest.raises(HostRefused):
        confirm_host_key(host, by=admin, fingerprint=PRINT)
    host = confirm_host_key(host, by=admin, fingerprint=OTHER_PRINT)
    assert (host.fingerprint, host.host_key, host.offered_fingerprint) == (OTHER_PRINT, "", "")


def test_a_removed_host_leaves_its_journal(admin: User) -> None:
    host = _register(admin)
    topic = f"host:{host.pk}"
    remove_host(host, by=admin, reason="scrapped")
    assert not Host.objects.exists()
    assert Entry.objects.filter(topic=topic, kind=EntryKind.ACTION, reason="scrapped").exists()


def test_asking_twice_for_a_refresh_is_one_errand(admin: User) -> None:
    host = _register(admin)
    viewer = _person("carol", Role.VIEWER)
    assert ask_refresh(host, by=viewer) == ask_refresh(host, by=admin)
    assert Errand.objects.count() == 1


def test_an_introduction_is_queued_together_with_its_row(admin: User) -> None:
    introduction = ask_introduction({"transport": "ssh", "address": "10.0.0.1", "junk": 1}, by=admin)
    task = OrmQ.objects.get()
    assert (task.key, task.task["func"], task.task["args"]) == ("kvmweb", "hosts.tasks.introduce", (introduction.pk,))
    assert "junk" not in Introduction.objects.get().fields
    with pytest.raises(HostRefused):
        ask_introduction({"transport": "ssh", "address": "a/b"}, by=admin)
