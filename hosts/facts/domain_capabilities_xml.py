"""`virsh domcapabilities` -> DomainCapabilities."""

from __future__ import annotations

from collections.abc import Iterator

from hosts.facts import xml
from hosts.facts.host import CpuMode, DomainCapabilities
from hosts.facts.xml import Node


def parse(text: str) -> DomainCapabilities:
    """Raises BadXml."""
    root = xml.parse(text, root="domainCapabilities")
    host_model = root.find("cpu/mode[@name='host-model']")
    return DomainCapabilities(
        emulator=root.text("path"),
        machine=root.text("machine"),
        arch=root.text("arch"),
        virt_type=root.text("domain"),
        max_vcpus=xml.number(root.get("max", "vcpu")),
        cpu_modes={mode.get("name"): _mode(mode) for mode in root.all("cpu/mode")},
        host_model_vendor=host_model.text("vendor") if host_model else "",
        host_model_features=_required(host_model) if host_model else frozenset(),
        loaders=tuple(value.text() for value in root.all("os/loader/value")),
        offers=dict(_offers(root)),
        address_bits=xml.number(host_model.get("limit", "maxphysaddr")) if host_model else 0,
    )


def _offers(root: Node) -> Iterator[tuple[tuple[str, str], frozenset[str]]]:
    """Of a device that is not supported nothing is offered: libvirt then leaves the lists out."""
    for path in ("devices/*", "features/*", "os", "memoryBacking"):
        for device in root.all(path):
            supported = device.get("supported") != "no"
            yield (device.tag, ""), frozenset({"supported"} if supported else ())
            for choice in device.all("enum"):
                values = frozenset(value.text() for value in choice.all("value"))
                yield (device.tag, choice.get("name")), values if supported else frozenset()


def _mode(mode: Node) -> CpuMode:
    custom = mode.get("name") == "custom"
    models = [(model.text(), model.get("usable")) for model in mode.all("model")] if custom else []
    return CpuMode(
        supported=mode.get("supported") == "yes",
        models=frozenset(name for name, usable in models if usable == "yes"),
        blocked_models=frozenset(name for name, usable in models if usable == "no"),
        doubtful_models=frozenset(name for name, usable in models if usable not in ("yes", "no")),
    )


def _required(host_model: Node) -> frozenset[str]:
    return frozenset(feature.get("name") for feature in host_model.all("feature") if feature.get("policy") != "disable")
