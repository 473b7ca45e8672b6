"""The one parser: what it refuses, and that refusing is quick."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.facts import xml
from hosts.facts.xml import BadXml

BOMB = "<!DOCTYPE d [" + '<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
) + "]><domain>&j;</domain>"  # fmt: skip
FILE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain>&x;</domain>'
OUTSIDE = '<!DOCTYPE domain SYSTEM "http://127.0.0.1:1/evil.dtd"><domain/>'


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        FILE,
        OUTSIDE,
        "",
        "no xml",
        "<domain>",
        "<domain/><domain/>",
        "<network/>",
        "<domain>&x;</domain>",
        "<domain>\x00</domain>",
        "<domain>\ud800</domain>",
        "<a>" * 400 + "</a>" * 400,
        "<domain>" + "<a>" * 300 + "</a>" * 300 + "</domain>",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(BadXml):
        xml.parse(text, root="domain")


def test_an_encoding_that_hides_a_document_type_is_not_believed() -> None:
    hidden = FILE.encode("utf-16").decode("latin-1")
    with pytest.raises(BadXml):
        xml.parse(hidden, root="domain")
    node = xml.parse('<?xml version="1.0" encoding="iso-8859-1"?><domain>\u00fc</domain>', root="domain")
    assert node.text() == "\u00fc"


@pytest.mark.parametrize(
    "before", ["\ufeff", "<?xml version='1.0'?>\n", "<!-- > --> <?x ?> <!-- -->", "\n\t"], ids=ascii
)
def test_a_document_type_is_refused_behind_whatever_may_stand_before_it(before: str) -> None:
    with pytest.raises(BadXml, match="document type"):
        xml.parse(before + BOMB, root="domain")


def test_a_prolog_without_end_is_refused_quickly() -> None:
    started = time.process_time()
    for text in ("<!--" * 200_000, "<!-- -->" * 200_000 + "<!--", "<?" * 400_000):
        with pytest.raises(BadXml):
            xml.parse(text, root="domain")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("words", ["<!DOCTYPE html><p>&nbsp;</p>", "<!ENTITY a 'b'>", "<!DOCTYPE d [<!ENTITY a 'b'>]>"])
def test_metadata_may_quote_a_document_type(words: str) -> None:
    """Tools keep pages and templates in there; as text it declares nothing."""
    text = (
        f"<domain><metadata><n:notes xmlns:n='urn:n'><![CDATA[{words}]]></n:notes></metadata><!-- {words} --></domain>"
    )
    node = xml.parse(text, root="domain")
    assert node.text("metadata/*") == words
    assert node.serialised()


def test_spaces_of_a_name_are_part_of_it() -> None:
    node = xml.parse("<d><name> web-01 </name><title> Shop\n</title></d>", root="d")
    assert (node.name("name"), node.text("title"), node.name("gone")) == (" web-01 ", "Shop", "")


def test_fifty_megabytes_are_refused_before_they_are_parsed() -> None:
    text = "<domain>" + "<a/>" * (50 * 1024 * 1024 // 4) + "</domain>"
    started = time.thread_time()
    with pytest.raises(BadXml, match="larger than 4 MiB"):
        xml.parse(text, root="domain")
    assert time.thread_time() - started < 0.5


def test_a_deep_backing_chain_is_read() -> None:
    node = xml.parse("<domain>" + "<backingStore>" * 200 + "</backingStore>" * 200 + "</domain>", root="domain")
    assert node.has("backingStore/backingStore")


def test_sizes() -> None:
    node = xml.parse(
        "<d><a unit='KiB'>2</a><b>3</b><c unit='GB'>1</c><e unit='light years'>1</e><f>-1</f></d>", root="d"
    )
    assert [node.size(tag, "bytes") for tag in "abcefz"] == [2048, 3, 10**9, 0, 0, 0]
    assert xml.number("9" * 21) == 0
    assert xml.number("\u0663") == 0


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for candidate in (text, f"<domain>{text}</domain>", f"<domain a='{text}'/>"):
        with contextlib.suppress(BadXml):
            xml.parse(candidate, root="domain")


@given(st.text(), st.text())
def test_no_text_becomes_markup(name: str, value: str) -> None:
    try:
        root = xml.Builder("volume", type=value)
        root.add("name", name)
    except BadXml:
        return
    node = xml.parse(root.xml(), root="volume")
    assert [child.tag for child in node.all("*")] == ["name"]
    assert node.text("name") == name.replace("\r\n", "\n").replace("\r", "\n").strip() or "\r" in name
