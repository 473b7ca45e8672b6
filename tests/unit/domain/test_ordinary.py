"""The ordinary guest stays green: what virt-install and virt-manager make gives no finding on an equal destination."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity
from tests.unit.domain.destinations import equal, judged

ORDINARY = sorted((Path(__file__).parents[2] / "data" / "ordinary").glob("*.xml"))
SELINUX = (
    "<seclabel type='dynamic' model='selinux' relabel='yes'><label>system_u:system_r:svirt_t:s0:c1,c2</label>"
    "<imagelabel>system_u:object_r:svirt_image_t:s0:c1,c2</imagelabel></seclabel></domain>"
)
VNC = "<graphics type='vnc' port='5901' autoport='yes' listen='0.0.0.0'><listen type='address' address='0.0.0.0'/></graphics>"


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_an_ordinary_guest_is_ok(path: Path) -> None:
    findings = run_all(equal(path.read_text())).findings
    assert [f for f in findings if f.severity not in (Severity.PASSED, Severity.INFO)] == []


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_so_is_the_same_with_selinux_and_vnc(path: Path) -> None:
    assert (
        judged(equal(path.read_text().replace("</domain>", SELINUX).replace("</devices>", f"{VNC}</devices>"))) == "ok"
    )
