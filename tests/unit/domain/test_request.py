from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options, options_from_json
from migrations_app.domain.request import BadRequest, MigrationRequest, make_request
from tests.unit.domain.factories import UUID


def make(kind: Kind = Kind.LIVE, **options: Any) -> MigrationRequest:
    return make_request(guest=UUID, target=2, kind=kind, options=options)


def test_nothing_given_is_the_default() -> None:
    assert make() == MigrationRequest(guest=UUID, target=2)
    assert make(bandwidth_mib=None, persist=None).options == Options()


def test_storage_implies_copying_all() -> None:
    assert make(Kind.LIVE_STORAGE).options.copy_disks is True
    assert make(Kind.LIVE_STORAGE, copy_disks=["vda"]).options.copy_disks == ("vda",)


def test_suspended_copies_what_is_asked_for() -> None:
    assert make(Kind.SUSPENDED).options.copy_disks is False
    assert make(Kind.SUSPENDED, copy_disks=[]).options == Options()
    assert make(Kind.SUSPENDED, copy_disks=True).options.copy_disks is True
    assert make(Kind.SUSPENDED, copy_disks=["vda"]).options.copy_disks == ("vda",)


def test_what_has_no_effect_is_told_with_the_methods_it_is_for() -> None:
    with pytest.raises(BadRequest) as refused:
        make(Kind.SUSPENDED, auto_converge=True)
    assert str(refused.value) == (
        "“Auto-converge” has no effect with the method Suspended. It is for Live or Live with storage."
    )
    assert make(Kind.SUSPENDED, auto_converge=False).options == Options()


@pytest.mark.parametrize(
    ("kind", "options", "field"),
    [
        (Kind.LIVE, {"copy_disks": True}, "copy_disks"),
        (Kind.LIVE, {"copy_disks": ["vda"]}, "copy_disks"),
        (Kind.LIVE_STORAGE, {"copy_disks": False}, "copy_disks"),
        (Kind.LIVE_STORAGE, {"copy_disks": []}, "copy_disks"),
        (Kind.LIVE, {"keep_paused": True}, "keep_paused"),
        (Kind.LIVE, {"allow_overcommit": True}, "allow_overcommit"),
        (Kind.SUSPENDED, {"max_downtime_ms": 100}, "max_downtime_ms"),
        (Kind.SUSPENDED, {"auto_converge": True}, "auto_converge"),
        (Kind.SUSPENDED, {"compressed": True}, "compressed"),
        (Kind.LIVE, {"persist": False}, "undefine_source"),
        (Kind.LIVE, {"bandwidth_mib": 0}, "bandwidth_mib"),
        (Kind.LIVE, {"bandwidth_mib": 1_000_001}, "bandwidth_mib"),
        (Kind.LIVE, {"max_downtime_ms": 0}, "max_downtime_ms"),
        (Kind.LIVE, {"max_downtime_ms": 2_000_001}, "max_downtime_ms"),
        (Kind.LIVE, {"uri": "test:///"}, "options"),
    ],
)
def test_contradictions_are_refused_and_name_the_option(kind: Kind, options: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        make(kind, **options)
    assert refused.value.field == field


def test_a_transient_copy_is_possible_when_the_source_keeps_its_definition() -> None:
    assert make(persist=False, undefine_source=False).options.persist is False


@given(
    st.builds(
        Options,
        persist=st.booleans(),
        undefine_source=st.booleans(),
        copy_disks=st.booleans() | st.lists(st.text(max_size=4), max_size=3).map(tuple),
        bandwidth_mib=st.none() | st.integers(1, 100),
        unsafe=st.booleans(),
    )
)
def test_options_survive_json(options: Options) -> None:
    assert options_from_json(json.loads(json.dumps(options.as_json()))) == options


def test_equal_intents_give_equal_json() -> None:
    one, other = make(bandwidth_mib=10, unsafe=False), make(unsafe=False, bandwidth_mib=10)
    assert json.dumps(one.as_json()) == json.dumps(other.as_json())
    assert one.as_json() != make(bandwidth_mib=11).as_json()


def test_a_transient_guest_stays_transient() -> None:
    came_to = Options().for_guest(persistent=False)
    assert (came_to.persist, came_to.undefine_source) == (False, False)
    assert Options().for_guest(persistent=True) == Options()
