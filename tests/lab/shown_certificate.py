"""A libvirtd that shows another certificate, until the end of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lab import Lab
from lab.hostfiles import Signed

#: raises CommandFailed for one that libvirtd does not load
Show = Callable[[Signed], None]
_FOLDER = "/etc/pki/libvirt"
_FILES = (f"{_FOLDER}/servercert.pem", f"{_FOLDER}/private/serverkey.pem")


@pytest.fixture
def shown(lab: Lab) -> Iterator[Show]:
    """On kvm-a."""
    host = lab.hosts["kvm-a"]
    before = [host.exec("cat", file) for file in _FILES]

    def show(*texts: str) -> None:
        for file, text in zip(_FILES, texts, strict=True):
            host.exec("tee", file, stdin=text)
        host.exec("virt-admin", "-c", "libvirtd:///system", "server-update-tls", "libvirtd")

    yield lambda signed: show(signed.certificate, signed.key)
    show(*before)
