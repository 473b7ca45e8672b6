"""Facts for any definition: a destination that has all it needs, of which a test takes something away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hosts.facts import domain_xml
from hosts.facts.guest import GuestDefinition, RunState
from hosts.facts.host import CpuMode, GuestArch, MachineType
from hosts.facts.network import Interface, Network
from hosts.facts.storage import Qcow2, Qcow2Header
from hosts.facts.supplies import NetworkFilter, Secret
from migrations_app.domain.definition.needs import boot_paths, needs
from migrations_app.domain.definition.offered import ROWS
from migrations_app.domain.disks import place
from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options
from migrations_app.domain.preflight.catalog import run_all
from migrations_app.domain.preflight.check import Finding, Severity
from migrations_app.domain.preflight.facts import Facts
from tests.unit.domain.factories import (
    EMULATOR,
    HEALTHY,
    capabilities,
    domcaps,
    identity,
    local_pool,
    network,
    shared_pool,
    volume,
    with_source,
    with_target,
)

#: of the libvirt versions that kvmweb has the schemas of
NEWEST = 11_003_000


def equal(xml: str, *, copied: tuple[str, ...] = (), state: RunState = RunState.RUNNING) -> Facts:
    """The facts of a VM with this definition and of two hosts that differ in nothing but their names."""
    guest = domain_xml.parse(xml)
    disks = {place(disk): replace(volume, path=place(disk), format=disk.format or "raw") for disk in guest.disks}
    both: dict[str, Any] = {
        "capabilities": _capabilities(guest),
        "volumes": disks,
        "pools": (replace(local_pool, target_path="/vms"),) if copied else (shared_pool, local_pool),
        "firmware": dict.fromkeys((guest.boot.loader, guest.boot.nvram, guest.boot.nvram_template), 4 * 1024**2),
        "networks": (network, *(_network(nic.source) for nic in guest.nics if nic.type == "network")),
    }
    headers = dict.fromkeys(disks, Qcow2Header(made=Qcow2()))
    base = with_target(with_source(HEALTHY, **both, qcow2_headers=headers), **both, **_target(guest))
    if copied:
        files = {path: path not in disks for path in (*base.target.files, *disks)}  # type: ignore[misc]
        base = with_target(base, volumes=dict.fromkeys(disks), files=files)
        base = replace(base, request=replace(base.request, kind=Kind.LIVE_STORAGE, options=Options(copy_disks=copied)))
    seen = replace(HEALTHY.guest.look, state=state)  # type: ignore[type-var]
    return replace(base, guest=replace(base.guest, definition=guest, look=seen))


def _target(guest: GuestDefinition) -> dict[str, Any]:
    bridges = {"br1", *(nic.source for nic in guest.nics if nic.type in ("bridge", "direct"))}
    values = {path: value for path, value in guest.leaves if value}
    images = [path for disk in guest.disks for path in (disk.path, *disk.backing, *disk.data_files)]
    paths = (*boot_paths(guest.boot), guest.emulator, *images, *(need.path for need in needs(guest)))
    offers: dict[tuple[str, str], frozenset[str]] = {}
    for row in ROWS:
        list_of = (row.device, row.choice)
        offers[list_of] = offers.get(list_of, frozenset()) | frozenset(row.wanted(guest))
    return {
        "interfaces": tuple(
            Interface(name=name, active=True, is_bridge=name.startswith("br")) for name in sorted(bridges)
        ),
        "files": dict.fromkeys((path for path in paths if path), True),
        "domcaps": replace(
            domcaps,
            offers=offers,
            address_bits=52,
            arch=guest.arch,
            machine=guest.machine,
            cpu_modes={mode: CpuMode(supported=True, models=frozenset({guest.cpu.model})) for mode in _MODES},
        ),
        "secrets": tuple(Secret(uuid=value, usage=value) for path, value in values.items() if "secret" in path),
        "network_filters": tuple(NetworkFilter(name=name) for name in guest.values(_FILTER)),
        "identity": identity(libvirt=NEWEST),
        "ports": frozenset({22}),
        "addresses": frozenset({"10.0.0.2"}),
    }


_MODES = ("custom", "host-model", "host-passthrough", "maximum")
_FILTER = "devices/interface/filterref/@filter"


def _capabilities(guest: GuestDefinition) -> Any:
    machine = MachineType(name=guest.machine, canonical=guest.machine)
    arch = GuestArch(
        arch=guest.arch, emulator=guest.emulator or EMULATOR, machines=(machine,), domain_types=("qemu", "kvm")
    )
    return replace(
        capabilities,
        arch=guest.arch,
        guests=(arch,),
        cpu_numbers=frozenset(range(48)),
        numa_nodes=frozenset({0, 1}),
        tsc_frequency=int("".join(guest.values("clock/timer/@frequency")[:1]) or 2_000_000_000),
        security_models=frozenset({"none", "dac", *guest.values("seclabel/@model")}),
    )


def _network(name: str) -> Network:
    return replace(network, name=name)


def worst(findings: tuple[Finding, ...]) -> str:
    """ "blocker", "unknown", "warning", or "ok" when there is nothing but information."""
    seen = {finding.severity for finding in findings}
    order = (Severity.BLOCKER, Severity.UNKNOWN, Severity.WARNING)
    return next((str(severity) for severity in order if severity in seen), "ok")


def judged(facts: Facts) -> str:
    return worst(run_all(facts).findings)
