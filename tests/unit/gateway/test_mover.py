from __future__ import annotations

from dataclasses import replace
from typing import Any

import libvirt
import pytest

from hosts.calls.move import Flag, MigrateCall, Parameter
from hosts.facts.endpoint import BadEndpoint, PeerEndpoint, Transport
from hosts.gateway import _mover

CALL = MigrateCall(uuid="u", peer=PeerEndpoint(transport=Transport.TCP, address="kvm-b"))
USUAL = (
    libvirt.VIR_MIGRATE_LIVE
    | libvirt.VIR_MIGRATE_PEER2PEER
    | libvirt.VIR_MIGRATE_PERSIST_DEST
    | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
)


def test_the_usual_move() -> None:
    assert _mover.flags_of(CALL) == USUAL
    assert _mover.parameters_of(CALL) == {}


def test_undefine_without_persist_is_refused_here_too() -> None:
    with pytest.raises(ValueError, match="lost"):
        replace(CALL, flags=frozenset({Flag.UNDEFINE_SOURCE}))
    assert _mover.flags_of(replace(CALL, flags=frozenset())) == (
        libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
    )


@pytest.mark.parametrize("flag", Flag)
def test_options(flag: Flag) -> None:
    known = getattr(libvirt, f"VIR_MIGRATE_{flag}")
    assert _mover.flags_of(replace(CALL, flags=CALL.flags | {flag})) == USUAL | known


def test_a_move_never_asks_for_what_would_end_with_kvmweb() -> None:
    assert {"OFFLINE", "TUNNELLED", "PEER2PEER"}.isdisjoint(Flag)


def test_an_offline_move_has_no_live_part() -> None:
    call = replace(CALL, offline=True)
    assert _mover.flags_of(call) == USUAL - libvirt.VIR_MIGRATE_LIVE + libvirt.VIR_MIGRATE_OFFLINE
    keeps = frozenset({Flag.PERSIST_DEST})
    assert _mover.flags_of(replace(call, flags=keeps)) == (
        libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_OFFLINE | libvirt.VIR_MIGRATE_PERSIST_DEST
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"flags": frozenset()},
        {"copy_disks": ("vda",)},
        {"parameters": {Parameter.BANDWIDTH: 1}},
        {"flags": CALL.flags | {Flag.AUTO_CONVERGE}},
    ],
)
def test_an_offline_move_that_means_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="offline"):
        replace(CALL, offline=True, **wrong)


def test_disks_are_copied_by_name_and_never_all() -> None:
    call = replace(CALL, copy_disks=("vda", "vdb"))
    assert _mover.flags_of(call) == USUAL | libvirt.VIR_MIGRATE_NON_SHARED_DISK
    assert _mover.parameters_of(call) == {"migrate_disks": ["vda", "vdb"]}
    with pytest.raises(ValueError, match="name"):
        replace(CALL, copy_disks=("",))


def test_parameters() -> None:
    call = replace(CALL, migration_address="fd00::2", parameters={Parameter.BANDWIDTH: 32})
    assert _mover.parameters_of(call) == {"migrate_uri": "tcp://[fd00::2]", "bandwidth": 32}
    several = {
        Parameter.COMPRESSION: ("zstd",),
        Parameter.LISTEN_ADDRESS: "FD00:0::2",
        Parameter.PARALLEL_CONNECTIONS: 4,
    }
    assert _mover.parameters_of(replace(CALL, parameters=several)) == {
        "compression": ["zstd"],
        "listen_address": "fd00::2",
        "parallel.connections": 4,
    }
    with pytest.raises(BadEndpoint):
        _mover.parameters_of(replace(CALL, parameters={Parameter.LISTEN_ADDRESS: "x/y?z"}))
    with pytest.raises(ValueError, match="bandwidth"):
        replace(CALL, parameters={Parameter.BANDWIDTH: 0})
    with pytest.raises(BadEndpoint):
        _mover.parameters_of(replace(CALL, migration_address="x/y?z"))


def test_parameters_are_named_as_the_binding_names_them() -> None:
    known = {value for name, value in vars(libvirt).items() if name.startswith("VIR_MIGRATE_PARAM_")}
    newer = {Parameter.ZLIB_LEVEL, Parameter.ZSTD_LEVEL, Parameter.DETECT_ZEROES}  # than libvirt 9.0
    assert set(Parameter) - known <= newer
    assert _mover.can_ask(Parameter.ZSTD_LEVEL) is (Parameter.ZSTD_LEVEL in known)
    assert _mover.can_ask(Parameter.BANDWIDTH)


def test_without_live_libvirt_pauses_the_guest_itself() -> None:
    flags = _mover.flags_of(replace(CALL, live=False))
    assert flags == USUAL & ~libvirt.VIR_MIGRATE_LIVE
    assert flags & libvirt.VIR_MIGRATE_PEER2PEER
