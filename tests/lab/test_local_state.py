"""UEFI variables and the state of a TPM are files of the source: a VM that is shut off has them only there, and stays."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lab import Lab
from tests.lab.serving import Serving
from tests.lab.test_what_travels import NAME, TPM, VARS, firmware_vm, part, tpm_state

__all__ = ["firmware_vm"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def blocked_offline(serving: Serving, name: str) -> str:
    """Why; local_state is the only check that blocks."""
    serving.wait_for_guest(name, "kvm-a", "shut off")
    migration = serving.wait_for_end(serving.migrate(name, "kvm-b", kind="offline")["id"])
    assert migration["state"] == "blocked", migration
    blockers = [each for each in migration["findings"] if each["severity"] == "blocker"]
    assert [each["check"] for each in blockers] == ["local_state"]
    return str(blockers[0]["summary"])


def test_uefi_variables(fresh: Serving, lab: Lab, firmware_vm: str) -> None:
    a = lab.hosts["kvm-a"]
    a.virsh("destroy", "fw-01")
    assert blocked_offline(fresh, "fw-01") == (
        "The UEFI variables of fw-01 stay in a file of kvm-a; it would start with empty ones."
    )
    assert a.exec("sha256sum", VARS) == firmware_vm


def test_the_state_of_a_tpm(fresh: Serving, lab: Lab) -> None:
    a = lab.hosts["kvm-a"]
    a.virsh("destroy", NAME)
    domain = ElementTree.fromstring(a.virsh("dumpxml", NAME, "--inactive"))
    part(domain, "devices").append(ElementTree.fromstring(TPM))
    a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
    a.virsh("start", NAME)
    a.virsh("destroy", NAME)
    before = tpm_state(a, uuid := a.virsh("domuuid", NAME).strip())
    assert blocked_offline(fresh, NAME) == (
        f"{NAME} has an emulated TPM; its state stays on kvm-a, and it would start with an empty one."
    )
    assert tpm_state(a, uuid) == before
