"""Migrating a guest, over the source's connection: the call, the probe before it, and what may be changed during it."""

from __future__ import annotations

import errno
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hosts.calls.move import Flag, MigrateCall, Parameter, PeerHelper
from hosts.facts import placed_xml
from hosts.facts.endpoint import PeerEndpoint, Transport, check_address
from hosts.facts.xml import BadXml
from hosts.gateway import _errors, _job, transports
from hosts.gateway._guest import Guests
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError, GuestMissing, HostUnreachable, PeerProbe, PeerResult

if TYPE_CHECKING:
    import libvirt


def migrate(link: Link, guests: Guests, call: MigrateCall) -> None:
    """Blocks as long as the migration takes, in the caller's thread; keepalive ends it when the host is lost.

    Nothing else can be asked over this connection meanwhile: watch and abort over another one.
    """
    flags, parameters = flags_of(call), parameters_of(call)
    uri = transports.peer_uri(call.peer, helper=call.helper)

    def work(raw: libvirt.virConnect) -> None:
        guest = guests.handle(raw, call.uuid)
        if guest.migrateToURI3(uri, {**parameters, **_definitions(guest, call)}, flags) < 0:
            raise GatewayError("libvirt did not say why the migration failed")

    link.call_without_end(work)


def flags_of(call: MigrateCall) -> int:
    """virDomainMigrateFlags."""
    import libvirt

    flags: int = libvirt.VIR_MIGRATE_PEER2PEER
    if call.offline:
        flags |= libvirt.VIR_MIGRATE_OFFLINE
    elif call.live:
        flags |= libvirt.VIR_MIGRATE_LIVE
    for flag in call.flags:
        flags |= getattr(libvirt, f"VIR_MIGRATE_{flag}")
    if call.copy_disks:
        flags |= libvirt.VIR_MIGRATE_NON_SHARED_DISK
    return flags


def parameters_of(call: MigrateCall) -> dict[str, Any]:
    """Typed parameters."""
    import libvirt

    parameters: dict[str, Any] = {
        str(name): list(value) if isinstance(value, tuple) else value for name, value in call.parameters.items()
    }
    if listen := call.parameters.get(Parameter.LISTEN_ADDRESS):
        parameters[Parameter.LISTEN_ADDRESS] = check_address(str(listen), field="listen_address")
    if call.migration_address:
        address = check_address(call.migration_address, field="migration_address")
        parameters[libvirt.VIR_MIGRATE_PARAM_URI] = transports.migrate_uri(address)
    if call.copy_disks:
        parameters[libvirt.VIR_MIGRATE_PARAM_MIGRATE_DISKS] = list(call.copy_disks)
    return parameters


def _definitions(guest: libvirt.virDomain, call: MigrateCall) -> dict[str, str]:
    """Read now, with their secrets, and kept by nobody. Only libvirt 10 and later makes the saved one of the other."""
    import libvirt

    if not call.places:
        return {}
    secure = libvirt.VIR_DOMAIN_XML_SECURE | libvirt.VIR_DOMAIN_XML_MIGRATABLE
    try:
        live = guest.XMLDesc(secure)
        found = {libvirt.VIR_MIGRATE_PARAM_DEST_XML: placed_xml.place(live, call.places)}
        if Flag.PERSIST_DEST in call.flags and guest.isPersistent():
            saved = guest.XMLDesc(secure | libvirt.VIR_DOMAIN_XML_INACTIVE)
            found[libvirt.VIR_MIGRATE_PARAM_PERSIST_XML] = placed_xml.place(saved, call.places, like=live)
    except BadXml as bad:
        raise GatewayError(f"kvmweb could not write the disks' new places into the definition: {bad}") from bad
    return found


def can_ask(parameter: Parameter) -> bool:
    """libvirt's Python binding takes the types of parameters from the libvirt that it was built with. Before 9.4 it
    guesses those of the compression levels, and the guess is wrong."""
    import libvirt

    return parameter not in _LEVELS or hasattr(libvirt, "VIR_MIGRATE_PARAM_COMPRESSION_ZSTD_LEVEL")


