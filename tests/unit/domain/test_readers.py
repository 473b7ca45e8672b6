"""A rule that says "read by" a check tells the truth: the check reacts when the value at that place changes.

By the definitions of test_oddities and test_definitions, on a destination that has everything and on one that has
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from lxml import etree

from hosts.facts import domain_xml
from hosts.facts.host import NodeMemory
from hosts.facts.xml import plain_name
from migrations_app.domain.definition.cover import rule_name
from migrations_app.domain.definition.rules import RULES
from migrations_app.domain.definition.unmigratable import FORMATS
from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Options
from migrations_app.domain.preflight.catalog import run_one
from migrations_app.domain.preflight.check import CHECKS
from migrations_app.domain.preflight.facts import Facts
from tests.data import read
from tests.unit.domain import factories
from tests.unit.domain.destinations import equal
from tests.unit.domain.factories import SILENT, identity, with_target
from tests.unit.domain.test_oddities import BASES, Oddity, oddities

#: examples of one rule
MOST = 12
_LAYER = "<backingStore type='{}'><format type='{}'/><source {}>{}</source></backingStore>"
_STREAM = "<{0} type='tcp'><source mode='connect' host='h' service='1'/><log file='/srv/log/x'/></{0}>"
_SHRUNK = Oddity(".", "<currentMemory unit='KiB'>1024</currentMemory>")
_SECRET = "<secret type='ceph' usage='x'/>"
_INSIDE = (
    f"<encryption format='luks'>{_SECRET}</encryption><seclabel model='selinux' relabel='yes'/>"
    "<dataStore type='file'><format type='raw'/><source file='/vms/data'/></dataStore>"
)
_PCI = "<address type='pci' domain='0x0000' bus='0x07' slot='0x00' function='0x1'/>"
#: what is needed beside the oddities, to see a rule at work
EXAMPLES = (
    *(Oddity("devices/disk/driver", f"@type={name}") for name in FORMATS),
    *(Oddity("devices/disk", _LAYER.format("file", name, "file='/vms/base'", "")) for name in FORMATS),
    *(Oddity("devices", _STREAM.format(name)) for name in ("parallel", "console", "channel", "redirdev", "smartcard")),
    Oddity("devices", _STREAM.format("serial")),
    Oddity("devices", f"<rng model='virtio'>{_STREAM.format('backend')}</rng>"),
    Oddity("devices/interface/model", "@type=usb-net"),
    Oddity("devices", "<disk type='file'><source file='/local/ro'/><target dev='vdz' bus='virtio'/><readonly/></disk>"),
    Oddity("devices/disk", f"<auth username='u'>{_SECRET}</auth>"),
    Oddity(
        "devices/disk",
        _LAYER.format("network", "raw", "protocol='rbd' name='p/i'", f"<auth username='u'>{_SECRET}</auth>"),
    ),
    Oddity("devices/disk", _LAYER.format("file", "qcow2", "file='/vms/base'", _INSIDE)),
    Oddity(
        "devices", f"<hostdev mode='subsystem' type='pci'><source>{_PCI}</source><rom file='/srv/x.rom'/></hostdev>"
    ),
    Oddity(
        "devices",
        f"<interface type='hostdev'><source>{_PCI}</source><teaming type='transient' persistent='a'/></interface>",
    ),
)
READ = sorted(name for name, rule in RULES.items() if rule.reader)


@cache
def _examples() -> dict[str, list[tuple[str, str, str]]]:
    """The name of a rule -> (definition, path, value) that fall under it."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for xml in _definitions():
        for path, value in domain_xml.parse(xml).leaves:
            try:
                found.setdefault(rule_name(path, value), []).append((xml, path, value))
            except KeyError:
                continue
    return found


def _definitions() -> Iterator[str]:
    """The first with a value is tried: those that are made for it."""
    for odd in EXAMPLES:
        yield from (odd.added(xml) for xml in BASES.values())
    yield from (case["xml"] for case in json.loads(read("definitions.json")))
    for odd in oddities():
        yield from (odd.added(xml) for xml in BASES.values())
    yield Oddity("memoryBacking", "<allocation mode='immediate'/>").added(_SHRUNK.added(BASES["minimal"]))


