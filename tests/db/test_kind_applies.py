"""A kind that does not apply to a VM is a finding in the report; the request is not refused."""

from __future__ import annotations

from django.contrib.auth.models import User

from hosts.facts.guest import RunState
from migrations_app.domain.kinds import KINDS
from migrations_app.domain.preflight.check import CHECKS
from migrations_app.domain.request import make_request
from migrations_app.usecases.ask_preflight import ask_preflight
from migrations_app.worker.run_preflight import run_preflight
from tests.db.moving import Scene


def test_the_report_of_a_vm_in_the_wrong_state_is_whole(scene: Scene, operator: User) -> None:
    guest = scene.add_guest()
    for row in KINDS:
        off = row.off and not row.stops
        guest.state = RunState.RUNNING if off else RunState.CRASHED if row.same_host else RunState.SHUTOFF
        target = scene.hosts["kvm-a" if row.same_host else "kvm-b"].pk
        options = {"disks": {"vda": {"pool": "fast"}}} if row.same_host else {}
        request = make_request(guest=guest.definition.uuid, target=target, kind=row.kind, options=options)
        preflight = ask_preflight(by=operator, request=request)
        run_preflight(preflight.pk, connect=scene.fleet.connect)
        preflight.refresh_from_db()
        assert (preflight.verdict, preflight.error) == ("blocked", "")
        found = {finding["check"]: finding["severity"] for finding in preflight.findings}
        assert set(found) == {check.id for check in CHECKS.values() if row.kind in check.kinds}
        assert found["kind_applies"] == "blocker"
