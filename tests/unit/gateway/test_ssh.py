"""Keys, wrappers and command lines, without a host; the lab tests use them for real."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.host_key import BadHostKey, fingerprint_of
from hosts.gateway import _ssh
from hosts.gateway.port import GatewayError, HostUnreachable

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBe6hfsaFUyJl3YoTSjziKgmaMrjXfk71XfakuBwhUla"


def endpoint(**values: object) -> Endpoint:
    usual: dict[str, object] = {"transport": Transport.SSH, "address": "192.0.2.1", "user": "vmadmin", "host_key": KEY}
    return Endpoint(**{**usual, **values})  # type: ignore[arg-type]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_one_key_pair_however_many_ask(data_dir: Path) -> None:
    lines: list[str] = []
    threads = [threading.Thread(target=lambda: lines.append(_ssh.public_key())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines) == 8
    assert len(set(lines)) == 1
    assert lines[0].startswith("ssh-ed25519 ")
    assert lines[0].endswith(" kvmweb")
    fingerprint_of(" ".join(lines[0].split()[:2]))
    assert mode(data_dir / "ssh") == 0o700
    assert mode(data_dir / "ssh" / "id_ed25519") == 0o600
    assert sorted(os.listdir(data_dir / "ssh")) == ["id_ed25519", "id_ed25519.pub"]


def test_a_lost_public_half_is_made_again(data_dir: Path) -> None:
    line = _ssh.public_key()
    (data_dir / "ssh" / "id_ed25519.pub").unlink()
    assert _ssh.public_key() == line


def test_the_wrapper_trusts_one_key_and_asks_nobody(data_dir: Path) -> None:
    wrapper = _ssh.wrapper(endpoint())
    assert mode(wrapper) == 0o700
    known = wrapper.with_name("known_hosts").read_text().split(maxsplit=1)
    assert known[1].strip() == KEY
    line = wrapper.read_text().splitlines()[1]
    assert line.endswith('"$@"')
    argv = shlex.split(line.removeprefix("exec ").removesuffix(' "$@"'))
    said = subprocess.run([*argv, "-G", "192.0.2.1"], capture_output=True, text=True, check=True).stdout
    options = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    assert options["batchmode"] == "yes"
    assert options["stricthostkeychecking"] in ("yes", "true")
    assert options["userknownhostsfile"] == str(wrapper.with_name("known_hosts"))
    assert options["globalknownhostsfile"] == "none"
    assert options["hostkeyalias"] == known[0]
    assert options["identityfile"] == str(data_dir / "ssh" / "id_ed25519")
    assert options["identitiesonly"] == "yes"
    assert options["controlmaster"] == "false"
    assert (options["connecttimeout"], options["serveraliveinterval"], options["serveralivecountmax"]) == (
        "5",
        "5",
        "3",
    )


def test_another_key_is_another_wrapper(data_dir: Path) -> None:
    other = KEY.replace("IBe6", "IBe7")
    first, second = _ssh.wrapper(endpoint()), _ssh.wrapper(endpoint(host_key=other))
    assert first != second
    assert KEY in first.with_name("known_hosts").read_text()
    assert _ssh.wrapper(endpoint(port=2222, user="root")) == first


@pytest.mark.parametrize("key", ["", "ssh-ed25519", f"{KEY}\n* {KEY}", f"@cert-authority {KEY}", f"{KEY} comment"])
def test_what_is_not_one_key_is_never_written(data_dir: Path, key: str) -> None:
    with pytest.raises(HostUnreachable if not key else BadHostKey):
        _ssh.wrapper(endpoint(host_key=key))
    assert not list(data_dir.glob("ssh/hosts/*"))


def test_a_data_folder_with_spaces_and_percents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a b %h 'c"
    monkeypatch.setattr(_ssh, "_data_dir", lambda: folder)
    argv = _ssh.command(endpoint(), ["true"])
    said = subprocess.run([*argv[: argv.index("-T")], "-G", "h"], capture_output=True, text=True, check=True).stdout
    assert f"identityfile {folder}/ssh/id_ed25519" in said.replace("%%", "%")
    assert f"userknownhostsfile {folder}/ssh/hosts" in said.replace("%%", "%")
    monkeypatch.setattr(_ssh, "_data_dir", lambda: tmp_path / 'quote"')
    with pytest.raises(GatewayError, match="path"):
        _ssh.command(endpoint(), ["true"])


def test_words_arrive_as_they_were(data_dir: Path) -> None:
    words = ["a b", "$(id)", "`id`", "it's", '"', "*", "-n", "\\", "ü"]
    remote = _ssh.command(endpoint(port=2222), [sys.executable, "-c", "import sys; print(sys.argv[1:])", *words])
    assert remote[remote.index("-p") + 1] == "2222"
    assert remote[-3:-1] == ["--", "192.0.2.1"]
    for shell in ("sh", "bash"):
        said = subprocess.run([shell, "-c", remote[-1]], capture_output=True, text=True, check=True).stdout
        assert said.strip() == str(words)


def test_only_ssh_hosts_run_commands(data_dir: Path) -> None:
    with pytest.raises(ValueError, match="ssh"):
        _ssh.run_ssh(Endpoint(transport=Transport.TCP, address="192.0.2.1"), ["true"], deadline=1)
