"""Old words do not come back into what people read. docs/terms.md has the words to use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/*.md",
        "Makefile",
        "templates/**/*.html",
        "static/js/*.js",
        "kvmweb/**/*.py",
        "hosts/words/*.py",
        "migrations_app/words/*.py",
        "migrations_app/domain/**/*.py",
        "migrations_app/usecases/*.py",
        "migrations_app/api/*.py",
    )
    for path in ROOT.glob(pattern)
)
#: each has a better phrase in issue 10, and no other use
OLD = (
    "asked by",
    "be emptied: no",
    "by what was felt",
    "calls itself",
    "can be asked.",
    "does not come along",
    "from the request to the proof",
    "goes on with",
    "is letting it go",
    "it is the same key, confirm",
    "kvmweb looks no more",
    "libvirt has the last word",
    "Moves KVM virtual machines",
    "moving VMs needs",
    "nothing that stands in the way",
    "promised to",
    "stands still",
    "successfully",
    "the like of it",
    "the same by hand",
    "virtualised by",
)


@pytest.mark.parametrize("phrase", OLD)
def test_an_old_phrase_is_gone(phrase: str) -> None:
    wanted = re.compile(r"\s+".join(map(re.escape, phrase.split())), re.IGNORECASE)
    assert [str(path.relative_to(ROOT)) for path in SOURCES if wanted.search(path.read_text())] == []


@pytest.mark.parametrize("script", sorted(ROOT.glob("static/js/*.js")), ids=lambda script: script.name)
def test_a_script_has_no_sentence_of_its_own(script: Path) -> None:
    """They are in words/ or in a template, which give them to the script as data attributes."""
    code = re.sub(r"(^|\s)//.*", "", script.read_text())
    assert re.findall(r"""["`][A-Z][a-z]+ [^"`\n]*[.…]["`]""", code) == []
