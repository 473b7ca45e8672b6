"""What a VM uses, and its addresses, where they are shown: never as if they were true now when they may not be."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from hosts.facts.guest import RunState
from hosts.models import Guest, Host, Sighting
from tests.web import seed
from tests.web.api_client import Api
from tests.web.pages import flat

GIB = 1024 * 1024


def _use(guest: Guest, *, cpu: float | None, memory: int | None, address: str = "", **fields: Any) -> None:
    mac = guest.nics[0]["mac"].lower()
    addresses = [{"mac": mac, "address": address}] if address else []
    key = "4" + "".join(f"{int(part):02x}" for part in address.split(".")) if address else ""
    values = {"cpu_percent": cpu, "memory_used_kib": memory, "addresses": addresses, "address_key": key}
    Sighting.objects.filter(guest=guest, gone_since=None).update(**(values | fields))


@pytest.fixture
def used(scene: dict[str, Any]) -> dict[str, Any]:
    _use(scene["db"], cpu=12.3, memory=GIB, address="192.0.2.10")
    _use(scene["idle"], cpu=0.4, memory=GIB // 4, address="192.0.2.9", memory_by_guest=True)
    _use(scene["lost"], cpu=50.0, memory=GIB, address="192.0.2.77")
    _use(scene["off"], cpu=50.0, memory=GIB, address="192.0.2.78")
    return scene


def _row(client: Client, guest: Guest) -> str:
    (row,) = re.findall(rf'<tr[^>]*id="vm-{guest.pk}".*?</tr>', flat(client.get("/vms/")), re.S)
    return str(row)


def test_the_list_shows_address_cpu_and_memory_in_use(used: dict[str, Any], as_viewer: Client) -> None:
    row = _row(as_viewer, used["db"])
    assert "192.0.2.10" in row
    assert "12 %" in row
    assert "1 GiB" in row
    assert "&lt; 1 %" in _row(as_viewer, used["idle"])


def test_a_host_that_is_not_reachable_gives_no_numbers_and_only_a_grey_address(
    used: dict[str, Any], as_viewer: Client
) -> None:
    row = _row(as_viewer, used["lost"])
    assert "50 %" not in row
    assert 'class="mono nowrap quiet" title="The address when kvm-c was last seen"' in row
    page = flat(as_viewer.get(f"/vms/{used['lost'].pk}/"))
    assert "Not known: kvm-c is not reachable." in page
    assert "50 %" not in page


def test_a_vm_that_does_not_run_uses_nothing(used: dict[str, Any], as_viewer: Client) -> None:
    row = _row(as_viewer, used["off"])
    assert "50 %" not in row
    assert "192.0.2.78" not in row
    assert "The VM is not running." in flat(as_viewer.get(f"/vms/{used['off'].pk}/"))


def test_the_page_says_who_counted_the_memory_and_which_nic_has_the_address(
    used: dict[str, Any], as_viewer: Client
) -> None:
    page = flat(as_viewer.get(f"/vms/{used['idle'].pk}/"))
    assert '256 MiB <span class="quiet">as the guest reports it' in page
    assert page.count("192.0.2.9") == 3  # in use, and at its NIC on a wide screen or a narrow one
    assert "used by QEMU on kvm-a" in flat(as_viewer.get(f"/vms/{used['db'].pk}/"))


@pytest.mark.parametrize(
    ("key", "first", "second"), [("run_cpu", "idle", "db"), ("run_memory", "idle", "db"), ("run_address", "idle", "db")]
)
def test_the_list_is_sorted_by_them_and_what_is_unknown_comes_last(
    used: dict[str, Any], as_viewer: Client, key: str, first: str, second: str
) -> None:
    Host.objects.filter(name="kvm-c").update(contact="away")
    for sort, order in ((key, [first, second]), (f"-{key}", [second, first])):
        found = re.findall(r'id="vm-([0-9a-f-]+)"', as_viewer.get(f"/vms/?sort={sort}").content.decode())
        places = [found.index(str(used[name].pk)) for name in (*order, "off")]
        assert places == sorted(places), sort


def test_a_search_finds_an_address(used: dict[str, Any], as_viewer: Client) -> None:
    text = flat(as_viewer.get("/vms/?q=192.0.2.10"))
    assert f"vm-{used['db'].pk}" in text
    assert f"vm-{used['idle'].pk}" not in text


def test_the_api_tells_them_and_null_for_what_is_not_known(used: dict[str, Any]) -> None:
    api = Api(used["olga"])
    shown = api.get(f"/guests/{used['db'].pk}").json()
    assert (shown["cpu_percent"], shown["memory_used_mib"], shown["memory_used_by"]) == (12.3, 1024, "host")
    assert shown["addresses"] == ["192.0.2.10"]
    assert api.get(f"/guests/{used['idle'].pk}").json()["memory_used_by"] == "guest"
    for name in ("lost", "off"):
        shown = api.get(f"/guests/{used[name].pk}").json()
        assert (shown["cpu_percent"], shown["memory_used_mib"], shown["memory_used_by"]) == (None, None, None)
        assert shown["addresses"] == []


def test_a_guest_that_is_on_its_way_has_the_numbers_of_the_host_that_runs_it(used: dict[str, Any]) -> None:
    see = seed.see(used["db"], used["b"], state=RunState.PAUSED)
    Sighting.objects.filter(pk=see.pk).update(reason="migration", cpu_percent=99.0)
    assert Api(used["olga"]).get(f"/guests/{used['db'].pk}").json()["cpu_percent"] == 12.3
