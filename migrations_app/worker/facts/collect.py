"""Ask both hosts everything the preflight checks want to know."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from hosts.calls.move import Parameter
from hosts.facts.endpoint import Transport
from hosts.facts.guest import GuestDefinition, GuestDetails, GuestLook
from hosts.facts.unknown import Unknown
from hosts.gateway.port import GatewayError, HostConnection
from hosts.gateway.probe import Asked
from migrations_app.domain.disks import Storage, folders_to_ask, media_to_ask
from migrations_app.domain.kinds import KIND
from migrations_app.domain.preflight.facts import Facts, PeerFact
from migrations_app.domain.preflight.facts.host import NOT_ASKED, SourceFacts, TargetFacts
from migrations_app.domain.preflight.facts.saved import SavedFacts
from migrations_app.domain.request import MigrationRequest
from migrations_app.worker.facts.files import files
from migrations_app.worker.facts.firmware import firmware
from migrations_app.worker.facts.given import (
    as_defined,
    as_if_running,
    cpu_of_start,
    namesakes_here,
    own_emulator,
    peer_untried,
)
from migrations_app.worker.facts.guest import guest
from migrations_app.worker.facts.home import home
from migrations_app.worker.facts.host_devices import host_devices
from migrations_app.worker.facts.hosts import host
from migrations_app.worker.facts.look import look
from migrations_app.worker.facts.media import media
from migrations_app.worker.facts.memory import memory
from migrations_app.worker.facts.mounts import mounts
from migrations_app.worker.facts.namesakes import same_name, same_uuid
from migrations_app.worker.facts.one_host import collect_here
from migrations_app.worker.facts.peer import peer
from migrations_app.worker.facts.qcow2_headers import qcow2_headers
from migrations_app.worker.facts.qemu import cpu, domcaps
from migrations_app.worker.facts.saved import Definition, Definitions, at_next_start, definitions, saved_facts
from migrations_app.worker.facts.side import Side
from migrations_app.worker.facts.supplies import host_addresses, supplies
from migrations_app.worker.facts.told import told
from migrations_app.worker.facts.userfaultfd import userfaultfd
from migrations_app.worker.facts.volumes import volumes, with_copies, with_devices

Values = dict[str, Any]
#: by the field of HostFacts, what is asked beside the host's connection
Asking = dict[str, Future[Any]]
#: of the source, of the destination
Pair = tuple[list[str], list[str]]

_NOBODY_ASKED = Unknown("No host was asked about this VM.")
_UNTRIED = Unknown("kvmweb did not try the connection between the hosts.")


def collect(
    request: MigrationRequest,
    source: Side,
    target: Side,
    *,
    probe: bool,
    given: GuestDefinition | None = None,
    aside: Future[HostConnection] | None = None,
    others: Mapping[str, GuestLook] | Unknown = NOT_ASKED,
    reached: PeerFact | None = None,
) -> tuple[Facts, GuestDetails | Unknown]:
    """Both hosts at the same time, each over its own connection. What runs a program on a host is asked beside that.

    `probe`: ask the source's libvirtd to reach the target's; the caller holds the guest's probe lock. This takes as
    long as all the rest, so `aside`, another connection to the source, is used for it if the caller opens one.
    `reached`: what such a probe has just answered; then it is not repeated.
    `given`: the definition of a VM that no host needs to have; then there are no details.
    """
    if KIND[request.kind].same_host:
        return collect_here(request, source, others=others)
    uuid, probe, tls = request.guest, probe and reached is None, _between_by_tls(request, target)
    with ThreadPoolExecutor(max_workers=12) as pool:
        look_coming = pool.submit(_look, uuid, source, given)
        between_coming = pool.submit(_peer_aside, uuid, source, target, aside, look_coming) if probe and aside else None
        details_coming = None if given else pool.submit(_details, request, source)
        there = pool.submit(host, target, tls=tls)
        asked_here: Asking = {"told": pool.submit(told, source, Asked.SOURCE)}
        asked_there = _about_target(pool, request, target) | {"userfaultfd": pool.submit(userfaultfd, target, there)}
        details = details_coming.result() if details_coming else _NOBODY_ASKED
        given = given and as_defined(given, source)
        definition, saved, every = definitions(details, given)
        arriving = with_copies(definition, every, request.options.disks)
        guest_there = pool.submit(_on_target, request, definition, arriving, target, there, given)
        guest_here = as_if_running(given) if given else guest(uuid, details, look_coming.result(), source)
        here = host(source, tls=tls)
        paths_coming = pool.submit(_paths, definition, arriving, here, there)
        for number, (side, asked) in enumerate(((source, asked_here), (target, asked_there))):
            asked |= _about_files(pool, definition, paths_coming, number, side)
        copied, starting = definition if request.options.copy_disks else NOT_ASKED, _starts(request, definition, given)
        asked_here["qcow2_headers"] = pool.submit(qcow2_headers, copied, source, _pools(here))
        namesakes = namesakes_here(given, source) if given else {}
        volumes_here = with_devices(volumes(every, source), uuid, NOT_ASKED if given else copied, source)
        saved_there = pool.submit(_saved, saved, definition, target, guest_there)
        between = reached or (
            between_coming.result() if between_coming else _between(uuid, source, target, given, probe=probe)
        )
    facts = Facts(
        request=request,
        source=(ours := SourceFacts(**here, **namesakes, volumes=volumes_here, **_answers(asked_here))),
        target=TargetFacts(
            **there.result(), **_on_start(guest_there.result() | _answers(asked_there), starting, here, there.result())
        ),
        guest=guest_here,
        peer=between,
        saved=saved_there.result(),
        home=None if given else home(request, definition, here, ours, source),
        sends_levels=source.learn(lambda c: c.can_ask(Parameter.ZSTD_LEVEL)) is not False,
        others=others,
    )
    return facts, details


def _between_by_tls(request: MigrationRequest, target: Side) -> bool:
    peer = target.host.peer
    return request.options.tls or (peer is not None and peer.transport is Transport.TLS)


def _about_target(pool: ThreadPoolExecutor, request: MigrationRequest, side: Side) -> Asking:
    asked: Asking = {
        "memory": pool.submit(memory, side),
        "interfaces": pool.submit(side.learn, lambda c: c.interfaces()),
        "told": pool.submit(told, side, Asked.TARGET),
    }
    if request.options.migration_address or request.options.listen_address:
        asked["addresses"] = pool.submit(host_addresses, side)
    return asked


def _answers(asked: Asking) -> Values:
    return {field: coming.result() for field, coming in asked.items()}


def _between(
    uuid: str, source: Side, target: Side, given: GuestDefinition | None, *, probe: bool
) -> PeerFact | Unknown:
    if probe:
        return peer(uuid, source, target)
    return _UNTRIED if given is None else peer_untried()


def _details(request: MigrationRequest, source: Side) -> GuestDetails | Unknown:
    """Of a VM that is shut down: what it has when it starts again."""
    found = source.learn(lambda c: c.guest_details(request.guest))
    return at_next_start(found) if KIND[request.kind].stops else found


def _look(uuid: str, source: Side, given: GuestDefinition | None) -> GuestLook | Unknown:
    return look(uuid, source) if given is None else _NOBODY_ASKED


def _peer_aside(
    uuid: str, source: Side, target: Side, aside: Future[HostConnection], look_coming: Future[GuestLook | Unknown]
) -> PeerFact | Unknown:
    """Not before the VM's job was looked at: for a moment, the question is one."""
    look_coming.result()
    try:
        return peer(uuid, replace(source, connection=aside.result()), target)
    except GatewayError:
        return peer(uuid, source, target)


