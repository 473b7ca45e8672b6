"""The lab's guests: who they are in each profile, and their domain XML."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from xml.etree import ElementTree

from lab import guestimage
from lab.network import TICKS
from lab.state import AGENT, GuestSpec

BOOT = "/var/lib/libvirt/boot"
"""Where every host has the guests' kernel and initramfs."""

BOOT_POOL = "boot"
"""The pool that shows that folder, so that libvirt can be asked, also over plain TCP, whether the kernel is there."""

POOLS = {"testvms": "/var/lib/libvirt/testvms", "local": "/var/lib/libvirt/images", "fast": "/var/lib/libvirt/fast"}
"""The pools of the guests' disks, and where they are."""

TICKS_PORT = 7010
_COMPARED = ("disk", "interface", "hostdev", "filesystem", "tpm", "shmem", "memory", "graphics", "channel", "watchdog")
_NAMESPACE = uuid.UUID("9b5e4a5c-0d3f-4a4e-9d55-2f6c6c8f2c11")

# Small and quiet: they boot several at a time on a shared CPU.
_TEST = (
    GuestSpec("web-01", "kvm-a", memory_mib=96, fill_mib=8),
    GuestSpec("db-01", "kvm-a", memory_mib=128, fill_mib=32, dirty_kib=2048, hot_mib=8),
    GuestSpec("build-01", "kvm-a", memory_mib=96, storage="local", disk_mib=64, disk_fill_mib=8, disk_kib=64),
    GuestSpec("old-01", "kvm-a", memory_mib=96, running=False),
)

# Large enough that a migration over the shaped link (DEMO_SHAPE_MBIT) can be watched.
_DEMO = (
    GuestSpec("web-01", "kvm-a", memory_mib=512, fill_mib=288),
    GuestSpec("db-01", "kvm-a", memory_mib=512, fill_mib=192, dirty_kib=10240, hot_mib=64),
    GuestSpec(
        "build-01", "kvm-a", memory_mib=256, fill_mib=32, storage="local", disk_mib=512, disk_fill_mib=96, disk_kib=256
    ),
    GuestSpec("old-01", "kvm-b", memory_mib=256, running=False),
)
PROFILES: dict[str, tuple[GuestSpec, ...]] = {"test": _TEST, "demo": _DEMO}
DEMO_SHAPE_MBIT = 200


def stable_uuid(prefix: str, name: str) -> str:
    """The same name in the same lab has the same UUID after the next `up`, and another in every other lab."""
    return str(uuid.uuid5(_NAMESPACE, f"{prefix}/{name}"))


def completed(spec: GuestSpec, *, prefix: str, address: str) -> GuestSpec:
    return dataclasses.replace(spec, uuid=spec.uuid or stable_uuid(prefix, spec.name), address=spec.address or address)


def disk_path(spec: GuestSpec) -> str:
    return f"{POOLS[spec.storage]}/{spec.name}.qcow2"


def mac(spec: GuestSpec) -> str:
    digest = hashlib.sha256(spec.uuid.encode()).digest()
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in digest[:3])


def domain_xml(spec: GuestSpec, *, ticks: tuple[str, int]) -> str:
    """Domain XML for an emulated guest (never KVM, whatever the machine can do), booted from kernel and initramfs."""
    domain = ElementTree.Element("domain", type="qemu")
    _add(domain, "name", spec.name)
    _add(domain, "uuid", spec.uuid)
    _add(domain, "memory", str(spec.memory_mib), unit="MiB")
    _add(domain, "vcpu", str(spec.vcpus))
    system = _add(domain, "os")
    _add(system, "type", "hvm", arch="x86_64", machine=spec.machine)
    _add(system, "kernel", f"{BOOT}/vmlinuz")
    _add(system, "initrd", f"{BOOT}/{guestimage.AGENT_INITRD if spec.agent == AGENT else 'initrd'}")
    _add(system, "cmdline", _command_line(spec, ticks))
    _add(_add(domain, "features"), "acpi")
    cpu = _add(domain, "cpu", mode="custom", match="exact", check="none")
    _add(cpu, "model", "qemu64", fallback="forbid")
    _add(domain, "clock", offset="utc")
    _add_devices(_add(domain, "devices"), spec)
    ElementTree.indent(domain)
    return ElementTree.tostring(domain, encoding="unicode")


