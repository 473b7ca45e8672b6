from __future__ import annotations

import pytest

from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, facts, only, run, stopped, with_guest

ACPI = ("features/acpi", "")
AGENT = ("devices/channel/target/@name", "org.qemu.guest_agent.0")


@pytest.mark.parametrize("leaves", [(ACPI,), (AGENT,), (ACPI, ("on_poweroff", "destroy"))])
def test_passes_with_a_way_to_ask(leaves: tuple[tuple[str, str], ...]) -> None:
    assert run("clean_shutdown", stopped(with_guest(leaves=leaves))) == ()


@pytest.mark.parametrize("then", ["restart", "preserve", "rename-restart"])
def test_one_that_does_not_end_blocks(then: str) -> None:
    given = stopped(with_guest(leaves=(ACPI, ("on_poweroff", then))))
    finding = only("clean_shutdown", given, Severity.BLOCKER)
    assert finding.evidence == {"on_poweroff": then}


def test_one_that_nothing_can_ask_blocks() -> None:
    finding = only("clean_shutdown", stopped(with_guest(leaves=())), Severity.BLOCKER)
    assert "neither ACPI nor a channel for the guest agent" in finding.summary


def test_unknown_without_the_definition() -> None:
    only("clean_shutdown", stopped(facts(guest_definition=SILENT)), Severity.UNKNOWN)
