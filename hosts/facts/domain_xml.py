"""Domain XML -> GuestDefinition. The same for inactive and live XML."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts import xml
from hosts.facts.guest import (
    TEAM_NAMESPACE,
    BootFiles,
    CharacterDevice,
    Cpu,
    Disk,
    Graphics,
    GuestDefinition,
    HostDevice,
    Nic,
    SharedMemory,
)
from hosts.facts.xml import Node

#: where libvirt keeps UEFI variables whose place no definition names
NVRAM_FOLDER = "/var/lib/libvirt/qemu/nvram"
#: where each type of disk and network card keeps what it is connected to
_DISK_SOURCE = {"file": "file", "block": "dev", "dir": "dir"}
_CHARACTER_DEVICES = (
    *("devices/serial", "devices/parallel", "devices/console", "devices/channel"),
    *("devices/smartcard", "devices/redirdev", "devices/rng/backend"),
)
_OF_NETWORK = ("network", "bridge", "direct", "hostdev")
_NIC_SOURCE = {"bridge": "bridge", "direct": "dev", "vdpa": "dev", "vhostuser": "path"}


def parse(text: str) -> GuestDefinition:
    """Raises BadXml."""
    domain = xml.parse(text, root="domain")
    name, uuid = domain.name("name"), domain.text("uuid")
    if not name or not uuid:
        raise xml.BadXml("the domain has no name or no UUID")
    memory = domain.size("memory", "KiB") // 1024
    return GuestDefinition(
        uuid=uuid.lower(),
        name=name,
        title=domain.text("title"),
        team=domain.text(f"metadata/{{{TEAM_NAMESPACE}}}team"),
        virt_type=domain.get("type"),
        arch=domain.get("arch", "os/type"),
        machine=domain.get("machine", "os/type"),
        emulator=domain.text("devices/emulator"),
        memory_kib=memory,
        current_memory_kib=domain.size("currentMemory", "KiB") // 1024 or memory,
        vcpus=domain.number("vcpu"),
        cpu=_cpu(domain),
        boot=_boot(domain),
        disks=tuple(_disk(node) for node in domain.all("devices/disk")),
        nics=tuple(_nic(node) for node in domain.all("devices/interface")),
        host_devices=(
            *(_host_device(node) for node in domain.all("devices/hostdev")),
            *(_nic_device(node) for node in domain.all("devices/interface[@type='hostdev']")),
        ),
        filesystems=tuple(_filesystem(node) for node in domain.all("devices/filesystem")),
        character_devices=tuple(_character_device(node) for place in _CHARACTER_DEVICES for node in domain.all(place)),
        graphics=tuple(_graphics(node) for node in domain.all("devices/graphics")),
        shared_memory=tuple(_shared_memory(node) for node in domain.all("devices/shmem")),
        has_tpm=domain.has("devices/tpm"),
        hugepages=domain.has("memoryBacking/hugepages"),
        leaves=tuple(dict.fromkeys(domain.leaves(free="metadata"))),
    )


def _cpu(domain: Node) -> Cpu:
    cpu = domain.find("cpu")
    if cpu is None:
        return Cpu()
    return Cpu(
        mode=cpu.get("mode"),
        model=cpu.text("model"),
        vendor=cpu.text("vendor"),
        features=tuple((feature.get("name"), feature.get("policy")) for feature in cpu.all("feature")),
        xml=cpu.serialised(),
    )


def _boot(domain: Node) -> BootFiles:
    by_name = domain.get("firmware", "os") == "efi" and not domain.has("os/nvram")
    named = domain.text("os/nvram") or domain.get("file", "os/nvram/source")
    return BootFiles(
        kernel=domain.text("os/kernel"),
        initrd=domain.text("os/initrd"),
        dtb=domain.text("os/dtb"),
        shim=domain.text("os/shim"),
        loader=domain.text("os/loader"),
        nvram=f"{NVRAM_FOLDER}/{domain.name('name')}_VARS.fd" if by_name else named,
        nvram_by_name=by_name,
        nvram_template=domain.get("template", "os/nvram"),
    )


def _disk(disk: Node) -> Disk:
    kind = disk.get("type")
    layers = tuple(_backing(disk))
    return Disk(
        target=disk.get("dev", "target"),
        device=disk.get("device") or "disk",
        type=kind if disk.has("source") else "",
        path=_path(disk),
        pool=disk.get("pool", "source") if kind == "volume" else "",
        volume=disk.get("volume", "source") if kind == "volume" else "",
        network_name=_network_name(disk) if kind == "network" else "",
        format=disk.get("type", "driver"),
        cache=disk.get("cache", "driver"),
        bus=disk.get("bus", "target"),
        readonly=disk.has("readonly"),
        shareable=disk.has("shareable"),
        transient=disk.has("transient"),
        startup_policy=disk.get("startupPolicy", "source"),
        mirrored=disk.has("mirror"),
        backing=tuple(path for path, _ in layers if path),
        backing_elsewhere=tuple(what for path, what in layers if not path),
        encrypted=disk.has("encryption") or disk.has("source/encryption"),
        data_files=tuple(_data_files(disk)),
        sliced=disk.has("source/slices"),
    )


def _path(image: Node) -> str:
    kind = image.get("type")
    return image.get(_DISK_SOURCE[kind], "source") if kind in _DISK_SOURCE else ""


def _backing(disk: Node) -> Iterator[tuple[str, str]]:
    """(path, what it is) of each image under this one. The end of a chain is an empty `<backingStore/>`."""
    layer = disk.find("backingStore")
    while layer is not None and layer.has("source"):
        yield _path(layer), _elsewhere(layer)
        layer = layer.find("backingStore")


def _data_files(disk: Node) -> Iterator[str]:
    for place in ("source/dataStore", ".//backingStore/source/dataStore"):
        for store in disk.all(place):
            yield _path(store) or store.get("type")


def _elsewhere(image: Node) -> str:
    """ "network rbd:pool/image", "volume pool/name"; for others the type alone."""
    match image.get("type"):
        case "network":
            return f"network {_network_name(image)}"
        case "volume":
            return f"volume {image.get('pool', 'source')}/{image.get('volume', 'source')}"
        case kind:
            return kind


def _network_name(disk: Node) -> str:
    protocol, name = disk.get("protocol", "source"), disk.get("name", "source")
    return f"{protocol}:{name}" if name else protocol


def _nic(nic: Node) -> Nic:
    kind = nic.get("type")
    source = nic.get(_NIC_SOURCE[kind], "source") if kind in _NIC_SOURCE else ""
    network = nic.get("network", "source")
    if network and kind in _OF_NETWORK:
        # In live XML a network in bridge mode reads type='bridge'; what the destination needs is still the network.
        kind, source = "network", network
    elif kind == "hostdev":
        source = pci_name(nic.find("source/address"))
    return Nic(
        type=kind,
        source=source,
        mac=nic.get("address", "mac"),
        model=nic.get("type", "model"),
        portgroup=nic.get("portgroup", "source"),
        virtualport=nic.get("type", "virtualport"),
        teaming_transient=_leaves(nic),
    )


def _nic_device(nic: Node) -> HostDevice:
    return HostDevice(type="pci", name=pci_name(nic.find("source/address")), teaming_transient=_leaves(nic))


def _host_device(device: Node) -> HostDevice:
    kind = device.get("type")
    source = device.find("source")
    name = ""
    if source is not None:
        match kind:
            case "pci":
                name = pci_name(source.find("address"))
            case "usb":
                name = usb_name(source)
            case "mdev":
                name = source.get("uuid", "address")
            case "scsi":
                name = source.get("name", "adapter") or source.get("name")
            case "scsi_host":
                name = source.get("wwpn")
            case _:
                name = next((source.text(tag) for tag in ("block", "char", "interface") if source.has(tag)), "")
    policy = device.get("startupPolicy", "source")
    return HostDevice(type=kind, name=name, teaming_transient=_leaves(device), startup_policy=policy)


def _leaves(device: Node) -> bool:
    return device.get("type", "teaming") == "transient"


def pci_name(address: Node | None) -> str:
    """ "0000:03:00.0" as lspci writes it."""
    if address is None:
        return ""
    domain, bus, slot, function = (_hex(address.get(part)) for part in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def usb_name(source: Node) -> str:
    if source.has("vendor"):
        return f"{_hex(source.get('id', 'vendor')):04x}:{_hex(source.get('id', 'product')):04x}"
    return f"bus {_hex(source.get('bus', 'address'))} device {_hex(source.get('device', 'address'))}"


def _hex(text: str) -> int:
    """libvirt writes "0x1f", "31" or nothing."""
    try:
        return int(text[:10], 16 if text.startswith("0x") else 10)
    except ValueError:
        return 0


def _character_device(device: Node) -> CharacterDevice:
    """A udp device has one source where it listens and one where it sends to; the first that listens counts."""
    kind = device.get("type") or device.get("model")  # of an rng backend that is no character device
    sources = list(device.all("source"))
    listens = next((source for source in sources if source.get("mode") == "bind"), None)
    source = listens or (sources[0] if sources else None)
    return CharacterDevice(
        device="rng" if device.tag == "backend" else device.tag,
        type=kind,
        path=source.get("path") if source else "",
        address=source.get("host") if source else "",
        port=source.get("service") if source else "",
        listens=listens is not None,
        log=device.get("file", "log"),
    )


def _graphics(graphics: Node) -> Graphics:
    """libvirt says each address twice, as an attribute for old readers too. With autoport the ports are today's; the
    websocket's is always that of the destination too."""
    fixed = ("port", "tlsPort", "websocket") if graphics.get("autoport") != "yes" else ("websocket",)
    ports = (graphics.get(name) for name in fixed)
    listens = list(graphics.all("listen"))
    named = [listen for listen in listens if listen.get("type") == "network"]
    addresses = {listen.get("address") for listen in listens if listen not in named} | {graphics.get("listen")}
    if named:
        addresses.clear()
    return Graphics(
        type=graphics.get("type"),
        ports=tuple(int(port) for port in ports if port.isascii() and port.isdigit() and int(port)),
        addresses=tuple(sorted(addresses - {""})),
        networks=tuple(listen.get("network") for listen in named),
        sockets=tuple(sorted({graphics.get("socket"), *(listen.get("socket") for listen in listens)} - {""})),
    )


def _shared_memory(shmem: Node) -> SharedMemory:
    return SharedMemory(name=shmem.get("name"), model=shmem.get("type", "model"), role=shmem.get("role"))


def _filesystem(filesystem: Node) -> str:
    """ "virtiofs data": driver and the tag the guest mounts."""
    driver = filesystem.get("type", "driver") or "9p"
    return f"{'9p' if driver == 'path' else driver} {filesystem.get('dir', 'target')}".strip()
