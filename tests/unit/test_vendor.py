"""What we ship of others is exactly what the manifest says, with its licence beside it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
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
