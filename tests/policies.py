"""The policies that come with kvmweb. Its schema makes them, and a test with transactions removes them at its end."""

from __future__ import annotations

from migrations_app.domain.convergence.policy import BUILT_IN
from migrations_app.models import Policy, PolicyChoice


def built_in_policies() -> None:
    for known in BUILT_IN:
        Policy.objects.get_or_create(name=known.name, defaults=known.as_json())
    first = Policy.objects.get(name=BUILT_IN[0].name)
    PolicyChoice.objects.get_or_create(host=None, guest=None, defaults={"policy": first})
