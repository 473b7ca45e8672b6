"""Debian 12 to Debian 13 for the methods that need a VM off, and with TLS; the main job: tests/lab/test_mixed_releases.py.

libvirt of both hosts speaks TLS to the other, and kvmweb speaks ssh to both.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest

from lab import GuestSpec, Host, Lab, TickReceiver, Wanted
from lab.guests import POOLS
from lab.reset import refresh_pools
from tests.faults import tpm
from tests.faults.phases import content
from tests.lab.serving import Serving
from tests.lab.test_what_travels import TPM, part, tpm_state

pytestmark = [pytest.mark.lab, pytest.mark.faults, pytest.mark.timeout(600)]

A, B, C = "kvm-a", "kvm-b", "kvm-c"


@pytest.fixture(scope="module")
def mixed() -> Iterator[Lab]:
    roots = {A: "bookworm", B: "trixie", C: "trixie"}
    made = Lab.up(Wanted(prefix=f"r{os.getpid() % 100_000}", hosts=3, profile="test", rootfs=roots, owned=True))
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def served(mixed: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    serving = Serving(mixed, tmp_path_factory.mktemp("mixed"), transport="ssh", peer="tls")
    serving.prepare()
    serving.start()
    try:
        serving.register_hosts()
        libvirt = {host["name"]: host["libvirt"].partition(".")[0] for host in serving.items("/hosts")}
        assert libvirt == {A: "9", B: "11", C: "11"}
        yield serving
    finally:
        serving.stop()


def test_stop_migrate_start_on_shared_storage(served: Serving, mixed: Lab) -> None:
    served.wait_for_guest("db-01", A)
    with TickReceiver(*mixed.ticks_address) as ticks:
        began = time.monotonic()
        assert ticks.wait_for("db-01", since=began, timeout=60)
        asked = served.migrate("db-01", B, kind="stop_move_start", confirm="db-01")
        ended = served.wait_for_end(asked["id"])
        assert (ended["state"], ended["state_text"]) == ("done", "db-01 runs on kvm-b."), ended
        assert ticks.wait_for("db-01", since=time.monotonic(), timeout=60)
        assert len({tick.boot for tick in ticks.ticks("db-01", began)}) == 2
        assert not ticks.ran_twice("db-01", began)
    assert ended["downtime_ms"] > 0
    assert mixed.where("db-01") == [B]


def test_stop_migrate_start_does_not_leave_a_local_disk_behind(served: Serving, mixed: Lab) -> None:
    served.wait_for_guest("build-01", A)
    asked = served.migrate("build-01", B, kind="stop_move_start", confirm="build-01")
    ended = served.wait_for_end(asked["id"])
    assert ended["state"] == "blocked", ended
    assert "storage_shared" in {each["check"] for each in ended["findings"] if each["severity"] == "blocker"}
    assert mixed.hosts[A].domain_state("build-01") == "running"


def test_offline_with_storage_of_a_local_disk_and_started_there(served: Serving, mixed: Lab) -> None:
    a, b = mixed.hosts[A], mixed.hosts[B]
    a.virsh("destroy", "build-01")
    served.wait_for_guest("build-01", A, "shut off")
    before = content(a)
    ended = served.wait_for_end(served.migrate("build-01", B, kind="offline_storage")["id"])
    assert (ended["state"], ended["state_text"]) == ("done", "build-01 is shut off on kvm-b."), ended
    assert content(b) == before
    served.wait_for_guest("build-01", B, "shut off")
    with TickReceiver(*mixed.ticks_address) as ticks:
        ended = served.wait_for_end(served.migrate("build-01", C, kind="offline_storage", start_after=True)["id"])
        assert (ended["state"], ended["state_text"]) == ("done", "build-01 runs on kvm-c."), ended
        assert ticks.wait_for("build-01", timeout=60)
    assert mixed.where("build-01") == [C]


def test_offline_with_storage_of_a_shared_disk_copies_nothing(served: Serving, mixed: Lab) -> None:
    served.wait_for_guest("old-01", A, "shut off")
    ended = served.wait_for_end(served.migrate("old-01", B, kind="offline_storage")["id"])
    assert (ended["state"], ended["state_text"]) == ("done", "old-01 is shut off on kvm-b."), ended
    assert not [vol for vol in mixed.hosts[B].virsh("vol-list", "local").splitlines() if "old-01" in vol]
    assert mixed.where("old-01") == [B]


def test_tls_from_12_to_13(served: Serving, mixed: Lab) -> None:
    served.wait_for_guest("web-01", A)
    ended = served.wait_for_end(served.migrate("web-01", B, tls=True)["id"])
    assert ended["state"] == "done", ended
    served.wait_for_guest("web-01", B)
    refused = served.wait_for_end(served.migrate("web-01", C, tls=True, tls_name="another-host")["id"])
    assert refused["state"] == "failed", refused
    assert "another-host" in refused["error"]["libvirt"] or "hostname" in refused["error"]["libvirt"], refused
    assert mixed.hosts[B].domain_state("web-01") == "running"


def test_13_encrypts_copies_beside_parallel_connections(served: Serving, mixed: Lab) -> None:
    """The bug that the check tls_copies knows is gone there."""
    mixed.define_guest(B, GuestSpec("copied", B, storage="local"))
    served.wait_for_guest("copied", B)
    options = {"tls": True, "parallel_connections": 2}
    ended = served.wait_for_end(served.migrate("copied", C, kind="live_storage", **options)["id"])
    assert ended["state"] == "done", ended
    assert mixed.where("copied") == [C]


#: a PC's usual firmware where UEFI would be: it boots the lab's VMs, and leaves the variables alone
FIRMWARE, TEMPLATE = f"{POOLS['local']}/code.fd", f"{POOLS['local']}/vars.fd"
#: so that libvirt finds it for firmware='efi'
DESCRIBED = {
    "description": "of the tests",
    "interface-types": ["uefi"],
    "mapping": {
        "device": "flash",
        "executable": {"filename": FIRMWARE, "format": "raw"},
        "nvram-template": {"filename": TEMPLATE, "format": "raw"},
    },
    "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}],
    "features": ["acpi-s3"],
    "tags": [],
}
SHARED, NVRAM = POOLS["testvms"], "/var/lib/libvirt/qemu/nvram"
#: all that hosts keep for VMs
KEPT = (*POOLS.values(), NVRAM, "/var/lib/libvirt/swtpm", "/run/libvirt/qemu/swtpm")


@dataclass(frozen=True)
class Sealed:
    """A VM with UEFI variables and a TPM, shut off on kvm-a. Variables in libvirt's own folder are not in its saved
    definition: libvirt of Debian 12 does not write them there."""

    name: str
    uuid: str
    disk: str
    variables: str

    @property
    def tpm(self) -> set[str]:
        return {f"{tpm.folder(self.uuid)}/{file}" for file in ("tpm2-00.permall", ".lock")}

    @property
    def local(self) -> set[str]:
        return {path for path in (self.disk, self.variables) if not path.startswith(SHARED)}


Make = Callable[..., Sealed]


@pytest.fixture
def make(served: Serving, mixed: Lab) -> Iterator[Make]:
    a, made = mixed.hosts[A], []
    for host in mixed.hosts.values():
        host.exec("cp", "/usr/share/seabios/bios-256k.bin", FIRMWARE)
        host.exec("truncate", "-s", "128K", TEMPLATE)
        host.exec("mkdir", "-p", "/etc/qemu/firmware")
        host.exec("tee", "/etc/qemu/firmware/10-tests.json", stdin=json.dumps(DESCRIBED))

    def sealed(name: str, *, pool: str, variables: str) -> Sealed:
        spec = mixed.define_guest(A, GuestSpec(name, A, storage=pool), start=False)
        one = Sealed(name, spec.uuid, f"{POOLS[pool]}/{name}.qcow2", f"{variables}/{name}_VARS.fd")
        made.append(one)
        domain = ElementTree.fromstring(a.virsh("dumpxml", name, "--inactive"))
        system = part(domain, "os")
        system.set("firmware", "efi")
        if variables != NVRAM:
            ElementTree.SubElement(system, "nvram").text = one.variables
        part(domain, "devices").append(ElementTree.fromstring(TPM))
        a.exec("virsh", "-q", "define", "/dev/stdin", stdin=ElementTree.tostring(domain, encoding="unicode"))
        a.exec("dd", "if=/dev/urandom", f"of={one.variables}", "bs=128K", "count=1", "status=none")
        a.virsh("start", name)  # a TPM gets its keys at its first start
        a.virsh("destroy", name)
        tpm.write_word(a, spec.uuid)
        refresh_pools(list(mixed.hosts.values()))
        served.wait_for_guest(name, A, "shut off")
        return one

    yield sealed
    for one in made:
        for host in mixed.hosts.values():
            host.virsh("destroy", one.uuid, check=False)
            host.virsh("undefine", one.uuid, "--nvram", check=False)
            host.exec("rm", "-f", one.disk, one.variables)
    refresh_pools(list(mixed.hosts.values()))


def files(host: Host) -> set[str]:
    """And sockets, in folders that may not be there."""
    return set(host.exec("sh", "-c", f"find {' '.join(KEPT)} -type f -o -type s 2>/dev/null; true").split())


def checksum(host: Host, one: Sealed) -> str:
    """Of its UEFI variables."""
    return host.exec("sha256sum", one.variables)


def assert_its_own(host: Host, one: Sealed, variables: str) -> None:
    """It runs there; at the end it is off."""
    host.virsh("destroy", one.name)
    assert tpm.has_word(host, one.uuid)
    assert checksum(host, one) == variables


@pytest.mark.parametrize(("pool", "folder"), [("local", NVRAM), ("testvms", SHARED)], ids=["local", "shared"])
def test_offline_with_storage_carries_uefi_variables_and_a_tpm(
    served: Serving, mixed: Lab, make: Make, pool: str, folder: str
) -> None:
    a, b = mixed.hosts[A], mixed.hosts[B]
    one = make("sealed-01", pool=pool, variables=folder)
    variables, state, here, there = checksum(a, one), tpm_state(a, one.uuid), files(a), files(b)
    with TickReceiver(*mixed.ticks_address) as ticks:
        began = time.monotonic()
        ended = served.wait_for_end(served.migrate(one.name, B, kind="offline_storage")["id"])
        assert (ended["state"], ended["state_text"]) == ("done", f"{one.name} is shut off on kvm-b."), ended
        assert not ticks.ticks(one.name, began)
        assert (checksum(b, one), tpm_state(b, one.uuid)) == (variables, state)
        assert files(a) == here - one.tpm
        assert files(b) == there | one.tpm | one.local
        assert mixed.where(one.name) == [B]
        b.virsh("start", one.name)
        assert ticks.wait_for(one.name, timeout=60)
    assert_its_own(b, one, variables)


@pytest.mark.parametrize("folder", [NVRAM, SHARED], ids=["local", "shared"])
def test_stop_migrate_start_carries_uefi_variables_and_a_tpm(
    served: Serving, mixed: Lab, make: Make, folder: str
) -> None:
    a, b = mixed.hosts[A], mixed.hosts[B]
    one = make("sealed-02", pool="testvms", variables=folder)
    variables, here, there = checksum(a, one), files(a), files(b)
    with TickReceiver(*mixed.ticks_address) as ticks:
        began = time.monotonic()
        a.virsh("start", one.name)
        assert ticks.wait_for(one.name, timeout=60)
        served.wait_for_guest(one.name, A)
        ended = served.wait_for_end(served.migrate(one.name, B, kind="stop_move_start", confirm=one.name)["id"])
        assert (ended["state"], ended["state_text"]) == ("done", f"{one.name} runs on kvm-b."), ended
        assert ticks.wait_for(one.name, since=time.monotonic(), timeout=60)
        assert not ticks.ran_twice(one.name, began)
    assert mixed.where(one.name) == [B]
    assert_its_own(b, one, variables)
    assert files(a) == here - one.tpm
    assert files(b) == there | one.tpm | one.local
