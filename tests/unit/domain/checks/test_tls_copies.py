from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrations_app.domain.kinds import Kind
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.request import make_request
from tests.unit.domain.factories import HEALTHY, SILENT, identity, only, run, with_source

BROKEN = {"tls": True, "parallel_connections": 2, "copy_disks": ("vda",)}


def asked(facts: Facts, **options: Any) -> Facts:
    kind = Kind.LIVE_STORAGE if options.get("copy_disks") else Kind.LIVE
    request = make_request(guest=facts.request.guest, target=1, kind=kind, options=options)
    return replace(facts, request=request)


@pytest.mark.parametrize("without", BROKEN)
def test_passes_without_one_of_the_three(without: str) -> None:
    options = {name: value for name, value in BROKEN.items() if name != without}
    assert run("tls_copies", asked(with_source(identity=identity(libvirt=9_000_000)), **options)) == ()


def test_passes_with_a_name_or_a_newer_libvirt() -> None:
    old = with_source(identity=identity(libvirt=10_002_000))
    assert run("tls_copies", asked(old, **BROKEN, tls_name="kvm-b")) == ()
    assert run("tls_copies", asked(with_source(identity=identity(libvirt=10_003_000)), **BROKEN)) == ()
    assert run("tls_copies", HEALTHY) == ()


def test_an_older_libvirt_is_a_blocker() -> None:
    given = asked(with_source(identity=identity(libvirt=10_002_000)), **BROKEN)
    found = only("tls_copies", given, Severity.BLOCKER)
    assert found.evidence["fixed in"] == "10.3.0"
    assert "tls_name" in found.remedies[0].text


def test_unknown_when_the_source_is_silent() -> None:
    only("tls_copies", asked(with_source(identity=SILENT), **BROKEN), Severity.UNKNOWN)
