"""The team that a definition names in its metadata."""

from __future__ import annotations

import pytest

from hosts.facts.domain_xml import parse
from hosts.facts.guest import TEAM_NAMESPACE


def _team(metadata: str) -> str:
    uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
    return parse(f"<domain><name>web</name><uuid>{uuid}</uuid><metadata>{metadata}</metadata></domain>").team


@pytest.mark.parametrize(
    ("metadata", "team"),
    [
        (f"<kvmweb:team xmlns:kvmweb='{TEAM_NAMESPACE}'>Shop</kvmweb:team>", "Shop"),
        (f"<x:team xmlns:x='{TEAM_NAMESPACE}'>  Night shift\n</x:team>", "Night shift"),
        (f"<team xmlns='{TEAM_NAMESPACE}'>&lt;b>&#x202e;</team>", "<b>\u202e"),
        (f"<x:team xmlns:x='{TEAM_NAMESPACE}'>Shop</x:team><y:team xmlns:y='{TEAM_NAMESPACE}'>Data</y:team>", "Shop"),
        (f"<x:team xmlns:x='{TEAM_NAMESPACE}'><b>Shop</b></x:team>", ""),
        (f"<x:a xmlns:x='{TEAM_NAMESPACE}'><x:team>Shop</x:team></x:a>", ""),
        ("<team>Shop</team>", ""),
        ("<x:team xmlns:x='https://kvmweb.org/xmlns/team/2'>Shop</x:team>", ""),
        ("", ""),
    ],
)
def test_the_element_of_kvmwebs_namespace_counts(metadata: str, team: str) -> None:
    assert _team(metadata) == team
