"""The pages of policies, and the parts of other pages that choose one: without JavaScript, as a form is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from hosts.models import Guest
from kvmweb.journal.models import Entry
from migrations_app.models import Migration, Policy, PolicyChoice, Preflight
from migrations_app.usecases.choose_policy import choose_for_guest, choose_for_host
from migrations_app.usecases.policies import change_policy, make_policy
from tests.web.pages import flat
from tests.web.seed import HOSTILE

GENTLE = (
    "Allows 100 ms of downtime and up to 500 ms when copying stalls. When nothing helps, it gives up: the VM stays on"
)


def _shown(client: Client, address: str) -> dict[str, str]:
    """The fields of a page's form as it is shown, with what they hold."""
    form = re.search(r'<form[^>]*id="policy-form".*?</form>', client.get(address).content.decode(), re.S)
    assert form is not None
    page, values = form.group(), {}
    for tag in re.findall(r"<input[^>]*>", page):
        found = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if found.get("type") not in ("radio", "checkbox") or " checked" in tag:
            values[found["name"]] = found.get("value", "on")
    for name, inside in re.findall(r'<select[^>]*name="([^"]*)".*?>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)"[^>]*selected', inside)
        values[name] = chosen.group(1) if chosen else ""
    return values


def _send(client: Client, address: str, to: str = "", **changes: Any) -> Any:
    """As a browser sends the page's form after these changes; None unticks a box."""
    values = {**_shown(client, address), **changes}
    return client.post(to or address, {name: value for name, value in values.items() if value is not None})


def _gentle() -> Policy:
    return Policy.objects.get(name="gentle")


# --- the list ---------------------------------------------------------------------------------------------------------


def test_everybody_reads_what_each_does(as_viewer: Client, as_admin: Client) -> None:
    for client in (as_viewer, as_admin):
        page = flat(client.get("/policies/"))
        assert GENTLE in page
        assert (
            "100 → 150 → 200 → 300 → 400 → 500 ms; stalled after 40 s, patience 40 s; at most 800 s per GiB, and 7 days"
            in page
        )
        assert "Set for the installation." in page
    assert "Add policy" not in flat(as_viewer.get("/policies/"))
    assert f"/policies/{_gentle().pk}/" not in flat(as_viewer.get("/policies/"))
    assert f"/policies/{_gentle().pk}/" in page
    assert "Add policy" in page


def test_the_list_says_where_each_is_set(scene: dict[str, Any], as_admin: Client) -> None:
    choose_for_host(scene["a"], "must finish", by=scene["admin"])
    choose_for_guest(scene["web"], "must finish", by=scene["admin"])
    assert "Set for kvm-a, web-01." in flat(as_admin.get("/policies/"))
    for guest in Guest.objects.all():
        choose_for_guest(guest, "must finish", by=scene["admin"])
    assert f"Set for kvm-a, {Guest.objects.count()} VMs." in flat(as_admin.get("/policies/"))


def test_the_policy_of_the_installation(scene: dict[str, Any], as_admin: Client) -> None:
    answer = as_admin.post("/policies/of-installation/", {"policy": "large VM", "reason": "big ones"}, follow=True)
    assert "Saved. It counts for migrations that are requested from now on." in flat(answer)
    assert PolicyChoice.objects.get().policy.name == "large VM"
    assert "ada chose the policy “large VM” for the installation. <bdi" in flat(answer)
    for wrong in ("", "none such"):
        assert as_admin.post("/policies/of-installation/", {"policy": wrong}).status_code == 302
    assert PolicyChoice.objects.get().policy.name == "large VM"


# --- one policy -------------------------------------------------------------------------------------------------------


def test_an_admin_makes_one(scene: dict[str, Any], as_admin: Client) -> None:
    answer = _send(
        as_admin, "/policies/add/", name="night shift", ladder_ms="150 200,1000", last_resort="throttle", shadow="on",
        reason="kernels",
    )  # fmt: skip
    assert (answer.status_code, answer["Location"]) == (302, "/policies/")
    made = Policy.objects.get(name="night shift").data
    assert (made.start_downtime_ms, made.ladder_ms, made.last_resort, made.shadow) == (
        100,
        (150, 200, 1000),
        "throttle",
        True,
    )
    assert not made.built_in
    assert Entry.objects.get(topic="policies").reason == "kernels"


