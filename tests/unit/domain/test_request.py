from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options, options_from_json
from migrations_app.domain.placement import Placement
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


@pytest.mark.parametrize("name", ["a/b", "..", " a", "a ", "-a", "a\nb", "a\u202eb", "  ", "ü" * 121])
def test_a_name_that_libvirt_would_take_unchecked_is_refused(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        make(new_name=name)
    assert refused.value.field == "new_name"
    assert str(refused.value).startswith("The new name ")


def test_a_new_name_is_taken_as_it_is() -> None:
    for kind in (Kind.LIVE, Kind.OFFLINE, Kind.SUSPENDED, Kind.LIVE_STORAGE):
        assert make(kind, new_name="Web 2 \u05d0").options.parameters() == {"destination_name": "Web 2 \u05d0"}
    assert make(new_name="").options == Options()


@pytest.mark.parametrize(
    ("kind", "options", "field"),
    [
        (Kind.LIVE, {"copy_disks": True}, "copy_disks"),
        (Kind.LIVE, {"copy_disks": ["vda"]}, "copy_disks"),
        (Kind.LIVE_STORAGE, {"copy_disks": False}, "copy_disks"),
        (Kind.LIVE_STORAGE, {"copy_disks": []}, "copy_disks"),
        (Kind.LIVE, {"keep_paused": True}, "keep_paused"),
        (Kind.SUSPENDED, {"max_downtime_ms": 100}, "max_downtime_ms"),
        (Kind.SUSPENDED, {"auto_converge": True}, "auto_converge"),
        (Kind.SUSPENDED, {"compressed": True}, "compressed"),
        (Kind.LIVE, {"persist": False}, "undefine_source"),
        (Kind.LIVE, {"bandwidth_mib": 0}, "bandwidth_mib"),
        (Kind.LIVE, {"bandwidth_mib": 1_000_001}, "bandwidth_mib"),
        (Kind.LIVE, {"disk_bandwidth_mib": 5}, "disk_bandwidth_mib"),
        (Kind.SUSPENDED, {"disk_bandwidth_mib": 5}, "disk_bandwidth_mib"),
        (Kind.LIVE_STORAGE, {"disk_bandwidth_mib": 0}, "disk_bandwidth_mib"),
        (Kind.LIVE, {"max_downtime_ms": 0}, "max_downtime_ms"),
        (Kind.LIVE, {"max_downtime_ms": 2_000_001}, "max_downtime_ms"),
        (Kind.LIVE, {"uri": "test:///"}, "options"),
        (Kind.LIVE, {"parallel_connections": 1}, "parallel_connections"),
        (Kind.LIVE, {"parallel_connections": 256}, "parallel_connections"),
        (Kind.LIVE, {"parallel_connections": 4, "bandwidth_mib": 50}, "parallel_connections"),
        (Kind.LIVE, {"compression": "mt"}, "compression"),
        (Kind.LIVE, {"compression": "zstd"}, "compression"),
        (Kind.LIVE, {"compression": "zlib"}, "compression"),
        (Kind.LIVE, {"compressed": True, "compression": "zlib", "parallel_connections": 2}, "compressed"),
        (Kind.LIVE, {"compression_level": 3}, "compression_level"),
        (Kind.LIVE, {"compression_level": 3, "compressed": True}, "compression_level"),
        (Kind.LIVE, {"compression_level": 10, "compression": "zlib", "parallel_connections": 2}, "compression_level"),
        (Kind.LIVE, {"compression_level": 21, "compression": "zstd", "parallel_connections": 2}, "compression_level"),
        (Kind.LIVE, {"xbzrle_cache_mib": 64}, "xbzrle_cache_mib"),
        (Kind.LIVE, {"xbzrle_cache_mib": 96, "compressed": True}, "xbzrle_cache_mib"),
        (Kind.LIVE, {"xbzrle_cache_mib": 64, "compression": "zstd", "parallel_connections": 2}, "xbzrle_cache_mib"),
        (Kind.LIVE, {"auto_converge_initial": 30}, "auto_converge_initial"),
        (Kind.LIVE, {"auto_converge_increment": 20}, "auto_converge_increment"),
        (Kind.LIVE, {"auto_converge_increment": 100, "auto_converge": True}, "auto_converge_increment"),
        (Kind.LIVE, {"zerocopy": True}, "zerocopy"),
        (Kind.LIVE, {"zerocopy": True, "compression": "zstd", "parallel_connections": 2}, "zerocopy"),
        (Kind.LIVE, {"zerocopy": True, "compressed": True, "parallel_connections": 2}, "zerocopy"),
        (Kind.LIVE, {"sync_writes": True}, "sync_writes"),
        (Kind.LIVE, {"detect_zeroes": True}, "detect_zeroes"),
        (Kind.LIVE, {"migration_address": "tcp://10.0.0.1"}, "migration_address"),
        (Kind.LIVE, {"migration_address": "127.0.0.1"}, "migration_address"),
        (Kind.LIVE, {"listen_address": "10.0.0.1:49152"}, "listen_address"),
        (Kind.LIVE, {"listen_address": "fe80::1%eth0"}, "listen_address"),
        (Kind.LIVE, {"disks": {"vda": {"pool": "fast"}}}, "disks"),
        (Kind.OFFLINE, {"disks": {"vda": {"pool": "fast"}}}, "disks"),
        (Kind.SUSPENDED, {"disks": {"vda": {"pool": "fast"}}}, "disks"),
        (Kind.STORAGE, {}, "disks"),
        (Kind.STORAGE, {"disks": {}}, "disks"),
        (Kind.STORAGE, {"disks": {"vda": {}}}, "disks"),
        *(
            (Kind.STORAGE, {"disks": {"vda": {"pool": "fast"}}, **more}, next(iter(more)))
            for more in (
                {"copy_disks": True},
                {"copy_disks": ["vda"]},
                {"persist": False, "undefine_source": False},
                {"undefine_source": False},
                {"unsafe": True},
                {"bandwidth_mib": 10},
                {"max_downtime_ms": 100},
                {"compressed": True},
                {"abort_on_error": True},
                {"detect_zeroes": True},
                {"start_after": True},
                {"keep_paused": True},
                {"migration_address": "10.0.0.1"},
                {"parallel_connections": 2},
            )
        ),
        (Kind.LIVE_STORAGE, {"copy_disks": ["vda"], "disks": {"vdb": {"pool": "fast"}}}, "disks"),
    ],
)
def test_contradictions_are_refused_and_name_the_option(kind: Kind, options: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        make(kind, **options)
    assert refused.value.field == field


def test_storage_copies_the_disks_that_get_a_place_and_has_few_options() -> None:
    made = make(Kind.STORAGE, disks={"vda": {"pool": "fast"}}, sync_writes=True, allow_overcommit=True)
    assert made.options.copy_disks is False
    assert list(made.options.disks) == ["vda"]


@pytest.mark.parametrize(
    "options",
    [
        {"compressed": True, "compression": "xbzrle", "xbzrle_cache_mib": 128},
        {"compressed": True, "xbzrle_cache_mib": 1},
        {"compression": "zstd", "compression_level": 20, "parallel_connections": 2},
        {"compression": "zlib", "compression_level": 9, "parallel_connections": 255},
        {"auto_converge": True, "auto_converge_initial": 99, "auto_converge_increment": 1},
        {"zerocopy": True, "parallel_connections": 8},
        # no host has been asked yet: this is for the check option_conflicts
        {"compressed": True, "parallel_connections": 2},
    ],
)
def test_what_belongs_together_is_accepted(options: dict[str, Any]) -> None:
    assert make(**options).options == Options(**options)


@pytest.mark.parametrize(
    "disks",
    [
        {},
        [],
        "fast",
        {"vda": "fast"},
        {"vda": {}},
        {"vda": {"pool": ""}},
        {"vda": {"pool": "fast", "size": "1"}},
        {"vda": {"pool": 7}},
        {"v/a": {"pool": "fast"}},
        {"": {"pool": "fast"}},
        {"vda": {"format": "vmdk"}},
        {"vda": {"name": "../web.raw"}},
        {"vda": {"name": ".."}},
        {"vda": {"name": "-f"}},
        {"vda": {"name": " web"}},
        {"vda": {"name": "a\nb"}},
        {"vda": {"name": "a\u202eb"}},
        {"vda": {"name": "a\x00"}},
        {"vda": {"name": "ö" * 128}},
        {"vda": {"pool": "a/b"}},
        {"vda": {"pool": "fast", "name": "a"}, "vdb": {"pool": "fast", "name": "a", "format": "raw"}},
    ],
)
def test_a_place_that_cannot_be_is_refused(disks: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        make(Kind.LIVE_STORAGE, disks=disks)
    assert refused.value.field == "disks"


def test_a_place_keeps_what_was_chosen() -> None:
    made = make(Kind.LIVE_STORAGE, disks={"vdb": {"format": "raw"}, "vda": {"pool": "fast", "name": "wéb 1.raw"}})
    assert made.options.disks == {"vda": Placement(pool="fast", name="wéb 1.raw"), "vdb": Placement(format="raw")}
    assert options_from_json(json.loads(json.dumps(made.options.as_json()))) == made.options
    assert hash(made.options) != hash(Options())
    assert make(Kind.SUSPENDED, copy_disks=["vda"], disks={"vda": {"pool": "fast"}}).options.disks


def test_an_address_is_kept_in_its_usual_spelling() -> None:
    made = make(migration_address="FD00:0::2", listen_address="KVM-B.lab.").options
    assert (made.migration_address, made.listen_address) == ("fd00::2", "kvm-b.lab")


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


def test_compressed_is_the_older_name_of_xbzrle() -> None:
    assert Options(compressed=True).plain() == Options(compression="xbzrle")
    assert Options(compressed=True).for_guest(persistent=True) == Options(compressed=True)
    cached = Options(compressed=True, xbzrle_cache_mib=8)
    assert cached.for_guest(persistent=True) == Options(compression="xbzrle", xbzrle_cache_mib=8)
