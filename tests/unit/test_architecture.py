"""Limits of size and structure that import-linter cannot check."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any

import pytest

from kvmweb.config import BASE_DIR

PACKAGES = ("kvmweb", "hosts", "migrations_app", "approvals", "portal", "lab", "bench", "scripts")
FILE_LINES, CLASS_LINES, FUNCTION_LINES, TEMPLATE_LINES, TEMPLATE_LINE = 400, 150, 60, 150, 160
TEMPLATES = sorted((BASE_DIR / "templates").rglob("*.html"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((BASE_DIR / package).rglob("*.py")):
            if "migrations" not in path.relative_to(BASE_DIR).parts:
                yield path


def names(paths: Iterator[Path]) -> list[str]:
    return [str(path.relative_to(BASE_DIR)) for path in paths]


def mentioning(pattern: str) -> set[str]:
    return set(names(path for path in sources() if re.search(pattern, path.read_text())))


def test_no_file_is_longer_than_a_person_can_hold_in_mind() -> None:
    long = {name: lines for name in names(sources()) if (lines := _lines(BASE_DIR / name)) > FILE_LINES}
    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    assert _long(Function, FUNCTION_LINES) == {}


def test_no_class_does_more_than_one_job() -> None:
    assert _long(ast.ClassDef, CLASS_LINES) == {}


def _long(kind: type[ast.ClassDef] | UnionType, most: int) -> dict[str, int]:
    return {
        f"{path.relative_to(BASE_DIR)}:{node.name}": lines
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kind) and (lines := (node.end_lineno or 0) - node.lineno + 1) > most
    }


def test_no_template_is_long() -> None:
    assert {str(path): lines for path in TEMPLATES if (lines := _lines(path)) > TEMPLATE_LINES} == {}


def test_no_line_of_a_template_is_wide() -> None:
    wide = [
        f"{path.relative_to(BASE_DIR)}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > TEMPLATE_LINE
    ]
    assert wide == []


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_the_queue_has_one_door() -> None:
    assert mentioning(r"\basync_task\b") == {"kvmweb/queue.py"}


def test_xml_has_one_hardened_parser() -> None:
    assert mentioning(r"\b(etree|objectify)\.(fromstring|parse|XML|iterparse|XMLParser)\b|\bminidom\b") <= {
        "hosts/facts/xml.py"
    }


def test_the_journal_has_one_writer() -> None:
    assert mentioning(r"(?<!class )\bEntry\(|Entry\.objects\.(create|bulk_create|get_or_create|update)") <= {
        "kvmweb/journal/writer.py"
    }


SHOWING = (
    "migrations_app/api/",
    "migrations_app/pages/",
    "kvmweb/console/",
    "approvals/api/",
    "approvals/pages/",
    "portal/api/",
    "portal/pages/",
    "hosts/api",
    "hosts/views",
    "hosts/tables",
    "hosts/inserts",
)


def test_pages_and_api_read_through_reading() -> None:
    """What a person may see is decided where it is read, once for both."""
    asking = mentioning(r"\.objects\b")
    assert {name for name in asking if name.startswith(SHOWING)} == set()
    assert "migrations_app/reading/guests.py" in asking  # the pattern finds what it looks for


def test_only_the_watcher_writes_what_is_on_hosts() -> None:
    rows = r"\b(Sighting|Guest|StoragePool|Volume|Network|Bridge)\.objects(?:[^\n]|\n\s+\.)*"
    writing = mentioning(rf"{rows}\.(create|bulk_create|get_or_create|update_or_create|update|delete)\(")
    forgetting = {"migrations_app/usecases/forget_guests.py"}  # what is on no host any more
    assert {name for name in writing if not name.startswith("hosts/watcher/")} == forgetting
    assert "hosts/watcher/store_guests.py" in writing  # the pattern finds what it looks for


def test_who_has_which_role_is_asked_in_one_place() -> None:
    asking = mentioning(r"\broles_of\(|\bis_superuser\b")
    assert asking <= {f"kvmweb/accounts/{name}.py" for name in ("permissions", "people", "record", "context")} | {
        "kvmweb/management/commands/create_user.py"
    }


def test_only_a_ledger_changes_a_state() -> None:
    """Of a migration, and of an approval."""
    changing = mentioning(r"\bupdate\([^)]*\bstate=|\.state = [^=]*\n(?:.*\n){0,3}.*\.save\(")
    ledgers = ("migrations_app/ledger/", "approvals/ledger/")
    assert {name for name in changing if not name.startswith(ledgers)} == set()


@pytest.mark.parametrize("folder", ["hosts/facts", "migrations_app/domain", "approvals/domain", "portal/domain"])
def test_pure_rooms_know_no_clock(folder: str) -> None:
    """Time comes in as a value."""
    clock = r"\btime\.(time|monotonic|sleep|perf_counter)\(|\bdatetime\.now\(|timezone\.now\("
    assert {name for name in mentioning(clock) if name.startswith(folder)} == set()


def test_templates_have_nothing_inline_that_the_content_security_policy_forbids() -> None:
    inline = re.compile(
        r"<script(?![^>]*\b(src|type=\"application/json\"))|<style\b|\sstyle=|\son[a-z]+=|hx-on|javascript:", re.I
    )
    found = {
        str(path.relative_to(BASE_DIR)): match.group()
        for path in TEMPLATES
        if (match := inline.search(path.read_text()))
    }
    assert found == {}


#: whose a folder of templates is; what is not named is of all
_OWNER = {
    "hosts": "hosts",
    **dict.fromkeys(("vms", "migrations", "dashboard", "policies"), "migrations_app"),
}
_BELOW: dict[str, set[str]] = {"": set(), "hosts": {"hosts"}, "migrations_app": {"hosts", "migrations_app"}}
#: whose tags a library has; what is not named is of all
_LIBRARY = {
    path.stem: app for app in ("hosts", "migrations_app") for path in (BASE_DIR / app).glob("templatetags/*.py")
}


def _owner(template: str) -> str:
    return _OWNER.get(template.partition("/")[0], "")


def _drawn_by() -> Iterator[tuple[str, str, str]]:
    """(where, whose it is, its text) of every template, also of those inside Python."""
    for path in TEMPLATES:
        name = str(path.relative_to(BASE_DIR / "templates"))
        yield name, _owner(name), path.read_text()
    for app in ("hosts", "migrations_app"):
        for path in (BASE_DIR / app).rglob("*.py"):
            yield str(path.relative_to(BASE_DIR)), app, path.read_text()


def test_a_template_loads_tags_of_its_own_app_or_of_all() -> None:
    foreign = [
        (where, library)
        for where, owner, text in _drawn_by()
        for libraries in re.findall(r"\{% load ([^%]+?) %\}", text)
        for library in libraries.split()
        if _LIBRARY.get(library, owner) != owner
    ]
    assert foreign == []
    assert {"hosts", "migrations"} <= set(_LIBRARY)


def test_a_template_includes_only_what_its_app_may_import() -> None:
    foreign = [
        (where, template)
        for where, owner, text in _drawn_by()
        for template in re.findall(r'"([a-z_]+/[a-z_]+\.html)"', text)
        if _owner(template) not in {"", *_BELOW[owner]}
    ]
    assert foreign == []


@pytest.mark.parametrize(
    "module", ["kvmweb.asgi", "hosts.views", "migrations_app.api.migrations", "hosts.gateway.port"]
)
def test_the_web_process_never_loads_libvirt(module: str, tmp_path: Path) -> None:
    code = (
        f"import django; django.setup(); import importlib, sys; importlib.import_module({module!r});"
        " import kvmweb.urls; print(sorted(name for name in sys.modules if name.startswith('libvirt')))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "kvmweb.settings", "KVMWEB_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def _contracts() -> list[dict[str, Any]]:
    contracts: list[dict[str, Any]] = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    return contracts


def _named(contract: dict[str, Any]) -> Iterator[str]:
    for key in ("source_modules", "forbidden_modules", "protected_modules", "modules"):
        yield from (name.removesuffix(".*") for name in contract.get(key, ()))
    for container in contract.get("containers", ()):
        for layer in contract["layers"]:
            yield from (f"{container}.{name.strip(' ()')}" for name in re.split(r"[|:]", layer))


def test_every_package_is_in_a_contract() -> None:
    """A new room says at once what it may import; import-linter alone would let it import everything."""
    named = {name for contract in _contracts() for name in _named(contract)}
    packages = {
        ".".join(path.parent.relative_to(BASE_DIR).parts)
        for root in ("kvmweb", "hosts", "migrations_app", "approvals", "portal")
        for path in (BASE_DIR / root).rglob("__init__.py")
    }
    rooms = {
        name for name in packages if "." in name and not re.search(r"\.migrations$|\.management(\.commands)?$", name)
    }
    inside = {name for name in rooms if any(name.startswith(f"{room}.") for room in named)}
    assert rooms - inside - named == set()
