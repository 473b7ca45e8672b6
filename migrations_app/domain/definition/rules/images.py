"""Disks, the images they build on, and folders of the host."""

from __future__ import annotations

from migrations_app.domain.definition.rule import (
    LABEL,
    OF_HOST,
    OTHER_HYPERVISOR,
    SEEN_BY_GUEST,
    TUNING,
    Rule,
    Rules,
    not_examined,
    read,
)

NETWORK_STORAGE = read("network_disks")
CERTIFICATES = not_examined("Needs certificates on the destination.")


def _image(at: str, place: Rule) -> Rules:
    """What libvirt calls a storage source: where an image is. `place`: who judges the place."""
    return {
        at: place,
        f"{at}/@index": LABEL,
        f"{at}/@fdgroup": not_examined("An open file that somebody handed to libvirt on the source host."),
        f"{at}/@tls": CERTIFICATES,
        f"{at}/@tls=no": NETWORK_STORAGE,
        f"{at}/@tlsHostname": CERTIFICATES,
        f"{at}/auth": NETWORK_STORAGE,
        f"{at}/auth/secret": read("secrets_present"),
        f"{at}/config": not_examined("A file of the source host."),
        f"{at}/cookies": NETWORK_STORAGE,
        f"{at}/dataStore": read("data_files"),
        f"{at}/encryption": read("secrets_present"),
        f"{at}/host": NETWORK_STORAGE,
        f"{at}/identity": NETWORK_STORAGE,
        f"{at}/identity/@keyfile": not_examined("A file of the source host."),
        f"{at}/identity/@agentsock": not_examined("A socket of the source host."),
        f"{at}/knownHosts": not_examined("A file of the source host."),
        f"{at}/reservations": not_examined("Needs a helper for persistent reservations on the destination."),
        f"{at}/slices": read("copied_images"),
        f"{at}/seclabel": read("security_driver"),
    }


RULES: Rules = {
    "devices/disk": SEEN_BY_GUEST,
    "devices/disk/@type": read("disk_types"),
    "devices/disk/@rawio": OF_HOST,
    "devices/disk/@sgio": OF_HOST,
    "devices/disk/@device=lun": OF_HOST,
    "devices/disk/auth": NETWORK_STORAGE,
    "devices/disk/auth/secret": read("secrets_present"),
    "devices/disk/backenddomain": OTHER_HYPERVISOR,
    "devices/disk/driver": TUNING,
    "devices/disk/driver/@type": read("unmigratable"),
    "devices/disk/driver/@cache": read("cache_mode"),
    "devices/disk/driver/@name": OTHER_HYPERVISOR,
    "devices/disk/driver/@name=qemu": TUNING,
    "devices/disk/driver/@io=io_uring": OF_HOST,
    "devices/disk/encryption": read("secrets_present"),
    "devices/disk/mirror": read("block_jobs"),
    "devices/disk/readonly": read("disks_reachable"),
    "devices/disk/shareable": read("storage_shared"),
    "devices/disk/transient": read("transient_disks"),
    "devices/disk/target/@bus=xen": OTHER_HYPERVISOR,
    "devices/disk/target/@bus=uml": OTHER_HYPERVISOR,
    **_image("devices/disk/source", read("disks_reachable")),
    "devices/disk/source/@startupPolicy": read("removable_media"),
    "devices/disk/backingStore": read("backing_images"),
    "devices/disk/backingStore/format": read("unmigratable"),
    **_image("devices/disk/backingStore/source", read("backing_images")),
    "devices/filesystem": read("shared_folders"),
    "devices/lease": not_examined("Needs a lock manager with the same lockspace on the destination."),
    "devices/memory": SEEN_BY_GUEST,
    "devices/memory/@model=sgx-epc": OF_HOST,
    "devices/memory/source/nodemask": read("cpu_pinning"),
    "devices/memory/source/path": read("needed_files"),
    "devices/memory/source/pagesize": OF_HOST,
    "devices/memory/source/pmem": OF_HOST,
    "devices/nvram": SEEN_BY_GUEST,
    "devices/pstore": SEEN_BY_GUEST,
    "devices/pstore/path": OF_HOST,
}
