from __future__ import annotations

from dataclasses import replace
from typing import Any

from hosts.facts.guest import BootFiles
from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import SILENT, cold, only, run, with_guest

NVRAM = "/var/lib/libvirt/qemu/nvram/web01_VARS.fd"


def asked(*, tls: bool = True, nvram: str = NVRAM, **changes: Any) -> Facts:
    given = cold(with_guest(boot=BootFiles(nvram=nvram)), **{"target_plain": True, **changes})
    return replace(given, request=replace(given.request, kind=Kind.OFFLINE_STORAGE, options=Options(tls=tls)))


def test_passes_where_nothing_is_sent_or_nothing_is_wanted() -> None:
    for given in (
        asked(tls=False),
        asked(nvram=""),
        asked(target_plain=False),
        asked(source_firmware={NVRAM: None}),
    ):
        assert run("unencrypted_files", given) == ()


def test_plain_tcp_blocks() -> None:
    for size in (540672, SILENT):
        found = only("unencrypted_files", asked(source_firmware={NVRAM: size}), Severity.BLOCKER)
        assert found.summary == (
            "kvmweb copies the UEFI variables of web01 itself. The migration is to be encrypted, and kvmweb reaches kvm-b"
            " by plain TCP."
        )
