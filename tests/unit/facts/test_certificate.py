"""The end of a certificate's validity, as openssl tells it too."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hosts.facts.certificate import valid_until
from hosts.gateway.probe import NoAnswer
from hosts.gateway.probes.certificates import certificates
from lab.certificates import Authority


def run(*command: str, stdin: str | None = None) -> str:
    return subprocess.run(command, input=stdin, text=True, capture_output=True, check=True).stdout


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, run, scratch=str(tmp_path))


def told(text: str) -> datetime:
    end = run("openssl", "x509", "-noout", "-enddate", stdin=text).strip().partition("=")[2]
    return datetime.strptime(end, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)


def test_the_same_as_openssl_before_2050_and_after_it(authority: Authority) -> None:
    for days in (20, 15_000):
        text = authority.issue("kvm-a", ["192.0.2.1"], days=days).certificate
        assert valid_until(text) == told(text)


def test_of_several_in_a_file_the_first_is_the_hosts_own(authority: Authority) -> None:
    mine, other = (authority.issue("kvm-a", days=days).certificate for days in (20, 90))
    assert valid_until(f"a comment\n{mine}{other}") == told(mine)
    found = certificates.read(f"== libvirt\n{other}\n== libvirt\n{mine}\n== QEMU\n{other}\n", ())
    assert found == {"libvirt": told(mine), "QEMU": told(other)}
    assert certificates.read("", ()) == {}


@pytest.mark.parametrize("content", ["", "MAA=", "MAMCAQE=", "MAUwAwIBAQ==", "MP8=", "!", "MIIBCgKCAQEA"])
def test_what_is_no_certificate(content: str) -> None:
    text = f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError):  # noqa: PT011  of whatever part
        valid_until(text)
    with pytest.raises(NoAnswer):
        certificates.read(f"== QEMU\n{text}", ())
    with pytest.raises(ValueError, match="no certificate"):
        valid_until(content)


def test_one_that_is_cut_off_anywhere(authority: Authority) -> None:
    lines = authority.issue("kvm-a").certificate.splitlines(keepends=True)
    for kept in range(1, len(lines) - 2):
        with pytest.raises(ValueError):  # noqa: PT011  of whatever part
            valid_until("".join([*lines[:kept], lines[-1]]))
