"""What the documentation names exists, and what a person can choose is documented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from hosts.models import Host
from hosts.words.badges import CONTACT_BADGES
from kvmweb.accounts.roles import Role
from kvmweb.config import Config
from migrations_app.domain.by_hand import commands_beside, equivalent_command
from migrations_app.domain.kinds import KINDS, Kind
from migrations_app.domain.lifecycle import State
from migrations_app.domain.options import OPTIONS, Options
from migrations_app.domain.placement import Placement, Placements
from migrations_app.pages.presets import PRESETS
from migrations_app.words.badges import SEVERITY_BADGES, STATE_BADGES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
#: addresses that belong to nobody, the reader's own machine, and a name a proxy serves
EXAMPLES = re.compile(r"(127\.0\.0\.1|localhost|kvmweb\.example)(:\d+)?$")
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text(name: str) -> str:
    return (ROOT / name).read_text()


def prose(page: Path) -> str:
    """Without code blocks, code spans and the marks of images."""
    plain = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`", "", plain).replace("![", "[")


def code(page: Path) -> str:
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(), re.DOTALL))


def rows(name: str) -> dict[str, list[str]]:
    """First cell of a table's row, without marks -> its other cells."""
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", text(name), re.MULTILINE)
    return {first: [cell.strip() for cell in rest.split(" | ")] for first, rest in found}


def shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_setting_is_documented_with_its_default() -> None:
    table = rows("docs/settings.md")
    settings = {f"KVMWEB_{name.upper()}": field for name, field in Config.model_fields.items()}
    assert {name for name in table if name.startswith("KVMWEB_")} == set(settings) | {"KVMWEB_CONFIG_FILE"}
    for name, field in settings.items():
        if isinstance(field.default, bool | int | float | str):
            assert table[name][0] == f"`{shown(field.default)}`", name
        elif isinstance(field.default, tuple):
            assert table[name][0] == (f"`{' '.join(field.default)}`" if field.default else "none"), name


def test_the_service_may_do_little() -> None:
    unit = re.search(r"```ini\n(.*?)```", text("docs/operations.md"), re.DOTALL)
    assert unit is not None
    lines = dict(line.split("=", 1) for line in unit[1].splitlines() if "=" in line and not line.startswith("#"))
    assert lines["NoNewPrivileges"] == "yes"
    assert (lines["ProtectSystem"], lines["ReadWritePaths"]) == ("strict", "/var/lib/kvmweb")
    assert (lines["UMask"], lines["CapabilityBoundingSet"]) == ("0077", "")


def test_the_terms_are_the_words_in_use() -> None:
    """Every state of a migration or host, method, severity and role is a row of docs/terms.md, under the word that pages show, and no other is."""
    shown_as = {state.value: badge.label for state, badge in STATE_BADGES.items()}
    shown_as |= {row.kind.value: row.label for row in KINDS}
    shown_as |= {contact.value: CONTACT_BADGES[contact].label for contact in Host.Contact}
    shown_as |= {severity: badge.label for severity, badge in SEVERITY_BADGES.items()}
    shown_as |= {role.value: role.value for role in Role}
    assert {token: cells[0] for token, cells in rows("docs/terms.md").items()} == shown_as


def test_every_option_is_documented_with_its_default_and_virsh_name() -> None:
    table = rows("docs/options.md")
    for option in OPTIONS:
        default = "none" if option.default in (None, Placements()) else f"`{shown(option.default)}`"
        assert table[option.name][0] == default, option.name
    named = set(table) - {"kind", *Kind}
    assert named == {option.name for option in OPTIONS}
    assert [kind for kind in Kind if f"| `{kind}`" not in text("docs/options.md")] == []


def test_the_presets_are_documented() -> None:
    page = text("docs/options.md")
    rows_of = {line.split(" | ")[0][2:]: line for line in page.splitlines() if line.startswith("| ")}
    for preset in PRESETS:
        for name, value in preset.values.items():
            assert name in rows_of[preset.name] or name.startswith("auto_converge_"), (preset.name, name)
            assert isinstance(value, bool) or str(value) in rows_of[preset.name]


def test_every_word_of_the_virsh_line_is_documented() -> None:
    options = Options(
        copy_disks=True,
        bandwidth_mib=1,
        new_name="web-2",
        disk_bandwidth_mib=1,
        max_downtime_ms=1,
        unsafe=True,
        abort_on_error=True,
        auto_converge=True,
        post_copy=True,
        compressed=True,
        auto_converge_initial=1,
        auto_converge_increment=1,
        parallel_connections=2,
        zerocopy=True,
        migration_address="a",
        listen_address="a",
        tls=True,
        tls_name="a",
        compression="zstd",
        compression_level=1,
        xbzrle_cache_mib=1,
        sync_writes=True,
        detect_zeroes=True,
        disks=Placements({"vda": Placement(pool="fast")}),
    )
    command = equivalent_command(options=options, guest="web", source_uri="S", peer_uri="P", copy_disks=("vda",))
    later = commands_beside(options=options, guest="web", source_uri="S", copy_disks=("vda",))
    assert [words[3] for words in later] == ["migrate-setspeed", "migrate-setmaxdowntime"]
    page = text("docs/options.md")
    for word in [*command, *later[0], *later[1]]:
        if word.startswith(("--", "migrate-")):
            assert word in page, word


def test_the_api_page_names_every_state() -> None:
    page = text("docs/api.md")
    assert [state for state in State if f"`{state}`" not in page] == []


@pages
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    targets = [link.partition("#")[0] for link in links if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


@pages
def test_commands_exist(page: Path) -> None:
    said = code(page)
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", said)) <= targets
    assert set(re.findall(r"manage\.py ([a-z_]+)", said)) <= set(get_commands())


@pages
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:kvmweb|hosts|migrations_app|lab|scripts|tests|docs|static|templates|requirements)/[\w./-]*)`",
        page.read_text(),
    )
    folders = (ROOT, ROOT / "migrations_app")
    assert [name for name in named if not any((folder / name).exists() for folder in folders)] == []


@pages
def test_no_address_of_anybody(page: Path) -> None:
    hosts = re.findall(r"https?://([^/\s`)\"'>;]+)", page.read_text())
    assert [host for host in hosts if not EXAMPLES.match(host)] == []
    assert not re.search(r"pypi|npmjs|deb\.debian", page.read_text(), re.IGNORECASE)


@pages
def test_plain_words(page: Path) -> None:
    said = prose(page)
    assert not re.search(r"\w!", said)
    assert "successfully" not in said.lower()
