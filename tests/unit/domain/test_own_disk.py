"""Whatever the hosts report about a disk: no remedy touches a file that is, or may be, the one the VM runs on."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hosts.facts.guest import Disk
from hosts.facts.storage import Mount, Pool
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import MAYBE_OWN_DISK, OWN_DISK, Sharing
from migrations_app.domain.preflight import storage
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Severity, Verdict
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    GIB,
    HEALTHY,
    LOCAL,
    changed,
    local_disk,
    local_pool,
    local_volume,
    shared_pool,
    with_guest,
    with_options,
    with_source,
    with_target,
)

PLACES = (LOCAL, "local/data.qcow2")
TOUCHES = re.compile(r"delet|remov|overwrit|vol-info|look what|\brm\b", re.IGNORECASE)
DISKS = ("storage_shared", "disks_reachable", "disk_sizes", "copy_place", "copy_room", "copy_choice")

disks = st.sampled_from([local_disk, replace(local_disk, type="volume", path="", pool="local", volume="data.qcow2")])
netfs = replace(shared_pool, name="local", target_path="/local")
pools = st.lists(
    st.builds(
        lambda pool, name, active: replace(pool, name=name, active=active),
        st.sampled_from([local_pool, netfs, replace(netfs, source_hosts=("nas-dr",))]),
        st.sampled_from(["local", "images"]),
        st.booleans(),
    ),
    max_size=2,
    unique_by=lambda pool: pool.name,
).map(tuple)
mounts = st.fixed_dictionaries(
    {},
    optional={
        "/local": st.sampled_from(
            [
                Mount(kind="nfs4", source="nas:/vms", below="."),
                Mount(kind="nfs4", source="nas-dr:/vms", below="."),
                Mount(kind="ext4", source="/dev/sda1", below="."),
                Unknown("not asked"),
            ]
        )
    },
)
there = st.none() | st.sampled_from([local_volume, replace(local_volume, capacity=GIB)])
files = st.fixed_dictionaries({}, optional={LOCAL: st.booleans()})
wanted = st.sampled_from([False, True, ("vdb",)])


def world(of: Disk, here: tuple[Pool, ...], target: tuple[Pool, ...], copy: bool | tuple[str, ...]) -> Facts:
    given = with_target(with_source(with_guest(HEALTHY, disks=(of,)), pools=here), pools=target)
    return with_options(changed(given, source_volumes=dict.fromkeys(PLACES, local_volume)), copy_disks=copy)


@settings(max_examples=600)
@given(disks, pools, pools, mounts, mounts, there, files, wanted)
def test_a_disk_that_may_be_the_vms_own_is_left_alone(
    of: Disk, here: tuple[Pool, ...], target: tuple[Pool, ...], one: dict[str, Mount], other: dict[str, Mount],
    volume: object, files: dict[str, bool], copy: bool | tuple[str, ...],
) -> None:  # fmt: skip
    facts = changed(
        world(of, here, target, copy),
        source_mounts=one, target_mounts=other, target_volumes=dict.fromkeys(PLACES, volume), target_files=files,
    )  # fmt: skip
    report, shared = run_all(facts), storage.shared(facts, of)
    told = [finding for finding in report.findings if finding.severity is not Severity.PASSED]
    assert not [fix for finding in told for fix in finding.remedies if TOUCHES.search(f"{fix.text} {fix.command}")]
    assert report.copied is not None
    if copy is True:
        assert report.copied == (() if shared is Sharing.PROVEN else ("vdb",))
    if report.copied and shared is not Sharing.NO:
        assert report.verdict in (Verdict.BLOCKED, Verdict.UNKNOWN)
        words = OWN_DISK if shared is Sharing.PROVEN else MAYBE_OWN_DISK
        assert any(words in finding.summary for finding in told)
    about = [finding for finding in told if finding.check in DISKS]
    if about and storage.in_the_way(facts, of) and shared is Sharing.POSSIBLE:
        assert any(MAYBE_OWN_DISK in finding.summary for finding in about)
    if "on local storage" in " ".join(finding.summary for finding in told):
        mount = one["/local"]
        assert isinstance(mount, Mount)
        assert mount.shared is False
