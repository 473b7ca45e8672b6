from __future__ import annotations

from hosts.facts.guest import RuntimeSettings
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.factories import SILENT, UUID, facts, only, run, with_guest, with_options

MIB = 1024**2


def test_passes_without_any_and_with_what_libvirt_migrates() -> None:
    assert run("runtime_settings") == ()
    assert run("runtime_settings", facts(guest_runtime=RuntimeSettings(polling={1: 32768}))) == ()
    kept = with_guest(facts(guest_runtime=RuntimeSettings(polling={1: 5000})))
    assert only("runtime_settings", kept, Severity.WARNING)
    leaves = (("iothreadids/iothread/poll/@max", "5000"),)
    assert run("runtime_settings", with_guest(kept, leaves=leaves)) == ()


def test_the_write_threshold_of_a_disk_is_lost() -> None:
    found = only(
        "runtime_settings", facts(guest_runtime=RuntimeSettings(thresholds={"vda": 10 * MIB})), Severity.WARNING
    )
    assert found.summary == "The write threshold of disk vda (10 MiB) does not migrate with web01."
    assert found.remedies[0].command == f"virsh domblkthreshold {UUID} vda {10 * MIB}"


def test_the_polling_of_an_iothread_is_lost() -> None:
    found = only("runtime_settings", facts(guest_runtime=RuntimeSettings(polling={4: 5000})), Severity.WARNING)
    assert found.evidence == {"kvm-a": "5000 ns", "kvm-b": "32768 ns"}
    assert found.remedies[0].command == f"virsh iothreadset --poll-max-ns 5000 --live {UUID} 4"


def test_a_limit_of_migrations_is_told_unless_this_one_has_its_own() -> None:
    limited = facts(guest_runtime=RuntimeSettings(speed_mib=77))
    found = only("runtime_settings", limited, Severity.INFO)
    assert found.evidence == {"limit": "77 MiB/s"}
    assert run("runtime_settings", with_options(limited, bandwidth_mib=100)) == ()


def test_commands_past_libvirt_are_lost() -> None:
    assert (
        "qemu-monitor-command"
        in only("runtime_settings", facts(guest_runtime=RuntimeSettings(monitor=True)), Severity.WARNING).summary
    )


def test_not_told_is_unknown() -> None:
    only("runtime_settings", facts(guest_runtime=SILENT), Severity.UNKNOWN)
