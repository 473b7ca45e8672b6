"""Measuring the path on the migrate page and over the API: what is offered, and who may."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from migrations_app.models import PathRate, Preflight
from tests.web import seed
from tests.web.api_client import Api, fields
from tests.web.pages import flat

MIB = 1024 * 1024
NOMINAL = {**seed.FORECAST, "runs": 0, "rate_from": "nominal", "verdict": "uncertain", "ends": None, "high_ms": None}
BUTTON = "Measure the path"


@pytest.fixture
def scene(scene: dict[str, Any]) -> dict[str, Any]:
    """Nothing migrates."""
    from migrations_app.models import Migration

    Migration.objects.active().delete()
    return scene


@pytest.fixture
def report(scene: dict[str, Any]) -> Preflight:
    """Of a first migration; idle-01 is on kvm-b."""
    made = seed.make_preflight(scene["idle"], scene["a"], findings=[])
    Preflight.objects.filter(pk=made.pk).update(forecast=NOMINAL)
    return made


def here(scene: dict[str, Any]) -> Any:
    return scene["idle"].current_sighting().host


def measured(scene: dict[str, Any], **fields: Any) -> PathRate:
    now = timezone.now()
    values = {"asked_at": now, "ended_at": now, "bps": 95.0 * MIB, "measured_at": now} | fields
    return PathRate.objects.create(source=here(scene), target=scene["a"], **values)


def send(client: Client, scene: dict[str, Any], report: Preflight, **headers: str) -> Any:
    path = f"/vms/{scene['idle'].pk}/measure-path/"
    return client.post(path, {"target": scene["a"].pk, "report": report.pk}, headers=headers)


def test_it_is_offered_where_the_rate_is_not_known(
    scene: dict[str, Any], report: Preflight, as_operator: Client
) -> None:
    text = flat(as_operator.get(f"/preflights/{report.pk}/"))
    assert BUTTON in text
    assert "fills the path for about 2 s." in text
    for forecast, verdict in ((seed.FORECAST, "ok"), (NOMINAL, "blocked")):
        Preflight.objects.update(forecast=forecast, verdict=verdict)
        assert BUTTON not in flat(as_operator.get(f"/preflights/{report.pk}/"))


def test_the_button_asks_a_worker_and_the_result_appears(
    scene: dict[str, Any], report: Preflight, as_operator: Client
) -> None:
    OrmQ.objects.all().delete()
    text = flat(send(as_operator, scene, report, **{"HX-Request": "true"}))
    row = PathRate.objects.get()
    assert f"Measuring the path from {here(scene)} to {scene['a']}…" in text
    assert f'hx-get="/path-rates/{row.pk}/"' in text
    assert OrmQ.objects.count() == 1
    PathRate.objects.update(ended_at=timezone.now(), bps=95 * MIB, measured_at=timezone.now())
    text = flat(as_operator.get(f"/path-rates/{row.pk}/"))
    assert "95 MiB/s" in text
    assert "Check again for a forecast with it." in text
    assert "hx-get" not in text


def test_without_javascript_it_leads_back_to_the_report(
    scene: dict[str, Any], report: Preflight, as_operator: Client
) -> None:
    answer = send(as_operator, scene, report)
    assert answer["Location"] == f"/vms/{scene['idle'].pk}/migrate/?preflight={report.pk}"
    assert "Measuring the path from" in flat(as_operator.get(answer["Location"]))
    assert PathRate.objects.count() == 1


def test_why_not_is_said_in_its_place(scene: dict[str, Any], report: Preflight, as_operator: Client) -> None:
    measured(scene)
    text = flat(send(as_operator, scene, report, **{"HX-Request": "true"}))
    assert "This path was measured a moment ago." in text
    assert BUTTON in text
    answer = as_operator.post(f"/vms/{scene['idle'].pk}/measure-path/", headers={"HX-Request": "true"})
    assert "Choose a destination first." in flat(answer)


def test_an_old_result_and_a_failed_one_are_called_so(
    scene: dict[str, Any], report: Preflight, as_operator: Client
) -> None:
    row = measured(scene, measured_at=timezone.now() - timedelta(days=2), error="kvm-b <said> no")
    text = flat(as_operator.get(f"/path-rates/{row.pk}/"))
    assert "The path was not measured. kvm-b &lt;said&gt; no" in text
    assert "That is too old for a forecast." in text


def test_a_get_measures_nothing_and_a_viewer_may_not(
    scene: dict[str, Any], report: Preflight, as_operator: Client, as_viewer: Client
) -> None:
    assert as_operator.get(f"/vms/{scene['idle'].pk}/measure-path/").status_code == 405
    assert send(as_viewer, scene, report).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(scene["olga"])
    assert send(strict, scene, report).status_code == 403
    assert not PathRate.objects.exists()


def test_the_api_measures_and_tells(scene: dict[str, Any]) -> None:
    api, body = Api(scene["olga"]), {"source": here(scene).name, "target": scene["a"].pk}
    answer = api.post("/path-rates", body)
    row = PathRate.objects.get()
    assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/path-rates/{row.pk}")
    assert (answer.json()["running"], answer.json()["bps"]) == (True, None)
    again = api.post("/path-rates", body)
    assert again.status_code == 409
    assert "is running" in again.json()["detail"]
    PathRate.objects.update(ended_at=timezone.now(), bps=95.0, measured_at=timezone.now())
    told = Api(scene["viewer"]).get(f"/path-rates/{row.pk}").json()
    assert (told["running"], told["bps"], told["counts"], told["target"]) == (False, 95.0, True, "kvm-a")
    assert re.match(r"\d{4}-", told["measured_at"])


def test_the_api_names_a_host_that_is_not_there(scene: dict[str, Any]) -> None:
    api = Api(scene["olga"])
    assert fields(api.post("/path-rates", {"source": "kvm-a", "target": "kvm-z"})) == ["target"]
    assert api.post("/path-rates", {"source": "kvm-a", "target": "kvm-a"}).status_code == 409
    assert Api(scene["viewer"]).post("/path-rates", {"source": "kvm-a", "target": "kvm-b"}).status_code == 403
    assert api.get("/path-rates/999").status_code == 404


def test_a_stream_that_no_worker_sent_is_answered(scene: dict[str, Any]) -> None:
    row = measured(scene, asked_at=timezone.now() - timedelta(minutes=2), ended_at=None, bps=None, measured_at=None)
    told = Api(scene["viewer"]).get(f"/path-rates/{row.pk}").json()
    assert told["running"] is False
    assert told["error"].startswith("No worker answered in time.")
