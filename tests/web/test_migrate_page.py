"""The migrate page: choices, report, button; and what follows the click."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from hosts.models import Guest, Host, StoragePool, Volume
from migrations_app.domain.kinds import Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.options import Options
from migrations_app.domain.request import make_request
from migrations_app.models import Migration, Preflight
from migrations_app.pages.presets import PRESETS
from tests.web import seed
from tests.web.conftest import client_of
from tests.web.pages import flat

HTMX = {"HX-Request": "true"}


@pytest.fixture
def form(scene: dict[str, Any]) -> dict[str, Any]:
    """idle-01 from kvm-b to kvm-a, as the page sends it."""
    return {"target": scene["a"].pk, "kind": "live", "persist": "on", "undefine_source": "on", "key": "k1"}


def page(scene: dict[str, Any], end: str = "migrate") -> str:
    return f"/vms/{scene['idle'].pk}/{end}/"


def test_hosts_that_cannot_take_the_vm_are_listed_with_the_reason(scene: dict[str, Any], as_operator: Client) -> None:
    text = flat(as_operator.get(page(scene)))
    for reason in ("Has the VM now.", "Is not reachable.", "Shows an ssh host key that has to be confirmed first."):
        assert reason in text
    assert text.count('name="target"') == 4
    assert text.count('" disabled') == 3


def test_the_click_makes_one_migration_however_often(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    answers = [as_operator.post(page(scene), form) for _ in range(3)]
    made = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED)
    assert {answer.headers["Location"] for answer in answers} == {f"/migrations/{made.pk}/"}
    assert (made.source, made.target, made.requested_by) == (scene["b"], scene["a"], scene["olga"])


def test_a_second_person_is_led_to_the_running_migration(
    scene: dict[str, Any], as_operator: Client, as_admin: Client, form: dict[str, Any]
) -> None:
    as_operator.post(page(scene), form)
    made = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED)
    answer = as_admin.post(page(scene), form | {"key": "another"})
    assert answer.status_code == 422
    assert "already migrating to kvm-a" in answer.content.decode()
    assert f'href="/migrations/{made.pk}/"' in answer.content.decode()


def test_the_same_form_with_other_choices_is_refused(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    as_operator.post(page(scene), form)
    answer = as_operator.post(page(scene), form | {"bandwidth_mib": "50"})
    assert answer.status_code == 422
    assert "This form was sent before, with other choices." in answer.content.decode()


def test_options_become_the_request(scene: dict[str, Any], as_operator: Client, form: dict[str, Any]) -> None:
    as_operator.post(
        page(scene),
        form
        | {
            "kind": "live_storage", "copy_disks": ["vda"], "bandwidth_mib": "80", "max_downtime_ms": "400",
            "auto_converge": "on", "reason": "new kernel",
        },
    )  # fmt: skip
    made = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED)
    options = made.request.options
    assert (made.kind, options.copy_disks, options.bandwidth_mib) == ("live_storage", ("vda",), 80)
    assert (options.max_downtime_ms, options.auto_converge, made.reason) == (400, True, "new kernel")


def test_suspended_is_offered_with_what_it_means(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    html = as_operator.get(page(scene)).content.decode()
    assert 'value="suspended"' in html
    assert "The VM is paused while its memory is copied" in html
    assert (
        'class="option flat not-live not-live_storage not-offline not-offline_storage not-storage not-stop_move_start"'
        in html
    )  # keep_paused is for it alone
    as_operator.post(page(scene), form | {"kind": "suspended", "keep_paused": "on"})
    made = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED)
    options = made.request.options
    assert (made.kind, options.keep_paused, options.copy_disks) == ("suspended", True, False)


def test_options_that_the_method_hides_are_not_asked_for(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    hidden = {"auto_converge": "on", "max_downtime_ms": "400"}
    as_operator.post(page(scene), form | {"kind": "suspended", "copy_disks": ["vda"], **hidden})
    options = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED).request.options
    assert (options.auto_converge, options.max_downtime_ms, options.copy_disks) == (False, None, ("vda",))


def test_overcommit_is_offered_with_the_disks_to_copy(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    content = as_operator.get(page(scene)).content.decode()
    box = r'<label class="option flat not-live not-offline not-stop_move_start">\s*<input[^>]*name="allow_overcommit"'
    assert re.search(box, content)
    assert "When the pool fills up, the VM is paused." in content
    as_operator.post(page(scene), form | {"kind": "live_storage", "copy_disks": ["vda"], "allow_overcommit": "on"})
    assert Migration.objects.get(guest=scene["idle"], state=State.REQUESTED).request.options.allow_overcommit is True


def test_the_newer_options_become_the_request(scene: dict[str, Any], as_operator: Client, form: dict[str, Any]) -> None:
    boxes = {
        "compression": "zstd", "compression_level": "3", "parallel_connections": "4", "auto_converge": "on",
        "auto_converge_initial": "30", "listen_address": "KVM-A.lab", "migration_address": "", "bandwidth_mib": "",
        "sync_writes": "on", "allow_overcommit": "on", "xbzrle_cache_mib": "64",
    }  # fmt: skip
    assert as_operator.post(page(scene), form | boxes).status_code == 302
    made = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED).request.options
    assert made.unusual() == {
        "compression": "zstd", "compression_level": 3, "parallel_connections": 4, "auto_converge": True,
        "auto_converge_initial": 30, "listen_address": "kvm-a.lab",
    }  # fmt: skip


def test_a_limit_for_disks_is_meant_before_disks_are_ticked(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    """Live with storage copies all that need it then; Suspended copies none, and says so."""
    limit = {"disk_bandwidth_mib": "20", "new_name": " web 2 "}
    refused = as_operator.post(page(scene), form | limit | {"kind": "suspended"}).content.decode()
    assert "No disk is copied. Choose disks to copy, or remove the limit for disks." in refused
    assert as_operator.post(page(scene), form | limit | {"kind": "live_storage"}).status_code == 302
    made = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED).request.options
    assert made.unusual() == {"disk_bandwidth_mib": 20, "new_name": "web 2", "copy_disks": True}


@pytest.mark.parametrize(
    ("boxes", "sentence"),
    [
        ({"new_name": "a/b"}, "The new name must be a name, not a path."),
        ({"parallel_connections": "4", "bandwidth_mib": "9"}, "QEMU does not keep to a bandwidth limit over several"),
        ({"xbzrle_cache_mib": "3", "compression": "xbzrle"}, "must be a power of two from 1 to 1,048,576 MiB."),
        ({"compression": "mt"}, "Select a valid choice."),
        ({"migration_address": "tcp://x"}, "Enter an IP address or a host name"),
        ({"zerocopy": "on"}, "Zero-copy works only with parallel connections."),
    ],
)
def test_a_contradiction_stands_beside_its_box(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any], boxes: dict[str, str], sentence: str
) -> None:
    answer = as_operator.post(page(scene), form | boxes)
    assert answer.status_code == 422
    assert sentence in flat(answer)
    assert '<details class="fold" open>' in answer.content.decode()
    assert not Migration.objects.filter(guest=scene["idle"], state=State.REQUESTED).exists()


def test_a_preset_names_every_box_that_it_fills_in(scene: dict[str, Any], as_operator: Client) -> None:
    text = as_operator.get(page(scene)).content.decode()
    presets = [json.loads(unescape(found)) for found in re.findall(r'data-preset="([^"]+)"', text)]
    assert [preset["bandwidth_mib"] for preset in presets] == ["100", "", ""]
    for preset in presets:
        assert preset.keys() == presets[0].keys()
        assert [name for name in preset if f'name="{name}"' not in text] == []
    assert "migration_address" not in presets[0]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
@pytest.mark.parametrize("kind", ["live", "live_storage"])
def test_a_preset_does_not_contradict_itself(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any], preset: Any, kind: str
) -> None:
    boxes = {name: value for name, value in json.loads(preset.boxes).items() if value is not False}
    assert as_operator.post(page(scene), form | boxes | {"kind": kind}).status_code == 302
    made = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED).request.options
    assert preset.values.items() >= {n: v for n, v in made.unusual().items() if n != "copy_disks"}.items()


def test_the_older_name_of_a_compression_is_shown_as_the_compression(
    scene: dict[str, Any], as_operator: Client
) -> None:
    asked = make_request(
        guest=str(scene["idle"].pk), target=scene["a"].pk, kind=Kind.LIVE, options={"compressed": True}
    )
    made = Preflight.objects.create(
        guest=scene["idle"], target=scene["a"], kind="live", options=asked.options.as_json()
    )
    text = flat(as_operator.get(f"{page(scene)}?preflight={made.pk}"))
    assert '<option value="xbzrle" selected> Differences (xbzrle) </option>' in text
    assert 'name="compressed"' not in text


def test_contradicting_options_are_explained(scene: dict[str, Any], as_operator: Client, form: dict[str, Any]) -> None:
    del form["persist"]
    answer = as_operator.post(page(scene), form)
    assert answer.status_code == 422
    assert "the VM would be gone after its next shutdown" in flat(answer)
    assert not Migration.objects.filter(state=State.REQUESTED).exists()


@pytest.mark.parametrize("target", ["", "999", "x"])
def test_a_host_that_cannot_take_it_is_refused(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any], target: str
) -> None:
    for value in (target, scene["c"].pk, scene["b"].pk):
        assert as_operator.post(page(scene), form | {"target": value}).status_code == 422
    assert not Migration.objects.filter(guest=scene["idle"], state=State.REQUESTED).exists()


def test_unsafe_is_for_admins_who_type_the_name(
    scene: dict[str, Any], as_operator: Client, as_admin: Client, form: dict[str, Any]
) -> None:
    unsafe = form | {"unsafe": "on", "confirm": "idle-01"}
    assert 'name="unsafe"' not in as_operator.get(page(scene)).content.decode()
    assert as_operator.post(page(scene), unsafe).status_code == 403
    assert "virt-xml idle-01 --edit target=vda --disk cache=none" in as_admin.get(page(scene)).content.decode()
    answer = as_admin.post(page(scene), unsafe | {"confirm": "idle"})
    assert answer.status_code == 422
    assert "exact name of the VM" in answer.content.decode()
    assert as_admin.post(page(scene), unsafe).status_code == 302


def test_a_check_is_asked_for_and_waited_for(scene: dict[str, Any], as_operator: Client, form: dict[str, Any]) -> None:
    answer = as_operator.post(page(scene, "preflight"), form, headers=HTMX)
    asked = Preflight.objects.latest("id")
    text = answer.content.decode()
    assert "Checking on both hosts whether idle-01 can migrate to kvm-a." in text
    assert f'hx-get="/preflights/{asked.pk}/"' in text
    assert "disabled" in text
    Preflight.objects.filter(pk=asked.pk).update(seen_at=asked.asked, verdict="ok", findings=seed.FINDINGS[4:])
    text = flat(as_operator.get(f"/preflights/{asked.pk}/", headers=HTMX))
    assert "hx-get" not in text
    assert "idle-01 can migrate to kvm-a: no known obstacle." in text
    assert "<span>Migrate idle-01 to kvm-a</span>" in text


def test_without_javascript_the_check_is_a_page(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    answer = as_operator.post(page(scene, "preflight"), form | {"max_downtime_ms": "250", "auto_converge": "on"})
    asked = Preflight.objects.latest("id")
    assert answer.headers["Location"] == f"{page(scene)}?preflight={asked.pk}"
    Preflight.objects.filter(pk=asked.pk).update(seen_at=asked.asked, verdict="warnings", findings=seed.FINDINGS[3:])
    text = as_operator.get(answer.headers["Location"]).content.decode()
    assert "Read 1 warning first." in text
    assert 'value="250"' in text
    assert '<details class="fold" open>' in text


def test_blockers_disable_the_button_and_unknowns_name_their_number(scene: dict[str, Any], as_operator: Client) -> None:
    blocked = flat(as_operator.get(f"/preflights/{scene['report'].pk}/"))
    assert "cannot migrate to kvm-a now. Resolve 1 blocker first." in blocked
    assert 'form="migrate" disabled' in blocked
    assert "nmcli con add type bridge" in blocked
    unknown = seed.make_preflight(scene["idle"], scene["a"], findings=seed.FINDINGS[1:])
    text = flat(as_operator.get(f"/preflights/{unknown.pk}/"))
    assert "<span>Migrate with 2 unknowns</span>" in text
    assert 'form="migrate" disabled' not in text


def test_the_same_by_hand_is_shown(scene: dict[str, Any], as_operator: Client) -> None:
    text = as_operator.get(f"/preflights/{scene['report'].pk}/").content.decode()
    assert (
        "virsh -c qemu:///system migrate --live --p2p --persistent --undefinesource idle-01"
        " qemu+ssh://root@192.0.2.1/system tcp://198.51.100.1"
    ) in text
    assert "Run it as root on kvm-b." in text
    scene["idle"].sightings.update(persistent=False)
    transient = as_operator.get(f"/preflights/{scene['report'].pk}/").content.decode()
    assert "migrate --live --p2p idle-01" in transient


def test_a_vm_that_is_shut_off_is_offered_offline(scene: dict[str, Any], as_operator: Client) -> None:
    for guest, kind in ((scene["off"], "offline"), (scene["idle"], "live")):
        text = flat(as_operator.get(f"/vms/{guest.pk}/migrate/"))
        (radio,) = re.findall(r'<input[^>]*name="kind"[^>]* checked', text)
        assert f'value="{kind}"' in radio
        assert 'name="start_after"' in text


def test_options_that_offline_does_not_have_are_left_out(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    choices = {"kind": "offline", "start_after": "on", "bandwidth_mib": "7", "persist": ""}
    as_operator.post(f"/vms/{scene['idle'].pk}/migrate/", form | choices)
    made = Migration.objects.get(guest=scene["idle"], kind="offline")
    assert made.request.options.unusual() == {"start_after": True}


def test_the_same_by_hand_is_offline(scene: dict[str, Any], as_operator: Client) -> None:
    report = seed.make_preflight(scene["off"], scene["b"], findings=[], kind="offline")
    Preflight.objects.filter(pk=report.pk).update(options=Options(start_after=True).as_json())
    text = as_operator.get(f"/preflights/{report.pk}/").content.decode()
    assert "virsh -c qemu:///system migrate --offline --p2p --persistent --undefinesource archive" in text
    assert re.search(r"virsh -c qemu\+ssh://\S+/system start archive", text)


def test_a_vm_that_is_shut_down_needs_its_name(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    choices = form | {"kind": "stop_move_start", "shutdown_patience_s": "60"}
    answer = as_operator.post(page(scene), choices | {"confirm": "idle-01"})
    assert answer.status_code == 422
    text = flat(answer)
    assert "idle-01 is shut down on kvm-b and started on kvm-a. It is interrupted for 5 s to 2 min:" in text
    assert not Migration.objects.filter(kind="stop_move_start").exists()
    as_operator.post(page(scene), choices | {"confirm_stop": "idle-01"})
    made = Migration.objects.get(guest=scene["idle"], kind="stop_move_start")
    assert made.request.options.unusual() == {"shutdown_patience_s": 60}


def test_a_vm_that_nobody_has_cannot_be_moved(scene: dict[str, Any], as_operator: Client) -> None:
    nowhere: Guest = seed.make_guest("ghost")
    text = as_operator.get(f"/vms/{nowhere.pk}/migrate/").content.decode()
    assert "No host reports this VM" in text
    assert 'id="migrate"' not in text


def test_another_guest_s_report_is_not_shown(scene: dict[str, Any], as_operator: Client) -> None:
    text = as_operator.get(f"/vms/{scene['off'].pk}/migrate/?preflight={scene['report'].pk}").content.decode()
    assert "Not checked yet" in text


def test_cancel_says_what_will_be_true_and_sets_the_flag(scene: dict[str, Any], as_operator: Client) -> None:
    running: Migration = scene["running"]
    address = f"/migrations/{running.pk}/"
    text = as_operator.get(address).content.decode()
    assert "web-01 keeps running on kvm-a." in text
    assert as_operator.post(f"{address}cancel/", {"reason": "too slow"}).headers["Location"] == address
    running.refresh_from_db()
    assert running.cancelled_by_name == "olga"
    text = as_operator.get(address).content.decode()
    assert "Cancel requested by olga" in text
    assert "too slow" in text
    assert 'id="cancel"' not in text


def test_a_late_cancel_says_so(scene: dict[str, Any]) -> None:
    client = client_of(scene["olga"])
    answer = client.post(f"/migrations/{scene['done'].pk}/cancel/", follow=True)
    assert "has already ended" in answer.content.decode()


@pytest.mark.parametrize(("severity", "streamed"), [("info", False), ("warning", True)])
def test_disks_that_kvmweb_copies_itself_have_no_forecast_and_no_command(
    severity: str, streamed: bool, scene: dict[str, Any], as_operator: Client
) -> None:
    said = {
        "check": "source_start",
        "title": "Start",
        "severity": severity,
        "summary": "",
        "affects": "",
        "remedies": [],
    }
    made = seed.make_preflight(scene["off"], scene["b"], findings=[{**said, "evidence": {}}], kind="offline_storage")
    text = flat(as_operator.get(f"/preflights/{made.pk}/"))
    assert ("No forecast: kvmweb copies the disks itself" in text) is streamed
    assert ("No forecast yet:" in text) is not streamed
    assert ("start --paused" in text) is not streamed


def test_the_forecast_stands_under_the_report(scene: dict[str, Any], as_operator: Client) -> None:
    report = seed.make_preflight(scene["idle"], scene["a"], findings=[])
    page = f"/preflights/{report.pk}/"
    assert "No forecast yet:" in as_operator.get(page).content.decode()
    seed.Preflight.objects.filter(pk=report.pk).update(forecast=seed.FORECAST)
    text = flat(as_operator.get(page))
    assert "<dt>Transfer</dt><dd>8 to 12 s, most likely 9 s</dd>" in text
    assert "<dt>Expected downtime</dt><dd>70 to 140 ms</dd>" in text
    assert "Likely: memory changes at 30 MiB/s to 50 MiB/s, the transfer rate was 412 MiB/s." in text
    assert (
        "Based on 3 earlier migrations between these hosts and the dirty rate measured by the check; not guaranteed."
        in text
    )


def test_a_first_forecast_says_that_it_rests_on_the_nominal_rate(scene: dict[str, Any], as_operator: Client) -> None:
    report = seed.make_preflight(scene["idle"], scene["a"], findings=[])
    first = {**seed.FORECAST, "runs": 0, "rate_from": "nominal", "verdict": "uncertain", "ends": None, "high_ms": None}
    first |= {"likely_ms": None, "proposes": "post-copy", "proposes_by": "post_copy"}
    seed.Preflight.objects.filter(pk=report.pk).update(forecast=first)
    text = flat(as_operator.get(f"/preflights/{report.pk}/"))
    assert "<dt>Transfer</dt><dd>8 s or longer.</dd>" in text
    assert (
        "Uncertain: memory changes at 30 MiB/s to 50 MiB/s, the path carries at most 420 MiB/s. How much less" in text
    )
    assert "<dt>Policy</dt><dd>“post-copy” is likely to end it: the VM continues on the destination before" in text
    assert "losing either host loses the VM.</dd>" in text
    assert "only the nominal rate of the source’s network interface: the path may carry far less." in text


def test_a_move_that_cannot_start_shows_no_forecast(scene: dict[str, Any], as_operator: Client) -> None:
    report = seed.make_preflight(scene["idle"], scene["a"], findings=seed.FINDINGS[:1])
    seed.Preflight.objects.filter(pk=report.pk).update(forecast=seed.FORECAST)
    text = as_operator.get(f"/preflights/{report.pk}/").content.decode()
    assert "Forecast" not in text
    assert "Transfer</dt>" not in text


def test_the_line_by_hand_copies_what_the_preflight_chose(scene: dict[str, Any], as_operator: Client) -> None:
    report = seed.make_preflight(scene["idle"], scene["a"], findings=[])
    rows = seed.Preflight.objects.filter(pk=report.pk)
    page = f"/preflights/{report.pk}/"
    rows.update(kind="live_storage", options={"copy_disks": True}, copied_disks=["vdb"])
    assert "--copy-storage-all --migrate-disks vdb idle-01" in as_operator.get(page).content.decode()
    rows.update(copied_disks=[])
    assert "--copy-storage" not in as_operator.get(page).content.decode()
    rows.update(copied_disks=None)
    assert "virsh -c" not in as_operator.get(page).content.decode()


def test_a_page_made_for_another_host_is_refused_with_the_choices_kept(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    answer = as_operator.post(page(scene), form | {"source": scene["c"].pk, "reason": "Disk change"})
    assert answer.status_code == 422
    assert "idle-01 is on kvm-b now; this page is older." in flat(answer)
    assert 'value="Disk change"' in answer.content.decode()
    assert not Migration.objects.active().filter(guest=scene["idle"]).exists()
    assert as_operator.post(page(scene), form | {"source": scene["b"].pk}).status_code == 302


def test_nobody_starts_by_a_report_that_is_older_than_a_minute(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    report = Preflight.objects.create(guest=scene["idle"], target=scene["a"], kind="live", verdict="ok")
    Preflight.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
    said = "This check is more than a minute old."
    assert said in flat(answer := as_operator.post(page(scene), form | {"report": report.pk}))
    assert answer.status_code == 422
    text = flat(as_operator.get(f"{page(scene)}?preflight={report.pk}"))
    assert said in text
    assert "no known obstacle" not in text
    Preflight.objects.update(seen_at=timezone.now())
    assert as_operator.post(page(scene), form | {"report": report.pk}).status_code == 302


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"bandwidth_mib": "0"}, "The bandwidth limit must be a whole number from 1 to 1,000,000 MiB/s."),
        ({"bandwidth_mib": "1.5"}, "The bandwidth limit must be a whole number from 1 to 1,000,000 MiB/s."),
        ({"max_downtime_ms": "9000000"}, "The allowed downtime must be a whole number from 1 to 2,000,000 ms."),
        ({"reason": "x" * 501}, "The reason is longer than 500 characters."),
    ],
)
def test_a_choice_out_of_its_bounds_is_answered_with_its_own_sentence(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any], choice: dict[str, str], said: str
) -> None:
    posted = (as_operator.post(page(scene, end), form | choice, headers=HTMX) for end in ("migrate", "preflight"))
    for answer in posted:
        assert said in (text := flat(answer))
        assert "Ensure this value" not in text


CHOICES = {"choices": "kept", "reason": "Disk change", "bandwidth_mib": "50"}


@pytest.mark.parametrize("end", ["migrate", "preflight"])
def test_the_choices_outlive_another_login_and_an_ended_session(
    scene: dict[str, Any], form: dict[str, Any], end: str
) -> None:
    """A token of an earlier login is refused; an ended session leads to the login. Both lead back to the choices."""
    came_from = f"http://testserver{page(scene)}"
    headers = {"Referer": came_from}
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(scene["olga"])
    answer = strict.post(page(scene, end), form | CHOICES, headers=headers)
    found = re.search(r'href="([^"]*)">Back to the page', answer.content.decode())
    back = unescape(found[1] if found else "")
    assert back.startswith(f"{page(scene)}?")
    text = strict.get(back).content.decode()
    assert 'value="Disk change"' in text
    assert re.search(r'id="id_bandwidth_mib"\s+value="50"', text)
    ended = Client().post(page(scene, end), form | CHOICES, headers=headers)
    to_login = ended.headers["Location"]
    assert parse_qs(urlsplit(to_login).query)["next"] == [back]


def test_htmx_is_told_in_place_what_was_refused(scene: dict[str, Any], form: dict[str, Any]) -> None:
    strict = Client(enforce_csrf_checks=True)
    ended = strict.post(page(scene, "preflight"), form, headers=HTMX)
    assert (ended.status_code, "HX-Redirect" in ended.headers) == (401, False)
    said = json.loads(ended.headers["HX-Trigger"])["kvmweb:refused"]
    assert (said["sentence"], said["login"]) == ("You are logged out. Nothing was changed.", "/accounts/login/")
    strict.force_login(scene["olga"])
    stale = strict.post(page(scene, "preflight"), form, headers=HTMX)
    assert stale.status_code == 403
    assert "earlier login" in json.loads(stale.headers["HX-Trigger"])["kvmweb:refused"]["sentence"]


NOT_SHARED = {
    "check": "storage_shared",
    "severity": "blocker",
    "summary": "Disk vda of idle-01 is on local storage of kvm-b.",
    "evidence": {},
    "affects": "disk vda",
    "remedies": [
        {"text": "Or copy disk vda: choose Live with storage.", "command": "", "on": "", "kind": "live_storage"}
    ],
}


def test_a_finding_about_a_local_disk_has_a_button_for_live_with_storage(
    scene: dict[str, Any], as_operator: Client
) -> None:
    rows = {"seen_at": timezone.now(), "verdict": "blocked", "findings": [NOT_SHARED]}
    report = Preflight.objects.create(guest=scene["idle"], target=scene["a"], kind="live", **rows)
    text = as_operator.get(f"{page(scene)}?preflight={report.pk}").content.decode()
    button = re.search(r"<button[^>]*data-use-kind[^>]*>\s*Use live with storage", text)
    assert button
    assert 'name="kind"' in button[0]
    assert 'value="live_storage"' in button[0]


def test_disks_to_copy_are_those_of_the_check_with_their_size_and_place(
    scene: dict[str, Any], as_operator: Client
) -> None:
    scene["idle"].disks = [
        {"device": "disk", "target": "vda", "type": "file", "path": "/local/idle.qcow2"},
        {"device": "disk", "target": "vdb", "type": "volume", "pool": "images", "volume": "data"},
    ]
    scene["idle"].save()
    pool = StoragePool.objects.filter(host=scene["b"]).first()
    Volume.objects.create(pool=pool, name="idle.qcow2", path="/local/idle.qcow2", capacity=20 * 1024**3, allocation=0)
    rows = {"seen_at": timezone.now(), "verdict": "ok", "copied_disks": ["vda"], "options": {"copy_disks": True}}
    report = Preflight.objects.create(guest=scene["idle"], target=scene["a"], kind="live_storage", **rows)
    text = as_operator.get(f"{page(scene)}?preflight={report.pk}").content.decode()
    assert 'data-copied="vda"' in text
    assert re.search(r'name="copy_disks"\s+value="vda"[^>]*checked', text)
    assert not re.search(r'name="copy_disks"\s+value="vdb"[^>]*checked', text)
    assert "vda, 20 GiB, /local/idle.qcow2" in text
    assert "vdb, images/data" in text


@pytest.mark.parametrize("referer", ["http://[", "http://testserver:x/", "\x00"])
def test_an_address_that_is_none_leads_back_to_the_start(scene: dict[str, Any], referer: str) -> None:
    client = client_of(scene["olga"], enforce_csrf_checks=True)
    answer = client.post(page(scene), {"choices": "1"}, headers={"referer": referer})
    assert answer.status_code == 403


def test_a_copied_disk_can_get_another_place(scene: dict[str, Any], as_operator: Client, form: dict[str, Any]) -> None:
    guest = scene["idle"]
    guest.disks = [{"target": "vda", "device": "disk"}]
    guest.save()
    pool = StoragePool.objects.filter(host=scene["a"]).first() or seed.make_places(scene["a"])
    text = flat(as_operator.get(page(scene)))
    assert "Places of the copies" in text
    assert f"{pool.name} (on " in text
    place = {"place-vda-pool": pool.name, "place-vda-name": "new.raw", "place-vda-format": "raw"}
    as_operator.post(page(scene), form | {"kind": "live_storage"} | place)
    made = Migration.objects.get(guest=guest, state=State.REQUESTED)
    assert made.request.options.disks.as_json() == {"vda": {"pool": pool.name, "name": "new.raw", "format": "raw"}}


def test_a_volume_name_that_is_a_path_is_refused(
    scene: dict[str, Any], as_operator: Client, form: dict[str, Any]
) -> None:
    guest = scene["idle"]
    guest.disks = [{"target": "vda", "device": "disk"}]
    guest.save()
    answer = as_operator.post(page(scene), form | {"kind": "live_storage", "place-vda-name": "../x"})
    assert answer.status_code == 422
    assert "the volume name must be a name, not a path" in flat(answer)


# --- storage: the VM stays on its host --------------------------------------------------------------------------------


@pytest.fixture
def stays(scene: dict[str, Any]) -> dict[str, Any]:
    """Disk vda of idle-01 to another pool of kvm-b, as the page sends it: without a destination."""
    StoragePool.objects.filter(host=scene["b"]).delete()
    now = {"active": True, "autostart": True, "capacity": 0, "allocation": 0, "available": 0, "seen_at": timezone.now()}
    made = {
        name: StoragePool.objects.create(
            host=scene["b"], name=name, uuid=uuid4(), type="dir", target_path=f"/{name}", **now
        )
        for name in ("vms", "fast")
    }
    vda = scene["idle"].disks[0]
    Volume.objects.create(
        pool=made["vms"], name="idle-01.qcow2", path=vda["path"], format=vda["format"], capacity=2**30, allocation=0
    )
    return {"kind": "storage", "place-vda-pool": "fast", "persist": "on", "undefine_source": "on", "key": "k1"}


def test_storage_asks_for_no_destination(scene: dict[str, Any], as_operator: Client, stays: dict[str, Any]) -> None:
    text = flat(as_operator.get(page(scene)))
    assert "idle-01 stays on kvm-b. No destination is needed." in text
    for target in ({}, {"target": scene["a"].pk}):
        assert as_operator.post(page(scene), {**stays, **target}).status_code == 302
    made = Migration.objects.get(guest=scene["idle"], state=State.REQUESTED)
    assert (made.source, made.target, made.kind) == (scene["b"], scene["b"], Kind.STORAGE)
    assert made.request.options.disks.as_json() == {"vda": {"pool": "fast"}}


def test_storage_needs_a_place(scene: dict[str, Any], as_operator: Client, stays: dict[str, Any]) -> None:
    answer = as_operator.post(page(scene), {**stays, "place-vda-pool": ""})
    assert answer.status_code == 422
    text = flat(answer)
    assert "Storage: choose a new place for at least one disk." in text
    assert re.search(
        r'<details\s+class="fold not-live not-offline not-stop_move_start"\s+id="places"\s+open',
        answer.content.decode(),
    )


def test_storage_needs_no_other_host(scene: dict[str, Any], as_operator: Client, stays: dict[str, Any]) -> None:
    Host.objects.exclude(pk=scene["b"].pk).update(contact=Host.Contact.AWAY)
    assert as_operator.post(page(scene), stays).status_code == 302


def test_a_check_of_storage_is_about_its_host(
    scene: dict[str, Any], as_operator: Client, stays: dict[str, Any]
) -> None:
    answer = as_operator.post(page(scene, "preflight"), stays, headers=HTMX)
    assert "Checking on kvm-b whether the storage of idle-01 can migrate within kvm-b." in flat(answer)
    asked = Preflight.objects.get(guest=scene["idle"], kind="storage")
    Preflight.objects.filter(pk=asked.pk).update(seen_at=timezone.now(), verdict="ok", copied_disks=["vda"])
    answer = as_operator.get(f"{page(scene)}?preflight={asked.pk}")
    text = unescape(flat(answer))
    assert "The storage of idle-01 can migrate within kvm-b: no known obstacle." in text
    assert "Migrate the storage of idle-01" in text
    assert "data-copied" not in answer.content.decode()
    assert "must be able to log in" not in text
    for line in (
        "virsh -c qemu:///system vol-create-as fast idle-01.qcow2 1073741824 --allocation 0 --format qcow2",
        "virsh -c qemu:///system blockcopy idle-01 vda /fast/idle-01.qcow2 --format qcow2 --transient-job"
        " --reuse-external --wait --pivot",
        "virt-xml idle-01 --edit target=vda --disk path=/fast/idle-01.qcow2",
    ):
        assert line in text


def test_the_same_by_hand_takes_out_and_puts_back(scene: dict[str, Any], as_operator: Client) -> None:
    usual = {"severity": "info", "check": "host_devices", "affects": "x", "remedies": [], "summary": "It is detached."}
    found = [
        usual | {"evidence": {"detached": "usb 046d:0825"}},
        usual | {"evidence": {"path": "/isos/tools.iso", "ejected from drive": "sda"}},
    ]
    report = seed.make_preflight(scene["idle"], scene["a"], findings=found, verdict="ok")
    text = as_operator.get(f"/preflights/{report.pk}/").content.decode()
    lines = [
        "virsh -c qemu:///system detach-device --live idle-01 usb-046d-0825.xml",
        "virsh -c qemu:///system change-media --eject --live idle-01 sda",
        "virsh -c qemu:///system migrate --live",
        "virsh -c qemu+ssh://root@192.0.2.1/system attach-device --live idle-01 usb-046d-0825.xml",
        "virsh -c qemu+ssh://root@192.0.2.1/system change-media --insert --live idle-01 sda /isos/tools.iso",
    ]
    places = [text.index(one) for one in lines]
    assert places == sorted(places)
    assert "save the XML of each device (virsh dumpxml) as usb-046d-0825.xml" in flat(
        as_operator.get(f"/preflights/{report.pk}/")
    )
