from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    HEALTHY,
    SILENT,
    identity,
    only,
    run,
    stays,
    with_options,
    with_source,
    with_target,
)

#: Debian 13
NEW = identity(libvirt=11_003_000, qemu=10_000_000)


def at(source: int, target: int, **options: Any) -> Facts:
    both = with_source(with_target(identity=identity(libvirt=target)), identity=identity(libvirt=source))
    return with_options(both, **options)


@pytest.mark.parametrize(
    ("options", "since"),
    [
        ({"copy_disks": True, "detect_zeroes": True}, 10_009_000),
        ({"copy_disks": True, "sync_writes": True}, 8_000_000),
        ({"compression": "zlib", "parallel_connections": 2}, 9_004_000),
        ({"compression": "zstd", "parallel_connections": 2}, 9_004_000),
        ({"compression_level": 3, "compression": "zstd", "parallel_connections": 2}, 9_004_000),
        ({"zerocopy": True, "parallel_connections": 2}, 8_005_000),
        ({"parallel_connections": 2}, 5_002_000),
        ({"auto_converge": True, "auto_converge_initial": 30}, 2_000_000),
    ],
)
def test_both_hosts_need_the_libvirt_that_has_the_option(options: dict[str, Any], since: int) -> None:
    assert run("option_conflicts", at(since, since, **options)) == ()
    for hosts in ((since - 1, since), (since, since - 1)):
        found = run("option_conflicts", at(*hosts, **options))
        assert found
        assert {one.severity for one in found} == {Severity.BLOCKER}


def test_the_versions_of_both_hosts_are_said() -> None:
    given = at(9_000_000, 11_003_000, copy_disks=True, detect_zeroes=True)
    found = only("option_conflicts", given, Severity.BLOCKER)
    assert found.summary == (
        "Do not write zeroes to the copies: needs libvirt 10.9.0 or later on both hosts;"
        " kvm-a has libvirt 9.0.0 and kvm-b has libvirt 11.3.0."
    )
    assert found.affects == "option detect_zeroes"
    assert found.evidence == {"kvm-a": "libvirt 9.0.0, QEMU 7.2.0", "kvm-b": "libvirt 11.3.0, QEMU 7.2.0"}


def test_zero_copy_needs_a_newer_qemu() -> None:
    given = with_target(with_options(zerocopy=True, parallel_connections=2), identity=identity(qemu=6_002_000))
    assert "needs QEMU 7.1.0" in only("option_conflicts", given, Severity.BLOCKER).summary


@pytest.mark.parametrize("options", [{"compressed": True}, {"compression": "xbzrle"}])
@pytest.mark.parametrize("host", [identity(), NEW])
def test_no_version_sends_differences_over_parallel_connections(options: dict[str, Any], host: Any) -> None:
    both = with_source(with_target(identity=host), identity=host)
    found = only("option_conflicts", with_options(both, parallel_connections=4, **options), Severity.BLOCKER)
    assert found.summary.startswith(
        "QEMU cannot send differences (xbzrle) over parallel connections; kvm-a has libvirt "
    )
    assert run("option_conflicts", with_options(both, **options)) == ()


def test_a_level_needs_a_newer_libvirt_where_kvmweb_runs() -> None:
    both = with_source(with_target(identity=NEW), identity=NEW)
    given = with_options(both, compression="zstd", compression_level=3, parallel_connections=2)
    assert run("option_conflicts", given) == ()
    found = only("option_conflicts", replace(given, sends_levels=False), Severity.BLOCKER)
    assert found.affects == "option compression_level"


def test_unknown_when_the_versions_would_matter() -> None:
    silent = with_target(identity=SILENT)
    assert run("option_conflicts", with_options(silent, auto_converge=True)) == ()
    only("option_conflicts", with_options(silent, parallel_connections=2), Severity.UNKNOWN)
    assert run("option_conflicts", HEALTHY) == ()


def test_one_host_is_named_alone() -> None:
    given = stays(source_identity=identity(libvirt=7_000_000), target_identity=identity(libvirt=7_000_000))
    options = given.request.options.changed(sync_writes=True)
    finding = only(
        "option_conflicts", replace(given, request=replace(given.request, options=options)), Severity.BLOCKER
    )
    assert finding.summary.endswith("needs libvirt 8.0.0 or later; kvm-a has libvirt 7.0.0.")
