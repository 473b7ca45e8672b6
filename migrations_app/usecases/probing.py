"""Where VMs may be probed, which admins say, and at which address one is, which a user may say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from kvmweb.accounts.permissions import Right, require
from kvmweb.journal import writer
from kvmweb.journal.models import EntryKind
from kvmweb.web.plain import isolated
from migrations_app.domain.felt import read_address, read_network
from migrations_app.models import ProbeAddress, ProbeNetwork
from migrations_app.usecases.errors import RequestRefused

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from hosts.models import Guest

MOST_NETWORKS = 100


@transaction.atomic
def name_network(cidr: str, *, by: User, reason: str = "") -> ProbeNetwork:
    """Raises PermissionDenied, RequestRefused."""
    require(by, Right.MANAGE_PROBING)
    try:
        network = str(read_network(cidr))
    except ValueError as error:
        raise RequestRefused("cidr", str(error)) from None
    if ProbeNetwork.objects.count() >= MOST_NETWORKS:
        raise RequestRefused("cidr", f"There are {MOST_NETWORKS} networks already.")
    try:
        with transaction.atomic():
            named: ProbeNetwork = ProbeNetwork.objects.create(cidr=network)
    except IntegrityError:
        raise RequestRefused("cidr", "This network is named already.") from None
    _tell(writer.PROBING, f"allowed probes of VMs in {network}", by, reason)
    return named


@transaction.atomic
def remove_network(network: ProbeNetwork, *, by: User, reason: str = "") -> bool:
    """False: somebody else has just done it. Raises PermissionDenied."""
    require(by, Right.MANAGE_PROBING, network)
    gone, _ = ProbeNetwork.objects.filter(pk=network.pk).delete()
    if gone:
        _tell(writer.PROBING, f"no longer allows probes of VMs in {network}", by, reason)
    return bool(gone)


@transaction.atomic
def set_address(guest: Guest, address: str, *, by: User, reason: str = "") -> None:
    """ "": what its host reports counts again. Raises PermissionDenied, RequestRefused."""
    require(by, Right.CHANGE_VMS, guest)
    mine = ProbeAddress.objects.filter(guest=guest)
    if not address.strip():
        if not mine.delete()[0]:
            return
        did = f"removed the address of {isolated(guest.name)} for probes"
    else:
        try:
            new = str(read_address(address))
        except ValueError as error:
            raise RequestRefused("probe_address", str(error)) from None
        if mine.filter(address=new).exists():
            return
        ProbeAddress.objects.update_or_create(guest=guest, defaults={"address": new})
        did = f"gave {new} as the address of {isolated(guest.name)} for probes"
    _tell(writer.guest_topic(str(guest.pk)), did, by, reason)
    writer.signal(writer.INVENTORY, hosts=[], guests=[str(guest.pk)])


def _tell(topic: str, did: str, by: User, reason: str) -> None:
    writer.write(topic, EntryKind.ACTION, f"{isolated(by.get_username())} {did}", actor=by, reason=reason)
