"""What virsh does on a real host shows in the rows within two seconds, although refreshes come once an hour.

The watcher is a process with a data folder of its own; the test reads the rows with nothing between.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from kvmweb.config import BASE_DIR
from kvmweb.serve.children import die_with_parent
from lab.host import Host
from lab.lab import Lab
from lab.state import GuestSpec
from tests.installed import install
from tests.lab.serving import as_admin
from tests.patience import PATIENCE

pytestmark = pytest.mark.lab

#: of every way an event comes, most are shown in it; a busy machine may make one wait
SHOWN_WITHIN = 2.0


class WatchedLab:
    """A lab, a data folder, a watcher process; `kvm-a` is registered by tcp, `kvm-b` by ssh."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.file = folder / "kvmweb.sqlite3"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        plain = {key: value for key, value in os.environ.items() if not key.startswith("KVMWEB_")}
        return plain | {"KVMWEB_DATA_DIR": str(self.folder), "KVMWEB_REFRESH_SECONDS": "3600"}

    def manage(self, *command: str) -> str:
        line = [sys.executable, "manage.py", *command]
        done = subprocess.run(
            line, cwd=BASE_DIR, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def register(self, **fields: Any) -> None:
        as_admin(self.manage, "register_host(fields, by=admin)", fields)

    def change(self, host: str, **fields: Any) -> None:
        as_admin(self.manage, f"change_host(Host.objects.get(name={host!r}), fields, by=admin)", fields)

    def start(self) -> None:
        with (self.folder / "watch.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "watch"],
                cwd=BASE_DIR,
                env=self.environment,
                stderr=log,
                preexec_fn=partial(die_with_parent, os.getpid()),  # also when the tests are killed
            )

    def end(self) -> None:
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(5) == 0
            self.process = None

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(query, values).fetchall()

    def contact(self, name: str) -> tuple[str, str]:
        (row,) = self.rows("select contact, contact_text from hosts_host where name = ?", name)
        return str(row[0]), str(row[1])

    def state(self, guest: str, host: str) -> str:
        """The state of the guest's sighting on the host; "gone" once it left, "" when it never was there."""
        found = self.rows(
            "select s.state, s.gone_since from hosts_sighting s join hosts_guest g on g.uuid = s.guest_id"
            " join hosts_host h on h.id = s.host_id where g.name = ? and h.name = ?",
            guest,
            host,
        )
        if not found:
            return ""
        return "gone" if found[0][1] else str(found[0][0])


@pytest.fixture(scope="module")
def watched(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedLab]:
    watched = WatchedLab(lab, tmp_path_factory.mktemp("watched"))
    install(watched.folder)
    lab.authorize_key(watched.manage("ssh_key"))
    watched.start()
    watched.register(name="kvm-a", transport="tcp", address=lab.hosts["kvm-a"].address)
    watched.register(name="kvm-b", transport="ssh", address=lab.hosts["kvm-b"].address, user="root")
    try:
        for name in ("kvm-a", "kvm-b"):
            shows(lambda name=name: watched.contact(name)[0] == "answers")  # type: ignore[misc]
        yield watched
        watched.end()
    finally:
        if watched.process is not None:
            watched.process.kill()
            watched.process.wait()
        lab.reset()


def shows(look: Callable[[], bool], *, within: float = PATIENCE) -> float:
    """Seconds until `look` was true."""
    patience = max(within, PATIENCE)
    started = time.monotonic()
    while not look():
        passed = time.monotonic() - started
        assert passed < patience, f"not shown within {patience} s"
        time.sleep(0.02)
    return time.monotonic() - started


def uri(host: Host) -> str:
    return f"qemu+tcp://{host.address}/system"


@pytest.mark.parametrize("name", ["kvm-a", "kvm-b"])
def test_a_life_by_virsh_shows_step_by_step(watched: WatchedLab, name: str) -> None:
    host = watched.lab.hosts[name]
    guest = f"life-{name}"
    watched.lab.define_guest(name, GuestSpec(name=guest, host=name, running=False, storage=""), start=False)
    took = [shows(lambda: watched.state(guest, name) == "shut off")]
    for command, expected in (
        ("start", "running"),
        ("suspend", "paused"),
        ("resume", "running"),
        ("destroy", "shut off"),
        ("undefine", "gone"),
    ):
        host.virsh(command, guest)
        took.append(shows(lambda expected=expected: watched.state(guest, name) == expected))  # type: ignore[misc]
    assert median(took) < SHOWN_WITHIN, took


def test_a_move_by_virsh_shows_on_both_hosts(watched: WatchedLab) -> None:
    source, target = watched.lab.hosts["kvm-a"], watched.lab.hosts["kvm-b"]
    watched.lab.define_guest("kvm-a", GuestSpec(name="mover", host="kvm-a", storage=""))
    shows(lambda: watched.state("mover", "kvm-a") == "running")
    flags = ("--live", "--p2p", "--persistent", "--undefinesource")
    took = []
    for here, there in ((source, target), (target, source)):
        here.virsh("migrate", *flags, "mover", uri(there), "--migrateuri", f"tcp://{there.migration_address}")
        took.append(shows(lambda there=there: watched.state("mover", there.name) == "running"))  # type: ignore[misc]
        took.append(shows(lambda here=here: watched.state("mover", here.name) == "gone"))  # type: ignore[misc]
    assert median(took) < SHOWN_WITHIN, took


def test_pools_and_networks_show_what_virsh_does(watched: WatchedLab) -> None:
    host = watched.lab.hosts["kvm-a"]
    pool = '<pool type="dir"><name>watched</name><target><path>/var/tmp</path></target></pool>'
    host.exec("tee", "/tmp/watched-pool.xml", stdin=pool)
    host.virsh("pool-define", "/tmp/watched-pool.xml")
    host.virsh("pool-start", "watched")
    took = [shows(lambda: watched.rows("select 1 from hosts_storagepool where name = 'watched' and active") != [])]
    host.virsh("pool-destroy", "watched")
    inactive = "select 1 from hosts_storagepool where name = 'watched' and not active"
    took.append(shows(lambda: watched.rows(inactive) != []))
    host.virsh("pool-undefine", "watched")
    gone = "select 1 from hosts_storagepool where name = 'watched' and gone_since is not null"
    took.append(shows(lambda: watched.rows(gone) != []))
    network = "<network><name>watched</name><bridge name='virbr77'/></network>"
    host.exec("tee", "/tmp/watched-net.xml", stdin=network)
    host.virsh("net-create", "/tmp/watched-net.xml")
    took.append(shows(lambda: watched.rows("select 1 from hosts_network where name = 'watched' and active") != []))
    host.virsh("net-destroy", "watched")
    gone = "select 1 from hosts_network where name = 'watched' and gone_since is not null"
    took.append(shows(lambda: watched.rows(gone) != []))
    assert median(took) < SHOWN_WITHIN, took


@pytest.mark.parametrize("name", ["kvm-a", "kvm-b"])
def test_a_killed_libvirtd_is_away_and_read_again_when_it_is_back(watched: WatchedLab, name: str) -> None:
    host = watched.lab.hosts[name]
    guest = f"stays-{name}"
    watched.lab.define_guest(name, GuestSpec(name=guest, host=name, running=False, storage=""), start=False)
    shows(lambda: watched.state(guest, name) == "shut off")
    host.kill_daemon("libvirtd")
    shows(lambda: watched.contact(name)[0] == "away")
    assert watched.contact(name)[1]
    assert watched.state(guest, name) == "shut off"
    host.start_daemon("libvirtd")
    host.virsh("undefine", guest)
    shows(lambda: watched.contact(name)[0] == "answers")
    shows(lambda: watched.state(guest, name) == "gone")


def test_a_frozen_libvirtd_is_away_soon_and_comes_back(watched: WatchedLab) -> None:
    host = watched.lab.hosts["kvm-a"]
    host.stop_daemon("libvirtd")
    try:
        shows(lambda: watched.contact("kvm-a")[0] == "away")
    finally:
        host.cont_daemon("libvirtd")
    shows(lambda: watched.contact("kvm-a")[0] == "answers")


def test_the_same_machine_by_another_way_is_refused_until_the_way_is_changed(watched: WatchedLab) -> None:
    watched.register(name="twin", transport="ssh", address=watched.lab.hosts["kvm-a"].address, user="root")
    shows(lambda: watched.contact("twin")[0] == "refused")
    assert "same machine as kvm-a" in watched.contact("twin")[1]
    watched.change("twin", user="outsider")
    shows(lambda: watched.contact("twin")[0] == "denied")
    assert "outsider is not in the libvirt group" in watched.contact("twin")[1]


def test_the_first_ssh_key_is_kept(watched: WatchedLab) -> None:
    key = watched.lab.hosts["kvm-b"].host_key
    (row,) = watched.rows("select host_key, fingerprint from hosts_host where name = 'kvm-b'")
    assert row[0].split()[:2] == key.split()[:2]
    assert row[1].startswith("SHA256:")