def _on_target(
    request: MigrationRequest,
    definition: Definition,
    every: Definitions,
    side: Side,
    there: Future[Values],
    given: GuestDefinition | None,
) -> Values:
    """What is asked of the destination about this VM, one question after the other: its connection takes one at a time,
    and waiting for another one counts into the deadline."""
    asked = own_emulator(given, there.result(), side) if given else definition
    return {
        "same_uuid": same_uuid(request.guest, side),
        "same_name": same_name(definition, side, request.options.new_name),
        "volumes": volumes(every, side),
        "files": files(every, side, _pools(there.result())),
        "domcaps": domcaps(asked, side),
        "cpu": cpu(asked, side),
        **supplies(every, side),
    }


def _starts(request: MigrationRequest, definition: Definition, given: GuestDefinition | None) -> GuestDefinition | None:
    """The definition, if the VM is still to start on the source."""
    if given or isinstance(definition, Unknown) or not KIND[request.kind].starts_paused:
        return given
    return definition


def _on_start(found: Values, started: GuestDefinition | None, here: Values, there: Values) -> Values:
    """What the destination said about the VM; one that starts on the source gets its CPU then."""
    return {**found, "cpu": cpu_of_start(started, here, there, found["cpu"])} if started else found


def _saved(saved: GuestDefinition | None, live: Definition, side: Side, told: Future[Values]) -> SavedFacts | None:
    if saved is None or isinstance(live, Unknown):
        return None
    return saved_facts(saved, live, told.result(), side)


def _about_files(
    pool: ThreadPoolExecutor, definition: Definition, paths: Future[tuple[Pair, Pair]], number: int, side: Side
) -> Asking:
    """What one host is asked about its files and devices. `number`: 0 is the source."""
    return {
        "mounts": pool.submit(lambda: mounts(paths.result()[0][number], side)),
        "media": pool.submit(lambda: media(paths.result()[1][number], side)),
        "firmware": pool.submit(firmware, definition, side),
        "devices": pool.submit(host_devices, definition, side),
    }


def _paths(definition: Definition, every: Definitions, here: Values, there: Future[Values]) -> tuple[Pair, Pair]:
    """The folders of images to ask about, and the images of CDs and floppies: on the source, and on the destination."""
    ours, theirs = _pools(here), _pools(there.result())
    disks = () if isinstance(every, Unknown) else dict.fromkeys(disk for one in every for disk in one.disks)
    drives = () if isinstance(definition, Unknown) else definition.disks
    return folders_to_ask(disks, ours, theirs), media_to_ask(drives, ours, theirs)


def _pools(host: Values) -> Storage:
    """Its pools alone."""
    pools = host["pools"]
    return Storage(pools=() if isinstance(pools, Unknown) else pools)
