"""An option is one row: a made-up one appears everywhere that options appear."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from migrations_app.domain.kinds import KINDS, Kind
from migrations_app.domain.options import OPTION, OPTIONS, Option, Options, Type
from migrations_app.domain.placement import Placements

ROOT = Path(__file__).resolve().parents[2]
#: in a process of its own, where the row is there before anything reads the table
_SCRIPT = """
import json
from dataclasses import replace
from types import MappingProxyType

from migrations_app.domain import options
from migrations_app.domain.kinds import Kind

made_up = replace(
    options.OPTION["max_downtime_ms"], name="detect_moonlight", label="Moonlight, lm", virsh=("--moonlight", "{}"),
    consequence="Brighter.", bounds="Moonlight is {minimum:,} to {maximum:,} lm.", beside=False, rank=9,
)
options.OPTIONS = (*options.OPTIONS, made_up)
options.OPTION = MappingProxyType({option.name: option for option in options.OPTIONS})

import django

django.setup()
from django.template.loader import render_to_string

from hosts.models import Guest
from kvmweb.api import api
from migrations_app.domain.request import BadRequest, make_request
from migrations_app.domain.by_hand import equivalent_command
from migrations_app.pages.forms import MigrateForm

form = MigrateForm(guest=Guest(name="web"), candidates=[])
request = make_request(guest="u", target=1, kind=Kind.LIVE, options={"detect_moonlight": 7})
try:
    make_request(guest="u", target=1, kind=Kind.LIVE, options={"detect_moonlight": 0})
except BadRequest as error:
    refused = str(error)
print(json.dumps({
    "form": "detect_moonlight" in form.fields,
    "page": render_to_string("vms/_options.html", {"form": form}),
    "schema": api.get_openapi_schema()["components"]["schemas"]["OptionsIn"]["properties"]["detect_moonlight"],
    "virsh": equivalent_command(options=request.options, guest="web", source_uri="S", peer_uri="P"),
    "request": request.as_json()["options"],
    "refused": refused,
}, default=str))
"""


def test_a_made_up_option_appears_by_itself(tmp_path: Path) -> None:
    environment = {**os.environ, "KVMWEB_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "kvmweb.settings"}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["form"]
    assert 'name="detect_moonlight"' in told["page"]
    assert "Moonlight, lm" in told["page"]
    assert "Brighter." in told["page"]
    assert told["schema"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 2_000_000}
    assert told["virsh"][-4:] == ["--moonlight", "7", "web", "P"]
    assert told["request"]["detect_moonlight"] == 7
    assert told["refused"] == "Moonlight is 1 to 2,000,000 lm."


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_row_is_complete(option: Option) -> None:
    assert option.label
    assert option.consequence.endswith(".")
    assert option.virsh or option.name in (
        "allow_overcommit",
        "start_after",
        "shutdown_patience_s",
        "detach",
        "eject",
    )  # virsh migrate neither checks room nor starts, and takes nothing out
    assert option.kinds
    assert all(name in OPTION for name in option.conflicts)
    if option.type is Type.INTEGER:
        assert option.unit
        assert option.minimum is not None
        assert option.maximum is not None
        assert option.bounds
        assert option.default is None or (isinstance(option.default, int) and option.allows(option.default))
    elif option.type in (Type.CHOICE, Type.ADDRESS, Type.NAME):
        assert option.default is None
        assert bool(option.choices) is (option.type is Type.CHOICE)
    elif option.type is Type.PLACEMENTS:
        assert option.default == Placements()
    else:
        assert isinstance(option.default, bool)
    assert all(option.name in OPTION[name].conflicts for name in option.conflicts)
    assert all(option.clash or OPTION[name].clash for name in option.conflicts)
    assert all(needs.option in OPTION and needs.why.endswith(".") for needs in option.needs)
    assert set(option.libvirt_by) <= {value for needs in option.needs for value in needs.values}


def test_every_kind_has_its_row() -> None:
    assert [row.kind for row in KINDS] == list(Kind)


def test_libvirt_is_told_by_flags_and_parameters() -> None:
    every = Options(
        compression="zstd", compression_level=3, parallel_connections=4, auto_converge=True, auto_converge_initial=30,
        auto_converge_increment=20, listen_address="10.0.0.2", detect_zeroes=True, sync_writes=True, zerocopy=True,
        bandwidth_mib=7, tls=True, tls_name="kvm-b",
    )  # fmt: skip
    assert every.flags() - Options().flags() == {
        "COMPRESSED", "PARALLEL", "AUTO_CONVERGE", "NON_SHARED_SYNCHRONOUS_WRITES", "ZEROCOPY", "TLS"
    }  # fmt: skip
    assert every.parameters(("vda",)) == {
        "compression": ("zstd",), "compression.zstd.level": 3, "parallel.connections": 4, "bandwidth": 7,
        "auto_converge.initial": 30, "auto_converge.increment": 20, "listen_address": "10.0.0.2",
        "migrate_disks_detect_zeroes": ("vda",), "tls.destination": "kvm-b",
    }  # fmt: skip
    older = Options(compressed=True, xbzrle_cache_mib=2).for_guest(persistent=True)
    assert older.parameters() == {"compression": ("xbzrle",), "compression.xbzrle.cache": 2 * 1024 * 1024}
    assert Options().parameters() == {}


def test_the_call_begins_with_the_limit_of_the_disks() -> None:
    both = Options(bandwidth_mib=50, disk_bandwidth_mib=20)
    assert both.for_disks(("vda",)).parameters(("vda",)) == {"bandwidth": 20}
    assert (both.memory_speed, Options(disk_bandwidth_mib=20).memory_speed) == (50, 0)
    none_copied = both.for_disks(())
    assert none_copied.parameters() == {"bandwidth": 50}
    assert none_copied.memory_speed is None
    assert Options(bandwidth_mib=50).memory_speed is None


def test_what_was_asked_for_is_told_from_what_comes_by_itself() -> None:
    assert Options().unusual() == {}
    assert Options(persist=False, bandwidth_mib=3).unusual() == {"persist": False, "bandwidth_mib": 3}
    with pytest.raises(TypeError, match="moonlight"):
        Options(moonlight=1)
    with pytest.raises(AttributeError):
        _ = Options().moonlight
    assert Options(unsafe=True) != Options()
    assert hash(Options()) == hash(Options())
