"""NICs, and devices of the host."""

from __future__ import annotations

from migrations_app.domain.definition.rule import (
    LABEL,
    NOT_EVERYWHERE,
    OF_HOST,
    OTHER_HYPERVISOR,
    SEEN_BY_GUEST,
    TUNING,
    Rules,
    harmless,
    not_examined,
    read,
)

SCRIPT = not_examined("A program of the host that is run when the NIC is made.")
MODELS = (
    *("virtio", "virtio-transitional", "virtio-non-transitional", "virtio-net-pci"),
    *("e1000", "e1000-82545em", "e1000e", "rtl8139"),
)

RULES: Rules = {
    "devices/interface": SEEN_BY_GUEST,
    "devices/interface/@type": read("nic_types"),
    "devices/interface/backend": OF_HOST,
    "devices/interface/backend/@type": OF_HOST,
    "devices/interface/backend/@type=default": TUNING,
    "devices/interface/backenddomain": OTHER_HYPERVISOR,
    "devices/interface/bandwidth": harmless("A limit that the kernel of every host can set."),
    "devices/interface/bandwidth/inbound/@floor": not_examined("Needs a network with a bandwidth of its own."),
    "devices/interface/downscript": SCRIPT,
    "devices/interface/script": SCRIPT,
    "devices/interface/driver": TUNING,
    "devices/interface/driver/@name=xen": OTHER_HYPERVISOR,
    "devices/interface/filterref": read("network_filters"),
    "devices/interface/guest": OTHER_HYPERVISOR,
    "devices/interface/model/@type": NOT_EVERYWHERE,
    # what every QEMU has, the builds of RHEL too
    **{f"devices/interface/model/@type={model}": SEEN_BY_GUEST for model in MODELS},
    "devices/interface/model/@type=usb-net": read("unmigratable"),
    "devices/interface/driver/@rss": not_examined("Needs a network card driver of the kernel that has it."),
    "devices/interface/driver/@rss_hash_report": not_examined("Needs a network card driver of the kernel that has it."),
    "devices/interface/ip": not_examined("An address that libvirt gives only to some types of NICs."),
    "devices/interface/route": not_examined("A route that libvirt gives only to some types of NICs."),
    "devices/interface/mtu": not_examined("The network of the destination must carry frames of this size."),
    "devices/interface/vlan": not_examined("The network of the destination must carry this VLAN."),
    "devices/interface/source/@mode=vepa": not_examined(
        "Needs a switch that sends back what VMs of one host exchange."
    ),
    "devices/interface/source/@mode=passthrough": not_examined("Takes the network device of the host for itself."),
    "devices/interface/portForward": not_examined("Ports of the host that may be in use on the destination."),
    "devices/interface/rom/@file": read("needed_files"),
    "devices/interface/source": harmless("Where a NIC is connected to; its type says whether kvmweb can judge that."),
    "devices/interface/teaming/@persistent": LABEL,
    "devices/interface/source/@network": read("networks_present"),
    "devices/interface/source/@portgroup": read("networks_present"),
    "devices/interface/source/@bridge": read("bridges_present"),
    "devices/interface/source/@dev": read("bridges_present"),
    "devices/interface/source/@portid": LABEL,
    "devices/interface/source/@switchid": OTHER_HYPERVISOR,
    "devices/interface/source/@portgroupid": OTHER_HYPERVISOR,
    "devices/interface/source/@connectionid": OTHER_HYPERVISOR,
    "devices/interface/source/address": read("host_devices"),
    "devices/interface/target/@dev": not_examined("A name of its own, which may be taken on the destination."),
    "devices/interface/target/@dev~(vnet|macvtap|macvlan)[0-9]+": LABEL,
    "devices/interface/target/@managed=no": not_examined("A tap device that somebody must make on the destination."),
    "devices/interface/teaming": read("host_devices"),
    "devices/interface/virtualport": LABEL,
    "devices/interface/virtualport/@type": OF_HOST,
    "devices/interface/virtualport/@type=openvswitch": read("bridges_present"),
    "devices/hostdev": read("host_devices"),
    "devices/hostdev/rom/@file": read("needed_files"),
}
