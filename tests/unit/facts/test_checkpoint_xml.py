from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.facts import checkpoint_xml
from hosts.facts.checkpoint import Checkpoint
from hosts.facts.xml import BadXml

#: as libvirt 9.0 writes it
TEXT = """<domaincheckpoint>
  <name>c2</name>
  <parent>
    <name>c1</name>
  </parent>
  <creationTime>1795817364</creationTime>
  <disks>
    <disk name='vda' checkpoint='bitmap' bitmap='c2'/>
  </disks>
  <domain type='qemu'>
    <name>web-01</name>
  </domain>
</domaincheckpoint>
"""


def test_one_as_libvirt_writes_it() -> None:
    assert checkpoint_xml.parse(TEXT) == Checkpoint(name="c2", created=1795817364, parent="c1", xml=TEXT)


def test_the_first_has_no_parent() -> None:
    assert checkpoint_xml.parse("<domaincheckpoint><name> a </name></domaincheckpoint>").parent == ""


def test_the_record_is_complete() -> None:
    found = checkpoint_xml.parse(TEXT)
    assert Checkpoint(**found.as_json()) == found


@pytest.mark.parametrize("text", ["", "<domaincheckpoint/>", "<domain><name>a</name></domain>", f"<!DOCTYPE a>{TEXT}"])
def test_what_libvirt_never_writes_is_refused(text: str) -> None:
    with pytest.raises(BadXml):
        checkpoint_xml.parse(text)


@given(st.text())
def test_nothing_else_is_raised(text: str) -> None:
    with contextlib.suppress(BadXml):
        checkpoint_xml.parse(text)
