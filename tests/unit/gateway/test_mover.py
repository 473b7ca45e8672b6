from __future__ import annotations

from dataclasses import replace

import libvirt
import pytest

from hosts.facts.endpoint import BadEndpoint, PeerEndpoint, Transport
from hosts.gateway import _mover
from hosts.gateway.port import MigrateCall

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
        _mover.flags_of(replace(CALL, persist=False))
    assert _mover.flags_of(replace(CALL, persist=False, undefine_source=False)) == (
        libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PEER2PEER
    )


@pytest.mark.parametrize(
    ("option", "flag"),
    [
        ("unsafe", libvirt.VIR_MIGRATE_UNSAFE),
        ("abort_on_error", libvirt.VIR_MIGRATE_ABORT_ON_ERROR),
        ("auto_converge", libvirt.VIR_MIGRATE_AUTO_CONVERGE),
        ("compressed", libvirt.VIR_MIGRATE_COMPRESSED),
    ],
)
def test_options(option: str, flag: int) -> None:
    assert _mover.flags_of(replace(CALL, **{option: True})) == USUAL | flag  # type: ignore[arg-type]


def test_disks_are_copied_by_name_and_never_all() -> None:
    call = replace(CALL, copy_disks=("vda", "vdb"))
    assert _mover.flags_of(call) == USUAL | libvirt.VIR_MIGRATE_NON_SHARED_DISK
    assert _mover.parameters_of(call) == {"migrate_disks": ["vda", "vdb"]}
    with pytest.raises(ValueError, match="name"):
        _mover.parameters_of(replace(CALL, copy_disks=("",)))


def test_parameters() -> None:
    call = replace(CALL, migration_address="fd00::2", bandwidth_mib=32)
    assert _mover.parameters_of(call) == {"migrate_uri": "tcp://[fd00::2]", "bandwidth": 32}
    with pytest.raises(ValueError, match="bandwidth"):
        _mover.parameters_of(replace(CALL, bandwidth_mib=0))
    with pytest.raises(BadEndpoint):
        _mover.parameters_of(replace(CALL, migration_address="x/y?z"))
