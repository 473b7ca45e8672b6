"""Block copies in the definition of a running guest."""

from __future__ import annotations

import pytest

from hosts.facts.mirror_xml import mirrors
from hosts.facts.xml import BadXml

LIVE = """<domain><devices>
<disk type='file'><source file='/a'/><target dev='vda'/><mirror type='file' job='copy' ready='yes'>
  <format type='raw'/><source file='/new/a'/></mirror></disk>
<disk type='file'><source file='/b'/><target dev='vdb'/><mirror type='block' job='copy'><source dev='/dev/b'/></mirror></disk>
<disk type='file'><source file='/c'/><target dev='vdc'/></disk>
<disk type='file'><source file='/d'/><target dev='vdd'/><mirror type='file' job='copy' ready='abort'>
  <source file='/new/d'/></mirror></disk>
</devices></domain>"""


def test_where_each_disk_is_copied_to_and_whether_it_can_be_switched_over() -> None:
    assert mirrors(LIVE) == {"vda": ("/new/a", True), "vdb": ("/dev/b", False), "vdd": ("/new/d", False)}


def test_other_xml_is_refused() -> None:
    with pytest.raises(BadXml):
        mirrors("<volume/>")
