"""What we ship of others is exactly what the manifest says, with its licence beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

from scripts.third_party import pins

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("kvmweb", "hosts", "migrations_app")
#: names of ours that need no style
PLAIN = {"is-on", "plain-link", "sign"}
MANIFEST = json.loads((ROOT / "static/vendor/manifest.json").read_text())


def test_every_file_has_the_hash_of_the_manifest() -> None:
    for item in MANIFEST:
        data = (ROOT / item["file"]).read_bytes()
        assert base64.b64encode(hashlib.sha384(data).digest()).decode() == item["sha384"], item["file"]
        assert item["licence"]


def test_every_vendored_file_is_in_the_manifest_and_has_a_licence() -> None:
    listed = {item["file"] for item in MANIFEST}
    for file in (ROOT / "static/vendor").rglob("*"):
        if file.is_file() and file.name not in ("LICENSE", "manifest.json"):
            assert str(file.relative_to(ROOT)) in listed
            assert (file.parent / "LICENSE").stat().st_size > 300


def test_the_list_of_third_parties_names_everything_in_its_version() -> None:
    page = (ROOT / "THIRD_PARTY.md").read_text()
    for item in MANIFEST:
        assert f"| `{item['file']}` | {item['package']} | {item['version']} | {item['licence']} |" in page
    listed = re.findall(r"^\| ([\w.-]+) \| (\S+) \| [^|]+ \|$", page.split("## Python packages")[1], re.MULTILINE)
    assert listed[1:] == pins((ROOT / "requirements/runtime.txt").read_text())


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("runtime.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text()
        assert "://" not in text
        assert "index-url" not in text
        for block in re.split(r"\n(?=\S)", text.strip()):
            assert "--hash=sha256:" in block, block
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-")


def test_every_icon_that_pages_name_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (ROOT / "static/icons.svg").read_text()))
    places = {
        r'{%-? icon "([a-z0-9-]+)"': (ROOT / "templates").rglob("*.html"),
        r'\bBadge\("[^"]*", "[^"]*", "([a-z0-9-]+)"\)': (ROOT / "migrations_app").rglob("*.py"),
    }
    for pattern, files in places.items():
        used = {(icon, file.name) for file in files for icon in re.findall(pattern, file.read_text())}
        assert used
        assert {pair for pair in used if pair[0] not in sprite} == set()


def test_every_class_that_pages_name_has_a_style() -> None:
    """Tabler's style sheet is cut to the classes that were used when it was: for one more of it, `make vendor`."""
    sheets = "".join(file.read_text() for file in (ROOT / "static").rglob("*.css"))
    styled = set(re.findall(r"\.(-?[A-Za-z_][\w-]*)", re.sub(r":not\([^()]*\)|url\([^)]*\)", "", sheets)))
    pages = ROOT / "templates"
    own = (
        file for file in pages.rglob("*.html") if pages / "admin" not in file.parents
    )  # Django brings the admin's styles
    places = {
        r'\bclass="((?:\{%.*?%\}|\{\{.*?\}\}|[^"])*)"': own,
        r'\bclass(?:Name: |List\.\w+\()"([^"]*)"': (ROOT / "static/js").glob("*.js"),
        r'\bclass(?:=|": |"\] = )"([^".]*)"': (file for room in ROOMS for file in (ROOT / room).rglob("*.py")),
    }
    for pattern, files in places.items():
        used = {
            (name, file.name)
            for file in files
            for names in re.findall(pattern, file.read_text(), re.DOTALL)
            for name in re.sub(r"\{%.*?%\}|[\w-]*\{[^%]*?\}+", " ", names).split()
        }
        assert used
        assert {pair for pair in used if pair[0] not in styled | PLAIN} == set()