_LEVELS = (Parameter.ZLIB_LEVEL, Parameter.ZSTD_LEVEL)


def probe_peer(link: Link, guests: Guests, uuid: str, peer: PeerEndpoint, *, deadline: float) -> PeerProbe:
    """Let the source connect to the destination and then refuse a migration that is impossible by its flags.

    POSTCOPY without LIVE is what libvirt refuses first after the connection is made, by a code (74) that nothing
    before it gives; were that check not there, OFFLINE without PERSIST_DEST is refused next. What a guest's own state
    forbids (snapshots, block jobs, another migration) is refused before the connection: then nothing was learned.
    """
    started = time.monotonic()
    probe = PeerProbe(result=PeerResult.UNKNOWN)
    for helper in _HELPERS if peer.transport is Transport.SSH else (PeerHelper.AUTO,):
        left = deadline - (time.monotonic() - started)
        if left <= 0:
            break
        masked, probe = _probe_once(link, guests, uuid, peer, helper, left)
        if not masked:
            break
    return replace(probe, seconds=time.monotonic() - started)


#: those that keep reasons readable before libvirt's own choice, which is asked again because it does so now and then
_HELPERS = (PeerHelper.NETCAT, PeerHelper.AUTO, PeerHelper.NETCAT_MODULAR, PeerHelper.AUTO, PeerHelper.AUTO)


def _probe_once(
    link: Link, guests: Guests, uuid: str, peer: PeerEndpoint, helper: PeerHelper, seconds: float
) -> tuple[bool, PeerProbe]:
    """(whether the answer was masked or this helper is not to be had there, what was learned)"""
    uri = transports.peer_uri(peer, helper=helper)

    def work(raw: libvirt.virConnect) -> tuple[GatewayError, int]:
        """libvirt's refusal, with the system's error number. libvirtd waits for the other host without end."""
        import libvirt

        flags = libvirt.VIR_MIGRATE_PEER2PEER | libvirt.VIR_MIGRATE_OFFLINE | libvirt.VIR_MIGRATE_POSTCOPY
        try:
            guests.handle(raw, uuid).migrateToURI3(uri, {}, flags)
        except libvirt.libvirtError as error:
            return link.translate(error, relayed=True), error.get_int1() or 0
        return GatewayError("libvirt accepted a migration that must be refused"), 0

    try:
        error, number = link.call("the peer probe", work, seconds=seconds, key=("probe", uuid), relayed=True)
    except HostUnreachable:
        raise
    except GatewayError as late:
        text = f"{link.name} tried to reach {peer.address} and had no answer after {seconds:.0f} s"
        return False, PeerProbe(result=PeerResult.UNKNOWN, message=text if late.code else late.message)
    if isinstance(error, HostUnreachable | GuestMissing):
        raise error
    if (error.code, error.domain) == (_errors.ARGUMENT_UNSUPPORTED, _errors.FROM_QEMU):
        return False, PeerProbe(result=PeerResult.REACHED, helper=helper)
    if error.domain == _errors.FROM_QEMU or error.code in (_errors.OPERATION_TIMEOUT, _errors.OPERATION_INVALID):
        return False, PeerProbe(result=PeerResult.UNKNOWN, message=error.message)
    if helper is not PeerHelper.AUTO or (error.domain == _errors.FROM_RPC and number == errno.EIO):
        text = f"{link.name} ended its connection to {peer.address} without a reason: {error.message}"
        return True, PeerProbe(result=PeerResult.UNKNOWN, message=text)
    return False, PeerProbe(result=PeerResult.FAILED, message=error.message)


def abort(link: Link, guests: Guests, uuid: str) -> None:
    def work(raw: libvirt.virConnect) -> None:
        guests.handle(raw, uuid).abortJob()

    link.call("abort the migration", work, seconds=_job.monitor_seconds(link), key=("abort", uuid))
