"""The team of a VM, on its page and in the API."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User

from hosts.usecases import teams as usecases
from tests.web import seed
from tests.web.api_client import Api, fields
from tests.web.conftest import client_of

pytestmark = pytest.mark.django_db


def test_a_vm_says_whose_it_is(admin: User) -> None:
    host = seed.make_host("kvm-a")
    web, db = seed.make_guest("web-01", host), seed.make_guest("db-01", host)
    team, empty = (usecases.create_team(name, by=admin) for name in ("<b>Shop", "Data"))
    usecases.give_guest(team, web, by=admin)
    api = Api(admin)
    assert api.get(f"/guests/{web.pk}").json()["team"] == {"id": team.pk, "name": "<b>Shop"}
    assert {one["name"] for one in api.items("/guests", team=team.pk)} == {"web-01"}
    assert api.items("/guests", team=empty.pk) == []
    assert {one["name"]: one["team"] is None for one in api.items("/guests")} == {"web-01": False, "db-01": True}
    for unknown in (999_999, 2**70, "x"):
        assert fields(api.get("/guests", team=unknown)) == ["team"]
    page = client_of(admin).get(f"/vms/{web.pk}/").content.decode()
    assert re.search(rf'<a\s+href="/teams/{team.pk}/"\s*>&lt;b&gt;Shop</a>', page)
    usecases.take_guest(team, web.pk, by=admin)
    assert "Team <a" not in client_of(admin).get(f"/vms/{db.pk}/").content.decode()
    assert api.get(f"/guests/{web.pk}").json()["team"] is None