def test_only_what_was_changed_on_the_form_is_changed(scene: dict[str, Any], as_admin: Client) -> None:
    """Somebody else has changed another field since the form was shown."""
    address = f"/policies/{_gentle().pk}/"
    shown = _shown(as_admin, address)
    change_policy(_gentle(), {"patience_s": 70, "shadow": True, "last_resort": "finish"}, by=scene["admin"])
    assert as_admin.post(address, {**shown, "stall_window_s": "50"}).status_code == 302
    data = _gentle().data
    assert (data.stall_window_s, data.patience_s, data.shadow, data.last_resort) == (50, 70, True, "finish")


def test_shadow_mode_is_a_box(scene: dict[str, Any], as_admin: Client) -> None:
    address = f"/policies/{_gentle().pk}/"
    _send(as_admin, address, shadow="on")
    assert _gentle().shadow
    assert "shadow mode" in flat(as_admin.get("/policies/"))
    _send(as_admin, address, shadow=None)
    assert not _gentle().shadow


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("start_downtime_ms", "0", "The downtime at the start must be a whole number from 1 to 2,000,000 ms."),
        ("start_downtime_ms", "", "The downtime at the start must be a whole number from 1 to 2,000,000 ms."),
        ("ladder_ms", "150, two", "Enter whole numbers with commas between them"),
        ("ladder_ms", "200, 150", "Each longer downtime must be longer than the one before it"),
        ("ladder_ms", "9" * 40, "Enter whole numbers"),
        ("patience_s", "1.5", "The patience must be a whole number from 0 to 86,400 s."),
        ("deadline_max_s", "5", "The longest time must be a whole number from 60 to"),
        ("last_resort", "pray", "Select a valid choice"),
        ("name", "", "Enter a name."),
        ("name", "gentle", "Another policy has this name."),
        ("name", "a/b", "The name must be a name, not a path."),
        ("name", "x" * 64, "The name is longer than 63 characters."),
    ],
)
def test_an_error_stands_at_its_field(
    scene: dict[str, Any], as_admin: Client, field: str, value: str, said: str
) -> None:
    mine = make_policy({"name": "mine"}, by=scene["admin"])
    answer = _send(as_admin, f"/policies/{mine.pk}/", **{field: value})
    assert answer.status_code == 422
    page = flat(answer)
    assert page.count('class="problem"') == 1
    assert said in page
    assert Policy.objects.get(pk=mine.pk).data == mine.data


def test_a_built_in_one_is_neither_renamed_nor_removed(scene: dict[str, Any], as_admin: Client) -> None:
    address = f"/policies/{_gentle().pk}/"
    assert "Remove gentle" not in flat(as_admin.get(address))
    _send(as_admin, address, name="rough")
    as_admin.post(f"{address}remove/", {})
    assert _gentle().built_in


def test_one_that_is_set_nowhere_can_be_removed(scene: dict[str, Any], as_admin: Client) -> None:
    mine = make_policy({"name": HOSTILE}, by=scene["admin"])
    choose_for_host(scene["a"], HOSTILE, by=scene["admin"])
    stays = as_admin.post(f"/policies/{mine.pk}/remove/", {}, follow=True)
    assert "It is still the policy of kvm-a. Choose another one there first." in flat(stays)
    choose_for_host(scene["a"], None, by=scene["admin"])
    page = flat(as_admin.post(f"/policies/{mine.pk}/remove/", {"reason": "no longer used"}, follow=True))
    assert escape(HOSTILE) in page
    assert HOSTILE not in page
    assert not Policy.objects.filter(pk=mine.pk).exists()
    assert as_admin.post(f"/policies/{mine.pk}/remove/", {}).status_code == 404


# --- of a host, of a VM -----------------------------------------------------------------------------------------------


def test_the_policy_of_a_host_is_on_its_page(scene: dict[str, Any], as_admin: Client, as_operator: Client) -> None:
    page = f"/hosts/{scene['a'].pk}/"
    assert '<strong>gentle</strong> <span class="quiet">set for the installation</span>' in flat(as_operator.get(page))
    assert "policy-form" not in flat(as_operator.get(page))
    _send(as_admin, page, f"{page}policy/", policy="must finish", reason="old machine")
    assert '<strong>must finish</strong> <span class="quiet">set for kvm-a</span>' in flat(as_operator.get(page))
    assert "ada chose the policy “must finish” for kvm-a." in flat(as_operator.get(page))
    _send(as_admin, page, f"{page}policy/", policy="")
    assert not PolicyChoice.objects.filter(host=scene["a"]).exists()