@pytest.mark.parametrize("name", READ)
def test_the_check_that_a_rule_names_reads_it(name: str) -> None:
    examples = _examples().get(name, [])
    assert examples, f"no definition has {name}: add one to tests/data/oddities.txt"
    by_value = list({value: (xml, path) for xml, path, value in reversed(examples)}.values())[:MOST]
    some = by_value + [(xml, path) for xml, path, _ in examples[:: len(examples) // MOST + 1]]
    assert any(_reacts(RULES[name].reader, xml, path) for xml, path in some), name


def _reacts(check: str, xml: str, path: str) -> bool:
    there = equal(xml)
    for other in _without(xml, path), _changed(xml, path):
        guest = replace(there.guest, definition=domain_xml.parse(other))
        for facts in there, _nothing(there), with_target(there, domcaps=SILENT), _copying(there):
            if run_one(CHECKS[check], facts) != run_one(CHECKS[check], replace(facts, guest=guest)):
                return True
    return False


def _copying(facts: Facts) -> Facts:
    wanted = replace(facts.request, kind=Kind.LIVE_STORAGE, options=Options(copy_disks=("vda",)))
    return replace(facts, request=wanted)


def _nothing(facts: Facts) -> Facts:
    files = dict.fromkeys(facts.target.files, False)  # type: ignore[arg-type]
    offers = dict.fromkeys(facts.target.domcaps.offers, frozenset[str]())  # type: ignore[union-attr]
    lacks: dict[str, Any] = {
        "domcaps": replace(facts.target.domcaps, offers=offers, address_bits=1, max_vcpus=1),  # type: ignore[type-var]
        "capabilities": replace(
            facts.target.capabilities,  # type: ignore[type-var]
            guests=(),
            cpu_numbers=frozenset({99}),
            numa_nodes=frozenset({99}),
            security_models=frozenset({"other"}),
            tsc_frequency=1,
        ),
    }
    nothing: dict[str, Any] = {
        "interfaces": (),
        "networks": (),
        "secrets": (),
        "network_filters": (),
        "addresses": frozenset(),
        "pools": (),
        "volumes": {},
    }
    nothing |= {
        "same_uuid": factories.other,
        "same_name": factories.other,
        "memory": NodeMemory(total_kib=1, free_kib=1),
    }
    nothing |= {"cpu": (False, "another CPU"), "identity": identity(qemu=10_000_000)}
    return with_target(facts, files=files, ports=frozenset(range(65536)), **nothing, **lacks)


def _places(tree: Any, path: str) -> tuple[list[Any], str]:
    """The elements at a path, and the attribute's name if it ends in one."""
    place, _, name = path.rpartition("@") if "@" in path else (path, "", "")
    wanted = place.rstrip("/") or "."
    return [node for node in tree.iter() if _path(node) == wanted], name


def _path(node: Any) -> str:
    tags: list[str] = []
    for above in [*reversed(list(node.iterancestors())), node][1:]:
        tag = plain_name(str(above.tag))
        if not tags or tags[-1] != tag:
            tags.append(tag)
    return "/".join(tags) or "."


def _without(xml: str, path: str) -> str:
    tree = etree.fromstring(xml)
    nodes, name = _places(tree, path)
    for node in nodes:
        if name:
            node.attrib.pop(name, None)
        elif node.getparent() is not None and path not in ("name", "uuid"):
            node.getparent().remove(node)
    return etree.tostring(tree, encoding="unicode")


def _changed(xml: str, path: str) -> str:
    tree = etree.fromstring(xml)
    nodes, name = _places(tree, path)
    for node in nodes:
        value = (node.get(name) if name else node.text) or ""
        other = str(int(value) + 4_000_000) if value.isdigit() else f"{value}x"
        if name:
            node.set(name, other)
        else:
            node.text = other
    return etree.tostring(tree, encoding="unicode")
