"""Where a VM could go, as the VMs list, its page and the migrate page say: from rows alone."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hosts.facts.guest import RunState
from hosts.models import Bridge, Guest, Host, Network, Sighting
from migrations_app.models import Migration
from tests.web import seed
from tests.web.pages import flat

DMZ = [{"type": "network", "source": "dmz", "mac": "52:54:00:aa:aa:aa", "model": "virtio", "portgroup": ""}]


def row(client: Client, guest: Guest) -> str:
    """The cell of the list, tags removed."""
    text = client.get("/vms/").content.decode()
    found = text[text.index(f'id="vm-{guest.pk}"') :].split("</tr>")[0]
    cell = next(part for part in found.split("<td ") if "cell-why" in part)
    return " ".join(re.sub(r"<[^>]*>", " ", cell.partition(">")[2]).split())


def panel(client: Client, guest: Guest) -> str:
    text = client.get(f"/vms/{guest.pk}/").content.decode()
    return text[text.index('id="outlook-title"') :].split("</section>")[0]


def test_the_list_counts_the_hosts_that_could_be_asked(scene: dict[str, Any], as_viewer: Client) -> None:
    assert row(as_viewer, scene["idle"]) == "To 1 of 3 hosts"
    assert row(as_viewer, scene["off"]) == "To 1 of 3 hosts"
    Migration.objects.filter(guest=scene["lost"]).delete()
    assert row(as_viewer, scene["lost"]) == "kvm-c is not reachable."
    text = as_viewer.get("/vms/").content.decode()
    assert "“Can migrate” is based on what was last seen" in text
    assert "kvm-a has no known obstacle." in text


def test_what_moves_is_not_told_where_it_could_go(scene: dict[str, Any], as_viewer: Client) -> None:
    assert row(as_viewer, scene["web"]) == "Migration to kvm-b 62 %"
    assert 'id="outlook-title"' not in as_viewer.get(f"/vms/{scene['web'].pk}/").content.decode()


def test_a_migration_by_hand_and_what_it_leaves(scene: dict[str, Any], as_operator: Client) -> None:
    idle = scene["idle"]
    Sighting.objects.filter(guest=idle, host=scene["a"]).delete()
    there = seed.see(idle, scene["a"], state=RunState.PAUSED)
    Sighting.objects.filter(pk=there.pk).update(reason="migration")
    assert row(as_operator, idle) == "It is migrating to kvm-a now."
    assert "No known obstacle" not in panel(as_operator, idle)
    Host.objects.filter(pk=scene["a"].pk).update(contact=Host.Contact.AWAY)  # whether it still does, nobody knows
    assert "It is migrating" not in row(as_operator, idle)
    Host.objects.filter(pk=scene["a"].pk).update(contact=Host.Contact.ANSWERS)
    Sighting.objects.filter(pk=there.pk).update(state=RunState.SHUTOFF, reason="shutdown")
    assert "kvm-a already has a VM with this UUID (shut off)." in row(as_operator, idle)
    assert "Already has a VM with this UUID (shut off)" in panel(as_operator, idle)


def test_without_a_destination_the_button_is_off(scene: dict[str, Any], as_operator: Client) -> None:
    address = f"/vms/{scene['idle'].pk}/migrate/"

    def off() -> bool:
        text = as_operator.get(address).content.decode()
        return "disabled" in text[text.index('id="go"') :].split(">")[0]

    assert not off()
    Host.objects.exclude(pk=scene["idle"].current_sighting().host_id).update(contact=Host.Contact.AWAY)
    assert off()
    answer = as_operator.post(f"/vms/{scene['idle'].pk}/preflight/", {"kind": "live"}, headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert "disabled" in text[text.index('id="go"') :].split(">")[0]


def test_a_reason_instead_of_a_number(scene: dict[str, Any], as_viewer: Client) -> None:
    guest = seed.make_guest("dmz-01", scene["a"], nics=DMZ)
    told = row(as_viewer, guest)
    assert told.startswith("To none of 3 hosts kvm-b has no network dmz. kvm-c is not reachable.")
    Host.objects.filter(name__in=("kvm-c", "kvm-d")).update(contact="never")
    Network.objects.filter(host=scene["b"]).update(name="dmz")
    assert row(as_viewer, guest) == "To 1 of 3 hosts"
    Network.objects.filter(host=scene["b"]).update(gone_since=timezone.now())
    assert "has no network dmz" in row(as_viewer, guest)


def test_with_one_other_host_its_reason_is_the_answer(db: None, viewer: Any) -> None:
    from tests.web.conftest import client_of

    here = seed.make_host("kvm-a", number=1)
    guest = seed.make_guest("solo", here, nics=[])
    client = client_of(viewer)
    assert row(client, guest) == "There is no other host."
    other = seed.make_host("kvm-b", number=2, transport="unix", address="")
    assert row(client, guest) == "kvm-b has no address for other hosts: enter one on its page."
    Host.objects.filter(pk=other.pk).update(peer_address="192.0.2.2", peer_transport="tcp")
    assert row(client, guest) == "To 1 of 1 host"


def test_the_vm_page_names_each_host_and_leads_to_the_choice(
    scene: dict[str, Any], as_operator: Client, as_viewer: Client
) -> None:
    Bridge.objects.filter(host=scene["a"]).update(active=False)
    text = panel(as_operator, scene["idle"])
    assert "Has bridge br1, but it is inactive." in text
    assert "Is not reachable." in text
    link = f"/vms/{scene['idle'].pk}/migrate/?target={scene['a'].pk}"
    assert f'href="{link}"' in text
    assert f"?target={scene['c'].pk}" not in text
    Bridge.objects.filter(host=scene["a"]).update(active=True)
    assert "No known obstacle." in panel(as_operator, scene["idle"])
    assert "migrate/" not in panel(as_viewer, scene["idle"])
    assert "No known obstacle." in panel(as_operator, scene["off"])


def test_the_link_preselects_a_host_that_can_be_chosen(scene: dict[str, Any], as_operator: Client) -> None:
    extra = seed.make_host("kvm-z", number=20)

    def chosen(target: Any) -> str:
        text = flat(as_operator.get(f"/vms/{scene['idle'].pk}/migrate/?target={target}"))
        (found,) = re.findall(r'name="target" value="(\d+)" checked', text)
        return str(found)

    assert chosen(extra.pk) == str(extra.pk)
    for other in ("", "x", scene["c"].pk, scene["b"].pk, 99999):
        assert chosen(other) == str(scene["a"].pk), other


def test_what_was_seen_missing_is_a_note_and_no_bar(scene: dict[str, Any], as_operator: Client) -> None:
    """The inventory may be older than the report: only the report stops a start."""
    Guest.objects.filter(pk=scene["idle"].pk).update(nics=DMZ)
    text = flat(as_operator.get(f"/vms/{scene['idle'].pk}/migrate/"))
    assert "Has no network dmz." in text
    assert f'name="target" value="{scene["a"].pk}" checked' in text
    form = {"target": scene["a"].pk, "kind": "live", "persist": "on", "undefine_source": "on", "key": "k9"}
    assert as_operator.post(f"/vms/{scene['idle'].pk}/migrate/", form).status_code == 302


def test_the_list_asks_as_many_queries_for_many_hosts_and_networks(scene: dict[str, Any], as_viewer: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            as_viewer.get("/vms/")
        return len(caught)

    before = cost()
    for number in range(12):
        seed.make_places(seed.make_host(f"more-{number}", number=60 + number))
        seed.make_guest(f"vm-{number}", scene["a"], nics=DMZ)
    assert cost() == before
    assert Sighting.objects.filter(state=RunState.RUNNING).count() > 12