def test_policy_and_consent_of_a_vm_are_on_its_page(
    scene: dict[str, Any], as_operator: Client, as_viewer: Client
) -> None:
    page = f"/vms/{scene['idle'].pk}/"
    _send(as_operator, page, f"{page}policy/", policy="large VM", pause="never", reason="a database")
    shown = flat(as_viewer.get(page))
    assert '<strong>large VM</strong> <span class="quiet">set for this VM</span>' in shown
    assert "<dt>Pause it for longer</dt><dd>Never</dd>" in shown
    assert "policy-form" not in shown
    assert _shown(as_operator, page)["initial-pause"] == "never"
    texts = list(Entry.objects.filter(topic=f"guest:{scene['idle'].pk}").order_by("id").values_list("text", "reason"))
    assert texts == [
        ("olga chose the policy “large VM” for idle-01.", "a database"),
        ("olga changed what a policy may do to idle-01. Pause it for longer: never (before: if needed).", "a database"),
    ]


def test_a_policy_that_has_just_been_removed_is_said(scene: dict[str, Any], as_operator: Client) -> None:
    page = f"/vms/{scene['idle'].pk}/"
    answer = _send(as_operator, page, f"{page}policy/", policy="none such", pause="never")
    assert answer.status_code == 302
    assert "This policy has just been removed." in flat(as_operator.get(page))
    assert _shown(as_operator, page)["pause"] == "if_needed"  # all of it, or nothing


# --- the migrate page -------------------------------------------------------------------------------------------------


def test_the_migrate_page_says_which_policy_counts(scene: dict[str, Any], as_operator: Client) -> None:
    address = f"/vms/{scene['idle'].pk}/migrate/"
    assert "As set for the installation: gentle" in flat(as_operator.get(address))
    choose_for_host(scene["b"], "must finish", by=scene["admin"])
    page = flat(as_operator.get(address))
    assert "As set for kvm-b: must finish" in page
    assert "When nothing helps, the VM is paused for as long as the rest takes." in page
    choose_for_guest(scene["idle"], "large VM", by=scene["admin"])
    assert "As set for this VM: large VM" in flat(as_operator.get(address))


def _migrate(client: Client, scene: dict[str, Any], to: str = "migrate", **values: Any) -> Any:
    return client.post(f"/vms/{scene['idle'].pk}/{to}/", {"target": scene["a"].pk, "kind": "live", **values})


def test_a_migration_gets_the_chosen_one(scene: dict[str, Any], as_operator: Client) -> None:
    assert _migrate(as_operator, scene, policy="must finish").status_code == 302
    made = Migration.objects.latest("pk")
    assert (made.asked_policy, made.policy["name"]) == ("must finish", "must finish")


def test_without_a_choice_it_is_the_one_that_is_set(scene: dict[str, Any], as_operator: Client) -> None:
    _migrate(as_operator, scene, policy="")
    made = Migration.objects.latest("pk")
    assert (made.asked_policy, made.policy["name"]) == ("", "gentle")


def test_a_method_without_policies_ignores_the_hidden_choice(scene: dict[str, Any], as_operator: Client) -> None:
    assert _migrate(as_operator, scene, policy="must finish", kind="suspended").status_code == 302
    assert Migration.objects.latest("pk").policy == {}


def test_a_removed_policy_is_an_error_at_its_field(scene: dict[str, Any], as_operator: Client) -> None:
    answer = _migrate(as_operator, scene, policy="none such")
    assert answer.status_code == 422
    assert "This policy has just been removed. Choose another one." in flat(answer)


def test_the_choice_survives_a_check_without_javascript(scene: dict[str, Any], as_operator: Client) -> None:
    back = _migrate(as_operator, scene, "preflight", policy="large VM")
    assert Preflight.objects.latest("pk").asked_policy == "large VM"
    page = as_operator.get(back["Location"]).content.decode()
    assert re.search(r'<option\s+value="large VM"[^>]*selected', page)
