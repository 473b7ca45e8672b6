"""Serial ports and everything else that has a stream of bytes at its other end."""

from __future__ import annotations

from migrations_app.domain.definition.rule import (
    LABEL,
    NOT_EVERYWHERE,
    OTHER_ARCH,
    OTHER_HYPERVISOR,
    SEEN_BY_GUEST,
    Rules,
    not_examined,
    read,
)

CERTIFICATES = not_examined("Needs certificates on the destination.")


def _character(device: str) -> Rules:
    at = f"devices/{device}"
    return {
        at: SEEN_BY_GUEST,
        f"{at}/source": read("character_devices"),
        f"{at}/source/@tls": CERTIFICATES,
        f"{at}/source/@tls=no": SEEN_BY_GUEST,
        f"{at}/log": read("needed_files"),
        f"{at}/protocol/@type=tls": CERTIFICATES,
        f"{at}/protocol/@type=telnets": CERTIFICATES,
    }


def _typed(device: str) -> Rules:
    return {**_character(device), f"devices/{device}/@type": read("character_devices")}


RULES: Rules = {
    **_typed("serial"),
    "devices/serial/target/@type=usb-serial": read("unmigratable"),
    "devices/serial/target/model/@name=usb-serial": read("unmigratable"),
    **_typed("parallel"),
    "devices/parallel": NOT_EVERYWHERE,
    **_typed("console"),
    "devices/console/@tty": LABEL,
    "devices/console/target/@type=sclp": OTHER_ARCH,
    "devices/console/target/@type=sclplm": OTHER_ARCH,
    "devices/serial/target/@type=spapr-vio-serial": OTHER_ARCH,
    "devices/serial/target/@type=sclp-serial": OTHER_ARCH,
    "devices/serial/target/@type=system-serial": OTHER_ARCH,
    "devices/console/target/@type=xen": OTHER_HYPERVISOR,
    "devices/console/target/@type=uml": OTHER_HYPERVISOR,
    "devices/console/target/@type=lxc": OTHER_HYPERVISOR,
    "devices/console/target/@type=openvz": OTHER_HYPERVISOR,
    **_typed("channel"),
    "devices/channel/target/@type=xen": OTHER_HYPERVISOR,
    "devices/channel/target/@type=guestfwd": not_examined("A connection of the VM that QEMU makes on the host."),
    **_typed("smartcard"),
    "devices/smartcard": NOT_EVERYWHERE,
    "devices/smartcard/@mode": not_examined("A card reader or certificates of the host."),
    "devices/smartcard/@mode=passthrough": SEEN_BY_GUEST,
    "devices/smartcard/certificate": not_examined("Certificates of the host."),
    "devices/smartcard/database": not_examined("Certificates of the host."),
    **_typed("redirdev"),
    "devices/redirfilter": SEEN_BY_GUEST,
    "devices/rng": SEEN_BY_GUEST,
    **_character("rng/backend"),
    "devices/rng/backend": read("needed_files"),
    "devices/rng/backend/@type": read("character_devices"),
}