def fingerprint(xml: str, *, live: bool = False) -> str:
    """What a test may have changed of a guest, in a form that libvirt's own additions leave alone.

    In the XML of a running guest libvirt also lists the CPU features that QEMU chose, so those do not count there.
    """
    domain = ElementTree.fromstring(xml)
    memory = domain.find("memory")
    factor = {"KiB": 1, "MiB": 1024}[memory.get("unit", "KiB")] if memory is not None else 0
    parts = [f"memory {int(domain.findtext('memory', '0')) * factor}", f"vcpu {domain.findtext('vcpu')}"]
    parts += [f"{name} {domain.findtext(name)}" for name in ("title", "description")]
    parts += [f"cpu {model.text}" for model in domain.findall("cpu/model")]
    if not live:
        parts += [f"feature {feature.get('name')}" for feature in domain.findall("cpu/feature")]
    parts += [f"metadata {child.tag}" for child in domain.findall("metadata/*")]
    for device in domain.findall("devices/*"):
        if device.tag in _COMPARED:
            inner = {child.tag: child.attrib for child in device}
            source = [inner.get("source", {}).get(key) for key in ("file", "bridge", "network")]
            place = inner.get("mac", {}).get("address") or inner.get("target", {}).get("dev")
            parts.append(f"{device.tag} {device.get('type')} {source} {place}")
    return "\n".join(sorted(parts))


def _add_devices(devices: ElementTree.Element, spec: GuestSpec) -> None:
    _add(devices, "emulator", "/usr/bin/qemu-system-x86_64")
    if spec.storage:
        disk = _add(devices, "disk", type="file", device="disk")
        _add(disk, "driver", name="qemu", type="qcow2", cache="none" if spec.storage == "testvms" else "writethrough")
        _add(disk, "source", file=disk_path(spec))
        _add(disk, "target", dev="vda", bus="virtio")
    _add(devices, "controller", type="usb", model="none")
    link = _add(devices, "interface", type="bridge")
    _add(link, "mac", address=mac(spec))
    _add(link, "source", bridge="br1")
    _add(link, "model", type="virtio")
    _add(link, "rom", enabled="no")
    _add(devices, "serial", type="pty")
    _add(devices, "console", type="pty")
    if spec.agent:
        _add(_add(devices, "channel", type="unix"), "target", type="virtio", name="org.qemu.guest_agent.0")
    _add(devices, "memballoon", model="virtio")


def _command_line(spec: GuestSpec, ticks: tuple[str, int]) -> str:
    # where they are heard, pings of the guest come from, and are to be answered
    nobody = f"{ticks[0].rpartition('.')[0]}.{TICKS}"
    settings: dict[str, object] = {
        "name": spec.name,
        "address": f"{spec.address}/24",
        "ticks": f"{nobody}:{ticks[1]}",
        "tick": spec.tick_ms,
        "fill": spec.fill_mib,
        "dirty": spec.dirty_kib,
        "hot": spec.hot_mib,
        "calm": spec.calm_kib,
        "period": spec.period_s,
        "whole": int(spec.whole_pages),
        "disk": spec.disk_kib,
        "disk_fill": spec.disk_fill_mib,
        "obeys": spec.obeys_after_s,
    }
    # The clock: guests that fell silent when they arrived had either (native/flush_tlb.c has the reason), so this could
    # be the TSC as well.
    kernel = (
        "console=ttyS0 quiet panic=10 mitigations=off nokaslr no_timer_check random.trust_cpu=on "
        "tsc=unstable clocksource=hpet"
    )
    return " ".join([kernel, *(f"kvmweb.{key}={value}" for key, value in settings.items())])


def _add(parent: ElementTree.Element, tag: str, text: str | None = None, /, **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag, attributes)
    element.text = text
    return element
