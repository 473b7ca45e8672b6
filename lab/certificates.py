"""The lab's certificates: a small CA, one certificate per host, one for kvmweb. Kept beside the ssh keys."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from lab import keys, node
from lab.hostfiles import Signed
from lab.node import Process
from lab.run import plain_environment, run
from lab.state import LabState

_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
_DAYS = 3650
_CA = ("/run/ca.pem", "/run/ca.key")


class Authority:
    """Makes certificates with the openssl of a node. `name` tells apart the authorities of one lab."""

    def __init__(self, prefix: str, switch: Process, name: str = "ca") -> None:
        self._folder = keys.folder(prefix)
        self._switch = switch
        self._name = name

    def ensure(self, name: str, reached: Sequence[str] = ()) -> Signed:
        """The kept certificate for `name` at these addresses, or a new one."""
        words = "-".join(["tls", self._name, name, *reached])
        certificate, key = self._folder / f"{words}.pem", self._folder / f"{words}.key"
        if not certificate.exists():
            made = self.issue(name, reached)
            _keep(key, made.key)
            _keep(certificate, made.certificate)
        return Signed(ca=self._files()[0].read_text(), certificate=certificate.read_text(), key=key.read_text())

    def issue(self, name: str, reached: Sequence[str] = (), *, days: int = _DAYS) -> Signed:
        """`days` 0: it has expired."""
        self._bring()
        names = ",".join([f"DNS:{name}", *(f"IP:{address}" for address in reached)])
        extensions = [f"subjectAltName={names}", "basicConstraints=critical,CA:FALSE"]
        extensions += ["keyUsage=critical,digitalSignature,keyEncipherment", "extendedKeyUsage=serverAuth,clientAuth"]
        key, request = self._new(name, extensions, "-new")
        signing = ["-req", "-CA", _CA[0], "-CAkey", _CA[1], "-copy_extensions", "copy", "-days", str(days)]
        certificate = self._run("openssl", "x509", *signing, stdin=request)
        time.sleep(1.1 if not days else 0)
        return Signed(ca=self._files()[0].read_text(), certificate=certificate, key=key)

    def _bring(self) -> None:
        """The authority's own files into the node."""
        certificate, key = self._files()
        if not certificate.exists():
            new_key, new = self._new(
                f"the lab's {self._name}", ["keyUsage=critical,keyCertSign,cRLSign"], "-x509", "-days", str(_DAYS)
            )
            _keep(key, new_key)
            _keep(certificate, new)
        for path, file in zip(_CA, (certificate, key), strict=True):
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

    def _run(self, *command: str, stdin: str | None = None) -> str:
        return run(node.enter(self._switch, list(command)), stdin=stdin, environment=plain_environment())


def authority(lab: LabState, name: str = "ca") -> Authority:
    """Of a running lab: the one that all hosts trust, or by another name one that nobody does."""
    assert lab.switch is not None
    return Authority(lab.prefix, lab.switch, name)


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
