"""A start does not repeat a peer probe that has just reached the destination the same way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from hosts.gateway.port import GatewayError, PeerProbe, PeerResult
from hosts.models import Host
from migrations_app.domain.lifecycle import State
from migrations_app.models import Migration, PeerAnswer
from migrations_app.usecases.ask_preflight import ask_preflight
from migrations_app.worker.run_preflight import run_preflight
from tests.db.moving import Scene

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.dual]


@pytest.fixture
def checked(scene: Scene, operator: Any) -> Migration:
    """Requested, and its preflight was answered a moment ago."""
    migration = scene.request(scene.add_guest())
    preflight = ask_preflight(by=operator, request=migration.request)
    run_preflight(preflight.pk, connect=scene.fleet.connect)
    assert _probes(scene) == 1
    return migration


def _probes(scene: Scene) -> int:
    return scene.fleet.methods().count("probe_peer")


def test_an_answer_of_the_last_minute_is_not_asked_for_again(scene: Scene, checked: Migration) -> None:
    end = scene.run(checked)
    assert (end.state, _probes(scene)) == (State.DONE, 1)


def test_an_older_answer_does_not_count(scene: Scene, checked: Migration) -> None:
    PeerAnswer.objects.update(at=timezone.now() - timedelta(seconds=61))
    assert scene.run(checked).state == State.DONE
    assert _probes(scene) == 2
    assert PeerAnswer.objects.get().at > timezone.now() - timedelta(seconds=30)


def test_another_address_is_another_question(scene: Scene, checked: Migration) -> None:
    Host.objects.filter(name="kvm-b").update(peer_address="10.9.9.9")
    scene.run(checked)
    assert _probes(scene) == 2


def test_a_refusal_counts_for_nothing_and_takes_the_answer_away(
    scene: Scene, checked: Migration, operator: User
) -> None:
    scene.fleet["kvm-a"].probe = PeerProbe(result=PeerResult.FAILED, message="Host key verification failed.")
    run_preflight(ask_preflight(by=operator, request=checked.request).pk, connect=scene.fleet.connect)
    assert not PeerAnswer.objects.exists()
    assert scene.run(checked).state == State.BLOCKED
    assert _probes(scene) == 3


def test_after_a_failed_migration_the_next_one_asks_again(scene: Scene, checked: Migration) -> None:
    scene.fleet["kvm-a"].fail("migrate", GatewayError("unable to connect to server", code=38))
    assert scene.run(checked).state == State.FAILED
    guest = next(iter(scene.fleet["kvm-a"].guests.values()))
    scene.run(scene.request(guest))
    assert _probes(scene) == 2
