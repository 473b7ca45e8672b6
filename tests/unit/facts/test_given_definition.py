"""A definition that a user gives: what is refused, and what is kept of the rest."""

from __future__ import annotations

import time
from uuid import UUID

import pytest

from hosts.facts import domain_xml, xml
from hosts.facts.given_definition import MOST_PARTS, TooLarge, given_definition

UUID_TEXT = "6a3c1b52-7d1e-4a55-9a0b-0d8f3d6c1e11"
IDS = f"<name>web</name><uuid>{UUID_TEXT}</uuid>"


def test_a_definition_is_taken_with_its_names() -> None:
    found = given_definition(f'<?xml version="1.0"?>\n<domain type="kvm">{IDS}<!-- mine --><memory>1</memory></domain>')
    assert (found.name, found.uuid) == ("web", UUID(UUID_TEXT))
    assert found.xml == f'<domain type="kvm">{IDS}<memory>1</memory></domain>'


@pytest.mark.parametrize("written", [UUID_TEXT.upper(), UUID_TEXT.replace("-", ""), f" {UUID_TEXT}\n"])
def test_a_uuid_may_be_written_as_libvirt_takes_it(written: str) -> None:
    assert given_definition(f"<domain><name>web</name><uuid>{written}</uuid></domain>").uuid == UUID(UUID_TEXT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not well-formed"),
        ("web", "not well-formed"),
        (f"<domain>{IDS}", "not well-formed"),
        (f"<domain>{IDS}\x00</domain>", "not well-formed"),
        ("<domain>\ud800</domain>", "not valid text"),
        ("<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><domain>&x;</domain>", "document type"),
        (f"<domain>{'<a>' * 300}{'</a>' * 300}</domain>", "not well-formed|nested deeper"),
        (f"<network>{IDS}</network>", "not a <domain>"),
        (f"<domains><domain>{IDS}</domain></domains>", "not a <domain>"),
        (f"<d:domain xmlns:d='urn:x'>{IDS}</d:domain>", "not a <domain>"),
        (f"<domain><uuid>{UUID_TEXT}</uuid></domain>", "no name"),
        (f"<domain><name> </name><uuid>{UUID_TEXT}</uuid></domain>", "no name"),
        (f"<domain><name>a/b</name><uuid>{UUID_TEXT}</uuid></domain>", "does not accept"),
        (f"<domain><name>a\nb</name><uuid>{UUID_TEXT}</uuid></domain>", "does not accept"),
        ("<domain><name>web</name><uuid>7</uuid></domain>", "UUID in the definition is not valid"),
        (f"<domain><name>web</name><uuid>{'١' * 32}</uuid></domain>", "UUID in the definition is not valid"),
    ],
)
def test_what_is_no_definition_is_refused_with_a_reason(text: str, words: str) -> None:
    with pytest.raises(xml.BadXml, match=words) as refused:
        given_definition(text)
    assert not isinstance(refused.value, TooLarge)


@pytest.mark.parametrize(
    "text",
    [
        f"<domain>{IDS}<description>{'é' * 131_100}</description></domain>",
        "x" * 1_000_000,
        f"<domain>{IDS}{'<a/>' * MOST_PARTS}</domain>",
    ],
)
def test_what_is_too_large_is_refused_soon(text: str) -> None:
    started = time.thread_time()
    with pytest.raises(TooLarge, match=r"The definition (is larger|has more) than"):
        given_definition(text)
    assert time.thread_time() - started < 2


def test_passwords_are_not_kept_but_their_places_are() -> None:
    text = (
        f"<domain>{IDS}<devices><graphics type='vnc' passwd='geheim1' port='-1'/>"
        "<new password='geheim2'><password>geheim3</password><cookie name='id'>geheim4</cookie></new></devices></domain>"
    )
    kept = given_definition(text).xml
    assert "geheim" not in kept
    leaves = dict(domain_xml.parse(kept).leaves)
    assert leaves["devices/graphics/@passwd"] == leaves["devices/new/password"] == xml.HIDDEN
    assert leaves["devices/graphics/@port"] == "-1"


@pytest.mark.parametrize("without", ["", "<uuid/>", "<uuid> </uuid>"])
def test_without_a_uuid_it_gets_one_as_from_libvirt(without: str) -> None:
    found = given_definition(f"<domain><name>web</name>{without}</domain>")
    assert xml.parse(found.xml, root="domain").text("uuid") == str(found.uuid)
    assert found.uuid != given_definition(f"<domain><name>web</name>{without}</domain>").uuid
