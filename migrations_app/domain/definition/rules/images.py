"""Disks, the images they build on, and folders of the host."""

from __future__ import annotations

from migrations_app.domain.definition.rule import (
    LABEL,
    OF_HOST,
    OTHER_ARCH,
    OTHER_HYPERVISOR,
    SEEN_BY_GUEST,
    TUNING,
    Rule,
    Rules,
    harmless,
    not_examined,
    read,
)
from migrations_app.domain.definition.unmigratable import FORMATS

NETWORK_STORAGE = harmless("Part of network storage, which is unknown as a whole.")
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
        f"{at}/slices": not_examined("Only a part of this image is used."),
        f"{at}/seclabel": read("security_driver"),
        f"{at}/seclabel/label": not_examined("A label of one image, which the destination may not have."),
        f"{at}/seclabel/@relabel=no": not_examined("The image must have a label on the destination already."),
    }


def _format(at: str) -> Rules:
    return {
        at: not_examined("An image format that not every QEMU opens."),
        f"{at}=raw": SEEN_BY_GUEST,
        f"{at}=qcow2": SEEN_BY_GUEST,
        **{f"{at}={name}": read("unmigratable") for name in FORMATS},
    }


RULES: Rules = {
    "devices/disk": SEEN_BY_GUEST,
    "devices/disk/@type": read("disk_types"),
    "devices/disk/@type=dir": not_examined("The files of a folder, which may be others on the destination."),
    "devices/disk/@device": read("device_models"),
    "devices/disk/@model": read("device_models"),
    "devices/disk/target/@bus": read("device_models"),
    "devices/disk/@rawio=yes": OF_HOST,
    "devices/disk/@sgio": OF_HOST,
    "devices/disk/@device=lun": OF_HOST,
    "devices/disk/auth": NETWORK_STORAGE,
    "devices/disk/auth/secret": read("secrets_present"),
    "devices/disk/backenddomain": OTHER_HYPERVISOR,
    "devices/disk/driver": TUNING,
    "devices/disk/driver/@copy_on_read=on": not_examined("An image that QEMU writes to while the VM reads."),
    "devices/disk/driver/@discard_no_unref=on": not_examined("QEMU has it since version 8.1."),
    **_format("devices/disk/driver/@type"),
    "devices/disk/driver/@cache": read("cache_mode"),
    "devices/disk/driver/@name": OTHER_HYPERVISOR,
    "devices/disk/driver/@name=qemu": TUNING,
    "devices/disk/driver/@io=io_uring": OF_HOST,
    "devices/disk/encryption": read("secrets_present"),
    "devices/disk/mirror": read("block_jobs"),
    "devices/disk/readonly": read("storage_shared"),
    "devices/disk/shareable": read("shared_with_others"),
    "devices/disk/transient": read("transient_disks"),
    "devices/disk/target/@bus=xen": OTHER_HYPERVISOR,
    "devices/disk/target/@bus=uml": OTHER_HYPERVISOR,
    **_image("devices/disk/source", read("disks_reachable")),
    "devices/disk/source/slices": read("copied_images"),
    "devices/disk/source/@startupPolicy": read("removable_media"),
    "devices/disk/backingStore": read("backing_images"),
    **_format("devices/disk/backingStore/format/@type"),
    **_image("devices/disk/backingStore/source", read("backing_images")),
    "devices/filesystem": read("shared_folders"),
    "devices/lease": not_examined("Needs a lock manager with the same lockspace on the destination."),
    "devices/memory": SEEN_BY_GUEST,
    "devices/memory/@model=sgx-epc": OF_HOST,
    "devices/memory/source/nodemask": read("cpu_pinning"),
    "devices/memory/source/path": not_examined("A file with the content of this memory, which both hosts must share."),
    "devices/memory/source/pagesize": OF_HOST,
    "devices/memory/source/pmem": OF_HOST,
    "devices/nvram": OTHER_ARCH,
    "devices/pstore": SEEN_BY_GUEST,
    "devices/pstore/path": OF_HOST,
}
