"""What libvirt's comparison of a CPU becomes: an answer, or an error that is not one."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from hosts.gateway import _errors, _inventory
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, HostUnreachable, Refused

CPU = "<cpu mode='custom'/>"


def error(code: int, domain: int = libvirt.VIR_FROM_QEMU) -> libvirt.libvirtError:
    made = libvirt.libvirtError("no")
    made.err = (code, domain, "it does not have avx2", 2, "", "", "", -1, -1)
    return made


class Raw:
    """A connection that gives this answer, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...

    def compareHypervisorCPU(self, *arguments: Any) -> Any:
        self.asked.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def compared(raw: Raw, *, emulator: str = "/usr/bin/qemu", machine: str = "q35") -> tuple[bool, str]:
    link = Link(lambda: raw, name="kvm-a", deadline=5.0)
    return _inventory.compare_cpu(link, emulator=emulator, arch="x86_64", machine=machine, virt_type="kvm", cpu_xml=CPU)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (libvirt.VIR_CPU_COMPARE_IDENTICAL, (True, "the CPU is identical")),
        (libvirt.VIR_CPU_COMPARE_SUPERSET, (True, "the host's CPU has all features of the VM's")),
        (libvirt.VIR_CPU_COMPARE_INCOMPATIBLE, (False, "the CPU is incompatible")),
        (99, (False, "the CPU is incompatible")),
        (error(libvirt.VIR_ERR_CPU_INCOMPATIBLE), (False, "it does not have avx2")),
    ],
)
def test_an_answer(answer: Any, expected: tuple[bool, str]) -> None:
    assert compared(Raw(answer)) == expected


def test_it_asks_for_the_reason_and_leaves_to_libvirt_what_is_not_said() -> None:
    raw, flag = Raw(libvirt.VIR_CPU_COMPARE_IDENTICAL), libvirt.VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE
    compared(raw)
    compared(raw, emulator="", machine="")
    assert raw.asked == [
        ("/usr/bin/qemu", "x86_64", "q35", "kvm", CPU, flag),
        (None, "x86_64", None, "kvm", CPU, flag),
    ]


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (error(libvirt.VIR_ERR_OPERATION_FAILED), GatewayError),
        (error(_errors.NO_SUPPORT), Refused),
        (error(_errors.RPC, libvirt.VIR_FROM_RPC), HostUnreachable),
    ],
)
def test_another_error_is_no_answer(raised: libvirt.libvirtError, expected: type[GatewayError]) -> None:
    with pytest.raises(GatewayError, match="it does not have avx2") as caught:
        compared(Raw(raised))
    assert type(caught.value) is expected
    assert caught.value.code == raised.get_error_code()
