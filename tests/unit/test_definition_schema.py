"""schema.txt is made of libvirt's schemas. Whether it has all that the hosts' libvirt allows: lab/test_definition_schema."""

from __future__ import annotations

from pathlib import Path

from scripts.definition_schema import SCHEMA, lines, unlisted

GRAMMAR = """<grammar xmlns='http://relaxng.org/ns/structure/1.0'><start><element name='domain'>
<attribute name='type'><choice><value>kvm</value>{word}</choice></attribute>
<element name='bootloader_args'><text/></element>{more}</element></start></grammar>"""


def _schemas(folder: Path, *, word: str = "", more: str = "") -> Path:
    folder.mkdir()
    (folder / "domain.rng").write_text(GRAMMAR.format(word=word, more=more))
    return folder


def test_a_new_element_attribute_and_value_are_told(tmp_path: Path) -> None:
    more = "<element name='teleporter'><attribute name='mode'/></element>"
    new = _schemas(tmp_path / "new", word="<value>kvm2</value>", more=more)
    assert unlisted(new) == ["@type =kvm2", "teleporter", "teleporter/@mode"]


def test_what_a_later_version_brings_has_its_version(tmp_path: Path) -> None:
    old = _schemas(tmp_path / "old")
    new = _schemas(tmp_path / "new", word="<value>qemu</value>", more="<element name='zebra'><text/></element>")
    assert lines([("9.0", old), ("11.3", new)]) == [
        "9.0\t.",
        "9.0\t@type\t=kvm\t11.3=qemu",
        "9.0\tbootloader_args\t*",
        "11.3\tzebra\t*",
    ]


def test_the_list_is_sorted_by_path() -> None:
    paths = [line.split("\t")[1] for line in SCHEMA.read_text().splitlines()]
    assert paths == sorted(set(paths))
