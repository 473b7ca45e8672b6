from __future__ import annotations

import pytest

from hosts.facts.supplies import Secret
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import only, run, with_guest, with_target

UUID = "0a81f5b2-8403-4b23-c8d6-21ccc2f80d6f"
THERE = (Secret(uuid=UUID, usage="ceph one"),)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("devices/disk/encryption/secret/@uuid", UUID),
        ("devices/disk/source/encryption/secret/@uuid", UUID.upper()),
        ("devices/disk/source/auth/secret/@usage", "ceph one"),
        ("devices/tpm/backend/encryption/@secret", UUID),
    ],
)
def test_the_destination_must_have_it(path: str, value: str) -> None:
    given = with_guest(leaves=((path, value),))
    assert run("secrets_present", with_target(given, secrets=THERE)) == ()
    assert value in only("secrets_present", with_target(given, secrets=()), Severity.BLOCKER).summary
    assert only("secrets_present", given, Severity.UNKNOWN)


def test_without_secrets_nobody_asks() -> None:
    assert run("secrets_present") == ()
