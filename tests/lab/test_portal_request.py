"""A member of a team asks, and the VM arrives: real hosts, and every process of kvmweb."""

from __future__ import annotations

from typing import Any

import pytest

from lab import Lab
from tests.lab.serving import Serving, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

_MEMBER = """
from kvmweb.accounts.models import Token
mia = User.objects.create_user("mia", password="mia-password-1")
print(Token.issue(mia))
"""


@pytest.fixture(scope="module")
def mia(kvmweb: Serving) -> str:
    """The token of somebody without any role."""
    return kvmweb.manage(
        "shell", "-v", "0", "-c", "from django.contrib.auth.models import User\n" + _MEMBER.strip()
    ).strip()


def request_of(kvmweb: Serving, pk: int, mia: str) -> Any:
    answer = kvmweb.get(f"/portal/requests/{pk}", token=mia)
    assert answer.status == 200, answer.body
    assert not any(name in str(answer.body) for name in (*kvmweb.lab.hosts, *_addresses(kvmweb.lab))), answer.body
    return answer.body


def _addresses(lab: Lab) -> list[str]:
    return [address for host in lab.hosts.values() for address in (host.address, host.migration_address)]


def test_a_member_asks_and_the_vm_arrives(fresh: Serving, mia: str) -> None:
    admin = fresh.admin_token
    team = fresh.post("/teams", {"name": "Shop", "patterns": ["web-*"]}, token=admin).body["id"]
    assert fresh.put(f"/teams/{team}/members/mia", {"role": "member"}, token=admin).status == 200
    assert fresh.put(f"/teams/{team}/quota", {"moves_per_day": 1}, token=admin).status == 200
    guest = fresh.guest("web-01")["uuid"]
    made = fresh.post("/portal/requests", {"guest": guest, "wish": "away", "reason": "noise"}, token=mia)
    assert made.status == 201, made.body
    pk = made.body["id"]
    wait_until(
        lambda: request_of(fresh, pk, mia)["state"] not in ("queued", "moving", "waiting_window"),
        60,
        "the request ends",
        tell=lambda: f"{fresh.get(f'/portal/requests/{pk}').body}\n{fresh.tail_of_log()}",
    )
    told = request_of(fresh, pk, mia)
    assert told["state"] == "done", (told, fresh.get(f"/portal/requests/{pk}").body)
    assert told["text"].startswith("The VM has migrated.")
    assert fresh.migration(told["migration"])["state"] == "done"
    fresh.wait_for_guest("web-01", "kvm-b")
    plan = fresh.get(f"/portal/requests/{pk}").body["plan"]
    assert (plan["source"], plan["target"], plan["kind"]) == ("kvm-a", "kvm-b", "live")
    again = fresh.post("/portal/requests", {"guest": guest, "wish": "away"}, token=mia)
    assert (again.status, again.body["exceeded"][0]["dimension"]) == (422, "moves_per_day")
