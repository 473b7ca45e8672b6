"""Whether a forecast may propose post-copy: nobody has asked for it yet."""

from __future__ import annotations

import pytest

from migrations_app.domain.preflight.catalog import allows_post_copy
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, SILENT, identity, with_options, with_target


def test_where_its_checks_pass() -> None:
    assert allows_post_copy(HEALTHY)
    assert allows_post_copy(with_options(HEALTHY, post_copy=True))


@pytest.mark.parametrize(
    "facts",
    [
        with_target(identity=identity(libvirt=11_003_000)),
        with_target(identity=SILENT),
        with_options(HEALTHY, compression="xbzrle"),
        with_options(with_target(identity=identity(qemu=7_002_000)), parallel_connections=4),
    ],
)
def test_not_where_one_has_a_finding_or_cannot_tell(facts: Facts) -> None:
    assert not allows_post_copy(facts)
