"""A definition that no host has, checked over the API with what two real hosts say."""

from __future__ import annotations

from typing import Any

import pytest

from lab import Lab
from tests.lab.serving import Answer, Serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

UUID = "5d4f7f0c-2c53-4a7c-8d33-6a0c5f0f1e77"


@pytest.fixture
def serving(lab: Lab, kvmweb_over_ssh: Serving) -> Serving:
    lab.reset()
    kvmweb_over_ssh.wait_for_hosts()
    return kvmweb_over_ssh


def definition(lab: Lab, *flags: str) -> str:
    """That of web-01, for a VM that is on no host."""
    text = lab.hosts["kvm-a"].virsh("dumpxml", "web-01", *flags)
    uuid = lab.hosts["kvm-a"].virsh("domuuid", "web-01").strip()
    return text.replace(uuid, UUID).replace("<name>web-01</name>", "<name>new-01</name>")


def ask(serving: Serving, text: str, **more: Any) -> Answer:
    return serving.preflight({"definition": text, "source": "kvm-a", "target": "kvm-b", **more})


def judged(answer: Answer) -> tuple[str, set[tuple[str, str]]]:
    assert answer.status == 200, answer.body
    assert answer.body["error"] == ""
    findings = answer.body["findings"]
    return answer.body["verdict"], {(one["severity"], one["check"]) for one in findings if one["severity"] != "passed"}


def with_device(text: str, device: str) -> str:
    return text.replace("</devices>", f"{device}</devices>")


@pytest.mark.parametrize("flags", [(), ("--inactive",)])
def test_the_definition_of_an_ordinary_vm_is_ok(serving: Serving, lab: Lab, flags: tuple[str, ...]) -> None:
    verdict, found = judged(ask(serving, definition(lab, *flags)))
    assert (verdict, {severity for severity, _ in found}) == ("ok", {"info"}), found
    assert UUID not in lab.hosts["kvm-a"].virsh("list", "--all", "--uuid")


def test_of_a_vm_that_exists_it_is_ok_too(serving: Serving, lab: Lab) -> None:
    verdict, found = judged(ask(serving, lab.hosts["kvm-a"].virsh("dumpxml", "web-01", "--inactive")))
    assert verdict == "ok", found
    assert ("info", "identity_here") in found


@pytest.mark.parametrize(
    ("device", "finding"),
    [
        (
            "<crypto model='virtio' type='qemu'><backend model='builtin' queues='1'/></crypto>",
            ("blocker", "unmigratable"),
        ),
        ("<fluxcapacitor/>", ("unknown", "not_examined")),
        (
            "<interface type='network'><source network='default'/><model type='virtio'/>"
            "<filterref filter='never-defined'/></interface>",
            ("blocker", "network_filters"),
        ),
        (
            "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
            "<source file='/var/lib/libvirt/images/nowhere.qcow2'/><target dev='vdz' bus='virtio'/></disk>",
            ("blocker", "disks_reachable"),
        ),
    ],
)
def test_an_oddity_is_never_ok(serving: Serving, lab: Lab, device: str, finding: tuple[str, str]) -> None:
    verdict, found = judged(ask(serving, with_device(definition(lab, "--inactive"), device)))
    assert verdict in ("blocked", "unknown")
    assert finding in found
