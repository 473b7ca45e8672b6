from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import Cpu
from hosts.facts.host import CpuMode
from migrations_app.domain.preflight.check import Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import HEALTHY, SILENT, domcaps, facts, only, run, with_guest


def emulated(mode: str, model: str = "", **changes: object) -> Facts:
    return with_guest(facts(**changes), virt_type="qemu", cpu=Cpu(mode=mode, model=model))


def test_passes_for_kvm_when_libvirt_agrees() -> None:
    assert run("cpu_model", HEALTHY) == ()
    assert run("cpu_model", facts(target_domcaps=SILENT)) == ()


def test_passes_for_emulated_guests_without_asking_kvm() -> None:
    assert run("cpu_model", emulated("custom", "qemu64", target_cpu=SILENT)) == ()
    assert run("cpu_model", emulated("", target_cpu=SILENT, target_domcaps=SILENT)) == ()


def test_kvm_blocks_with_libvirts_words() -> None:
    given = facts(target_cpu=(False, "missing features: avx512f"))
    finding = only("cpu_model", given, Severity.BLOCKER)
    assert finding.evidence == {"libvirt": "missing features: avx512f", "CPU": "Skylake-Server"}


def test_an_unknown_model_blocks_emulated_guests() -> None:
    assert "does not know" in only("cpu_model", emulated("custom", "Madeup"), Severity.BLOCKER).summary
    assert "cannot run" in only("cpu_model", emulated("custom", "EPYC"), Severity.BLOCKER).summary


def test_a_model_of_which_libvirt_does_not_say_whether_it_can_run_is_unknown() -> None:
    mode = CpuMode(supported=True, doubtful_models=frozenset({"core2duo"}))
    given = emulated("custom", "core2duo", target_domcaps=replace(domcaps, cpu_modes={"custom": mode}))
    only("cpu_model", given, Severity.UNKNOWN)


def test_an_unsupported_mode_blocks_emulated_guests() -> None:
    only("cpu_model", emulated("host-passthrough"), Severity.BLOCKER)
    only("cpu_model", emulated("maximum"), Severity.BLOCKER)


def test_unknown_when_the_destination_is_silent() -> None:
    only("cpu_model", facts(target_cpu=SILENT), Severity.UNKNOWN)
    only("cpu_model", emulated("custom", "qemu64", target_domcaps=SILENT), Severity.UNKNOWN)


def test_a_feature_that_qemu_may_not_emulate_is_unknown() -> None:
    def having(*features: tuple[str, str]) -> Facts:
        return with_guest(virt_type="qemu", cpu=Cpu(mode="custom", model="qemu64", features=features))

    assert run("cpu_model", having(("hypervisor", "require"), ("lahf_lm", ""), ("avx512f", "disable"))) == ()
    assert "avx512f" in only("cpu_model", having(("avx512f", "force")), Severity.UNKNOWN).summary
