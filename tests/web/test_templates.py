"""Rules for every template: nothing inline, nothing that only works with JavaScript."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OWN_SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
TAG = re.compile(r"<[a-zA-Z][^<>]*(?:\{%.*?%\}[^<>]*)*>", re.S)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle\s*=", text), "an inline style: the content security policy refuses it"
    assert not re.search(r"<style", text), "an inline style sheet"
    assert not re.search(r"\son[a-z]+\s*=", text), "an inline event handler"
    assert "hx-on" not in text, "hx-on is an inline script"
    assert "|safe" not in text, "hosts' text is hostile"
    assert "autoescape off" not in text
    for script in re.findall(r"<script[^>]*>(.*?)</script>", text, re.S):
        assert script.strip() == "", "an inline script"
    for tag in TAG.findall(text):
        if re.search(r"\bhx-(get|post)=", tag):
            assert re.search(r"\b(href|action|formaction)=", tag), f"only works with JavaScript: {tag}"
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.S):
        assert "csrf_token" in form or "{% include" in form, "a POST without a token"


@pytest.mark.parametrize("path", OWN_SCRIPTS, ids=lambda path: path.name)
def test_script(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\beval\(|new Function|document\.write|insertAdjacentHTML", text)
    assert text.count("\n") <= 400


def test_every_icon_is_in_the_sprite() -> None:
    sprite = (ROOT / "static" / "icons.svg").read_text()
    have = set(re.findall(r'id="([a-z0-9-]+)"', sprite))
    used = set()
    for path in TEMPLATES:
        used |= set(re.findall(r'\{% icon "([a-z0-9-]+)"', path.read_text()))
    for path in ("migrations_app/words/badges.py", "hosts/words/badges.py"):
        used |= set(re.findall(r'Badge\("[^"]+", "[a-z]+", "([a-z0-9-]+)"\)', (ROOT / path).read_text()))
    assert used <= have, used - have


def test_no_cheering() -> None:
    for path in TEMPLATES:
        words = re.sub(r"\{[%{#].*?[%}#]\}|<[^>]+>|<!doctype html>", "", path.read_text(), flags=re.S)
        assert "!" not in words, path
        assert "successfully" not in words.lower(), path
