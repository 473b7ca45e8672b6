"""Words that no finding may use; `factories.run` checks every finding of every test."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrations_app.domain.preflight.check import Finding

BYTES = re.compile(r"\bbytes\b|\b\d{4,} B\b|^\d{6,}$")
#: what is asked, and how the opposite shows
FORBIDDEN = (
    ("sizes are in human units", BYTES),
    ("say what kvmweb cannot tell", re.compile(r"\bnot known\b|\bnobody (?:knows|looked|said)\b")),
    ("a VM migrates", re.compile(r"\b(?:moves?|moved|moving|travels?|goes on|comes? along|standstill)\b", re.I)),
    ("hosts are connected or not reachable", re.compile(r"\bdoes not answer\b|\bcalls itself\b")),
    ("libvirt's word is refresh", re.compile(r"\bread (?:it|the pool) again\b")),
    ("“on the destination”", re.compile(r"\bat the (?:destination|source)\b")),
    ("no API field in a sentence", re.compile(r"\b(?:copy_disks|live_storage|kind live)\b")),
)
#: "NEW-NAME", "NAME", "<name>", "…": something to fill in
PLACEHOLDER = re.compile(r"<\w+>|…|(?<=[ =])[A-Z]{3,}\b")


def complaints(finding: Finding) -> list[str]:
    return list(_complaints(finding))


def _complaints(finding: Finding) -> Iterator[str]:
    sentences = (finding.summary, *(remedy.text for remedy in finding.remedies))
    yield from (f"sizes are in human units: {text}" for text in finding.evidence.values() if BYTES.search(text))
    for text in sentences:
        yield from (f"{rule}: {text}" for rule, pattern in FORBIDDEN if pattern.search(text))
        if not re.search(r"[.”]$", text) or not re.match(r"\S+ \S+", text):
            yield f"a whole sentence: {text}"
    for remedy in finding.remedies:
        if PLACEHOLDER.search(re.sub(r"'[^']*'", "", remedy.command)):
            yield f"a command to paste: {remedy.command}"
        if bool(remedy.command) != bool(remedy.on):
            yield f"a command and its host: {remedy}"
