"""Write THIRD_PARTY.md: the work of others in an installation, with its licence.

For maintainers, after requirements or front-end files changed; reads the manifest and the packages installed in .venv.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HEAD = """\
# What others wrote

kvmweb itself is under the Apache License 2.0 (`LICENSE`). It uses the work below. Written by
`scripts/third_party.py`; a test compares it with the requirements and the manifest.

## Front-end files in this repository

Unchanged but for removed source map references, and Tabler's style sheet, which PurgeCSS cuts to the rules our pages
use; each folder holds its licence, `static/vendor/manifest.json` the hashes.
htmx and its websocket extension (0BSD) are not here: they come inside the Python package django-htmx.

| file | package | version | licence |
|---|---|---|---|
"""
PYTHON = """
## Python packages an installation uses

Not in this repository: pip fetches them as pinned, with hashes, in `requirements/runtime.txt`. What only the tests
use is in `requirements/dev.txt`.

| package | version | licence |
|---|---|---|
"""
#: packages whose metadata is vague; read in the licence files they carry
KNOWN = {
    "channels": "BSD-3-Clause",
    "django-csp": "BSD-3-Clause",
    "django-filter": "BSD-3-Clause",
    "django-tables2": "BSD-2-Clause",
    "sqlparse": "BSD-3-Clause",
    "uvloop": "MIT OR Apache-2.0",
}


def pins(requirements: str) -> list[tuple[str, str]]:
    """(name, version) of each pinned package, without those that only other platforms need."""
    found = re.findall(r"^([\w.-]+)==([\w.+-]+)(.*)", requirements, re.MULTILINE)
    return [(name, version) for name, version, rest in found if "sys_platform == 'win32'" not in rest]


def licence(name: str) -> str:
    if name in KNOWN:
        return KNOWN[name]
    try:
        about = metadata(name)
    except PackageNotFoundError:
        raise SystemExit(f"{name} is not installed: run this with .venv/bin/python after `make install`") from None
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = [
        text.split(" :: ")[-1] for text in about.get_all("Classifier") or [] if text.startswith("License :: ")
    ]
    short = about["License"].strip() if "License" in about else ""
    named = short if short and "\n" not in short and len(short) < 60 else ", ".join(classifiers)
    if not named:
        raise SystemExit(f"{name} names no licence: look it up and add it to KNOWN in scripts/third_party.py")
    return named.removesuffix(" License")


def page() -> str:
    manifest = json.loads((ROOT / "static/vendor/manifest.json").read_text())
    files = [f"| `{item['file']}` | {item['package']} | {item['version']} | {item['licence']} |" for item in manifest]
    packages = [
        f"| {name} | {version} | {licence(name)} |"
        for name, version in pins((ROOT / "requirements/runtime.txt").read_text())
    ]
    return HEAD + "\n".join(files) + "\n" + PYTHON + "\n".join(packages) + "\n"


if __name__ == "__main__":
    (ROOT / "THIRD_PARTY.md").write_text(page())
