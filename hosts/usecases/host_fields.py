"""The fields of a host: normalised, checked, or refused with the field's name."""

from __future__ import annotations

from typing import Any, TypedDict

from hosts.facts import endpoint, host_key
from hosts.facts.endpoint import BadEndpoint, Endpoint, PeerEndpoint, Transport, is_loopback
from hosts.models import Host, HostGroup
from hosts.usecases.errors import HostRefused


class HostFields(TypedDict, total=False):
    """What a user may set of a host: names of the columns of `hosts.models.Host`."""

    name: str
    transport: str
    address: str
    port: int | None
    user: str
    peer_address: str
    peer_transport: str
    peer_user: str
    migration_address: str
    fingerprint: str
    host_key: str
    #: its name; "" is none
    group: str


TEXTS = (
    "name", "transport", "address", "user", "peer_address", "peer_transport", "peer_user",
    "migration_address", "fingerprint", "host_key", "group",
)  # fmt: skip
#: a change of one of these means another door, behind which another ssh host key may stand
DOOR = ("transport", "address", "port")


def checked(fields: HostFields, *, named: bool = True) -> dict[str, Any]:
    """Every column with its final value; raises HostRefused. `named` False: a test connection, no name."""
    values: dict[str, Any] = {key: str(fields.get(key, "") or "").strip() for key in TEXTS}
    values["port"] = fields.get("port")
    if values["transport"] not in list(Transport):
        raise HostRefused("transport", "Choose ssh, tls, tcp or unix.")
    try:
        if named:
            endpoint.check_name(values["name"])
        for key in ("address", "peer_address", "migration_address"):
            if values[key]:
                values[key] = endpoint.check_address(values[key], field=key)
        Endpoint(
            transport=Transport(values["transport"]),
            address=values["address"],
            port=values["port"],
            user=values["user"],
        )
        _check_peer(values)
    except BadEndpoint as error:
        raise HostRefused(error.field, str(error)) from None
    _check_key(values)
    return values


def _check_peer(values: dict[str, Any]) -> None:
    if values["peer_transport"] not in ("", Transport.SSH, Transport.TLS, Transport.TCP):
        raise BadEndpoint("peer_transport", "Choose ssh, tls or tcp.")
    if values["peer_address"] and values["transport"] == Transport.UNIX and not values["peer_transport"]:
        raise BadEndpoint("peer_transport", "Choose how other hosts reach it: ssh, tls or tcp.")
    if (values["peer_transport"] or values["peer_user"]) and not (values["peer_address"] or values["address"]):
        raise BadEndpoint("peer_address", "Enter the address at which other hosts reach it.")
    transport = values["peer_transport"] or values["transport"]
    if values["peer_address"] or values["peer_user"] or values["peer_transport"]:
        address = values["peer_address"] or values["address"]
        PeerEndpoint(transport=Transport(transport), address=address, user=values["peer_user"])
    if values["migration_address"] and is_loopback(values["migration_address"]):
        raise BadEndpoint("migration_address", "Other hosts cannot send to a loopback address.")


def _check_key(values: dict[str, Any]) -> None:
    """A pinned key and its fingerprint belong together; a key alone names its fingerprint."""
    if values["transport"] != Transport.SSH:
        values["fingerprint"] = values["host_key"] = ""
        return
    try:
        if values["fingerprint"]:
            host_key.check_fingerprint(values["fingerprint"])
        if values["host_key"]:
            seen = host_key.fingerprint_of(values["host_key"])
            if values["fingerprint"] and values["fingerprint"] != seen:
                raise HostRefused("fingerprint", "The fingerprint does not match the host key.")
            values["fingerprint"] = seen
    except host_key.BadHostKey as error:
        raise HostRefused("fingerprint", str(error)) from None


def refuse_twins(values: dict[str, Any], *, but: Host | None = None) -> None:
    """No two hosts with one name, and none with the same way to reach it."""
    others = Host.objects.exclude(pk=but.pk) if but else Host.objects.all()
    if others.filter(name__iexact=values["name"]).exists():
        raise HostRefused("name", "Another host has this name.")
    door = _door(values["transport"], values["address"], values["port"])
    for other in others.filter(transport=values["transport"], address=values["address"]):
        if _door(other.transport, other.address, other.port) == door:
            field = "transport" if values["transport"] == Transport.UNIX else "address"
            raise HostRefused(field, f"{other.name} is already registered with this address.")


def columns(values: dict[str, Any]) -> dict[str, Any]:
    """As the row has them: the group is a row of its own. Raises HostRefused."""
    if "group" not in values:
        return values
    group = HostGroup.objects.filter(name=values["group"]).first()
    if group is None and values["group"]:
        raise HostRefused("group", "There is no group with this name.")
    return {**values, "group": group}


def _door(transport: str, address: str, port: int | None) -> tuple[str, str, int | None]:
    return transport, address, port or endpoint.DEFAULT_PORTS.get(Transport(transport))
