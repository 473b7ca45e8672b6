"""The lab's certificates: a small CA, one certificate per host, one for kvmweb. Kept beside the ssh keys."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from lab import keys, node
from lab.hostfiles import Signed
from lab.node import Process
from lab.run import plain_environment, run
from lab.state import LabState

_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
_DAYS = 3650
_BRIEF = """\
[ca]
default_ca = lab
[lab]
database = {book}
new_certs_dir = {scratch}
rand_serial = yes
unique_subject = no
default_md = sha256
copy_extensions = copy
policy = names
[names]
commonName = supplied
"""


class Run(Protocol):
    """Runs a program and returns what it wrote. Raises when it fails."""

    def __call__(self, *command: str, stdin: str | None = None) -> str: ...


class Authority:
    """Makes certificates with openssl. `folder` keeps them; `scratch` is one where openssl runs. `name` tells apart the
    authorities of one lab."""

    def __init__(self, folder: Path, run: Run, name: str = "ca", scratch: str = "/run") -> None:
        self._folder = folder
        self._run = run
        self._name = name
        self._own = (f"{scratch}/ca.pem", f"{scratch}/ca.key")

    def ensure(self, name: str, reached: Sequence[str] = ()) -> Signed:
        """The kept certificate for `name` at these addresses, or a new one."""
        words = "-".join(["tls", self._name, name, *reached])
        certificate, key = self._folder / f"{words}.pem", self._folder / f"{words}.key"
        if not certificate.exists():
            made = self.issue(name, reached)
            _keep(key, made.key)
            _keep(certificate, made.certificate)
        return Signed(ca=self._files()[0].read_text(), certificate=certificate.read_text(), key=key.read_text())

    def issue(self, name: str, reached: Sequence[str] = (), *, days: int = _DAYS, seconds: int = 0) -> Signed:
        """`days` 0: it has expired. `seconds`: it expires so soon."""
        self._bring()
        names = ",".join([f"DNS:{name}", *(f"IP:{address}" for address in reached)])
        extensions = [f"subjectAltName={names}", "basicConstraints=critical,CA:FALSE"]
        extensions += ["keyUsage=critical,digitalSignature,keyEncipherment", "extendedKeyUsage=serverAuth,clientAuth"]
        key, request = self._new(name, extensions, "-new")
        signing = ["-req", "-CA", self._own[0], "-CAkey", self._own[1], "-copy_extensions", "copy", "-days", str(days)]
        certificate = (
            self._brief(request, seconds) if seconds else self._run("openssl", "x509", *signing, stdin=request)
        )
        time.sleep(1.1 if not days else 0)
        return Signed(ca=self._files()[0].read_text(), certificate=certificate, key=key)

    def _brief(self, request: str, seconds: int) -> str:
        """Only `openssl ca`, which keeps books, knows less than a day."""
        scratch = self._own[0].rpartition("/")[0]
        config, asked, book = (f"{scratch}/brief.{what}" for what in ("conf", "csr", "txt"))
        for path, text in ((config, _BRIEF.format(book=book, scratch=scratch)), (asked, request), (book, "")):
            self._run("tee", path, stdin=text)
        until = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y%m%d%H%M%SZ")
        signing = ["-batch", "-notext", "-config", config, "-cert", self._own[0], "-keyfile", self._own[1]]
        return self._run("openssl", "ca", *signing, "-in", asked, "-enddate", until)

    def _bring(self) -> None:
        """The authority's own files into the node."""
        certificate, key = self._files()
        if not certificate.exists():
            new_key, new = self._new(
                f"the lab's {self._name}", ["keyUsage=critical,keyCertSign,cRLSign"], "-x509", "-days", str(_DAYS)
            )
            _keep(key, new_key)
            _keep(certificate, new)
        for path, file in zip(self._own, (certificate, key), strict=True):
            self._run("tee", path, stdin=file.read_text())

    def _files(self) -> tuple[Path, Path]:
        return self._folder / f"tls-{self._name}.pem", self._folder / f"tls-{self._name}.key"

    def _new(self, name: str, extensions: Sequence[str], *made: str) -> tuple[str, str]:
        """(key, what is made for it)"""
        added = [word for extension in extensions for word in ("-addext", extension)]
        both = self._run(
            "openssl", "req", *made, *_NEW_KEY, "-subj", f"/CN={name}", *added, "-keyout", "-", "-out", "-"
        )
        key, ending, rest = both.partition("-----END PRIVATE KEY-----\n")
        return key + ending, rest


def authority(prefix: str, switch: Process, name: str = "ca") -> Authority:
    """The one that all hosts of a lab trust, or by another name one that nobody does. openssl is that of a node."""

    def inside(*command: str, stdin: str | None = None) -> str:
        return run(node.enter(switch, list(command)), stdin=stdin, environment=plain_environment())

    return Authority(keys.folder(prefix), inside, name)


def of(lab: LabState, name: str = "ca") -> Authority:
    """Of a running lab."""
    assert lab.switch is not None
    return authority(lab.prefix, lab.switch, name)


def write_client(signed: Signed, folder: Path) -> None:
    """As kvmweb wants them in the folder `pki` of its data folder."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"cacert.pem": signed.ca, "clientcert.pem": signed.certificate, "clientkey.pem": signed.key}
    for name, text in texts.items():
        _keep(folder / name, text)


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(text)
