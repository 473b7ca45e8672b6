"""What people meet who may not do something. Who may do what: test_matrix_of_rights.py."""

from __future__ import annotations

from typing import Any

from django.test import Client

from kvmweb.accounts.permissions import Right, may
from tests.web import seed
from tests.web.conftest import client_of


def test_a_superuser_has_every_right_and_an_inactive_one_none(scene: dict[str, Any]) -> None:
    sue = seed.make_person("sue", None, is_superuser=True)
    ines = seed.make_person("ines", None, is_superuser=True, is_active=False)
    # requests are made by the people of a team
    assert {right for right in Right if may(sue, right)} == set(Right) - {Right.ASK}
    assert not any(may(ines, right) for right in Right)


def test_who_is_refused_can_go_on(scene: dict[str, Any], as_viewer: Client) -> None:
    for address, status in ((f"/vms/{scene['idle'].pk}/migrate/", 403), ("/hosts/add/", 403), ("/nowhere/", 404)):
        answer = as_viewer.get(address)
        page = answer.content.decode()
        assert answer.status_code == status
        assert '<nav class="rail"' in page, address
        assert 'id="search"' in page, address
        assert page.count("<main") == page.count("<h1>") == 1, address


def test_a_form_from_another_login_leaves_the_navigation(scene: dict[str, Any]) -> None:
    client = client_of(scene["olga"], enforce_csrf_checks=True)
    answer = client.post(f"/migrations/{scene['running'].pk}/cancel/")
    assert answer.status_code == 403
    assert '<nav class="rail"' in answer.content.decode()


def test_no_navigation_where_it_leads_nowhere(scene: dict[str, Any]) -> None:
    """All its pages would be refused."""
    stan = client_of(seed.make_person("stan", None)).get("/vms/")
    for answer in (stan, Client().get("/accounts/signup/")):
        assert "<nav" not in answer.content.decode()
