"""ssh: kvmweb's key pair, one wrapper per host key for libvirt to start, and commands on hosts.

Each host key has a folder of its own, named after the key and never changed: a connection test with an unconfirmed key
cannot change what other connections trust, and no writer waits for another.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.host_key import fingerprint_of
from hosts.gateway import _process
from hosts.gateway.port import GatewayError, HostUnreachable

_KEY_SECONDS = 30.0
#: ssh's own exit code when it could not log in or lost the connection
SSH_FAILED = 255
#: where libvirtd listens on a host, and virtproxyd where it takes libvirtd's place
LIBVIRT_SOCKET = "/run/libvirt/libvirt-sock"

_CONFIG = """\
# Written by kvmweb; changes are lost.
Host *
    BatchMode yes
    ConnectTimeout 5
    ServerAliveInterval 5
    ServerAliveCountMax 3
    StrictHostKeyChecking yes
    GlobalKnownHostsFile none
    HashKnownHosts no
    UpdateHostKeys no
    CheckHostIP no
    VerifyHostKeyDNS no
    IdentityFile "{key}"
    IdentitiesOnly yes
    IdentityAgent none
    PreferredAuthentications publickey
    ControlMaster no
    ControlPath none
    ForwardAgent no
    ForwardX11 no
    PermitLocalCommand no
    ClearAllForwardings yes
    EscapeChar none
    LogLevel ERROR
"""


def _data_dir() -> Path:
    from django.conf import settings

    folder: Path = settings.KVMWEB.data_dir
    return folder


def public_key() -> str:
    """kvmweb's line for authorized_keys; makes the key pair when there is none. Raises GatewayError."""
    return (private_key().with_suffix(".pub")).read_text("ascii").strip()


def private_key() -> Path:
    """Made once, by exactly one of any number of processes that need it at the same time."""
    folder = ssh_folder()
    key = folder / "id_ed25519"
    if not key.exists():
        draft = folder / f".new-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            _make_key(draft)
            _claim(draft, folder)
        finally:
            draft.unlink(missing_ok=True)
            draft.with_suffix(".pub").unlink(missing_ok=True)
    public = key.with_suffix(".pub")
    if not public.exists():
        _restore_public(key, public)
    return key


def _make_key(path: Path) -> None:
    argv = [_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "kvmweb", "-f", str(path)]
    done = _process.run(argv, deadline=_KEY_SECONDS)
    if done.code != 0:
        raise GatewayError(f"ssh-keygen could not make a key: {done.err.strip()}")


def _claim(draft: Path, folder: Path) -> None:
    """Linking fails for all but the first. Who sees the private half before the public one makes that from it."""
    try:
        os.link(draft, folder / "id_ed25519")
    except FileExistsError:
        return
    os.replace(draft.with_suffix(".pub"), folder / "id_ed25519.pub")


def _restore_public(key: Path, public: Path) -> None:
    done = _process.run([_program("ssh-keygen"), "-y", "-P", "", "-f", str(key)], deadline=_KEY_SECONDS)
    if done.code != 0:
        raise GatewayError(f"{key} is damaged: {done.err.strip()}")
    words = done.out.split()[:2]
    _write(public, " ".join([*words, "kvmweb"]) + "\n", mode=0o644)


def wrapper(endpoint: Endpoint) -> Path:
    """The program that libvirt starts as ssh: trusts exactly `endpoint.host_key`, uses kvmweb's key, never asks."""
    folder = _trust(endpoint)
    path = folder / "ssh"
    line = " ".join(shlex.quote(word) for word in _options(folder))
    _write_once(path, f'#!/bin/sh\nexec {line} "$@"\n', mode=0o700)
    return path


def command(endpoint: Endpoint, argv: Sequence[str], *, program: Path | None = None) -> list[str]:
    """The local argument list that runs `argv` on the host, each word as it is, with any login shell there. `program`
    is started instead of ssh."""
    options = [str(program)] if program else _options(_trust(endpoint))
    return [*options, "-T", *_place(endpoint), " ".join(shlex.quote(word) for word in argv)]


def shared(endpoint: Endpoint, *, socket: int, libvirt: str) -> list[str]:
    """The argument list of a connection for others to use, by a socket in the folder in which it starts, and for
    libvirt by the socket `libvirt` there. It ends with the thread that starts it."""
    end = [_program("setpriv"), "--pdeathsig", "TERM", "--"]
    control = ["-o", "ControlMaster=yes", "-o", f"ControlPath=./{socket}"]
    # refused by a host that allows no forwarding: then libvirt uses sessions
    forward = ["-o", "ClearAllForwardings=no", "-L", f"./{libvirt}:{LIBVIRT_SOCKET}"]
    return [*end, *_options(_trust(endpoint)), *control, *forward, "-N", "-T", *_place(endpoint)]


def write_program(path: Path, endpoint: Endpoint, *, folder: Path, socket: int) -> None:
    """As `wrapper`, but what it starts is a session on a shared connection."""
    line = " ".join(shlex.quote(word) for word in [*_options(_trust(endpoint)), "-o", f"ControlPath=./{socket}"])
    _write_once(path, f'#!/bin/sh\ncd {shlex.quote(str(folder))} && exec {line} "$@"\n', mode=0o700)


def _place(endpoint: Endpoint) -> list[str]:
    port = ["-p", str(endpoint.port)] if endpoint.port else []
    user = ["-l", endpoint.user] if endpoint.user else []
    return [*port, *user, "--", endpoint.address]


def run_ssh(endpoint: Endpoint, argv: Sequence[str], *, deadline: float) -> _process.Finished:
    """Run a program on the host. Raises HostUnreachable when ssh could not, or not in time."""
    if endpoint.transport is not Transport.SSH:
        raise ValueError("this endpoint is not reached by ssh")
    done = _process.run(command(endpoint, argv), deadline=deadline)
    if done.code is None:
        raise unfinished(endpoint, deadline)
    if done.code == SSH_FAILED:
        raise HostUnreachable(done.err.strip() or f"ssh to {endpoint.address} failed")
    return done


def unfinished(endpoint: Endpoint, deadline: float) -> HostUnreachable:
    return HostUnreachable(f"ssh to {endpoint.address} did not finish within {round(deadline, 1):g} s")


def keyscan(address: str, port: int | None, kinds: Sequence[str], *, seconds: float) -> list[str]:
    """argv of ssh-keyscan for these key types."""
    limit = str(max(1, int(seconds)))
    return [_program("ssh-keyscan"), "-T", limit, "-t", ",".join(kinds), "-p", str(port or 22), "--", address]


def _options(folder: Path) -> list[str]:
    config = ssh_folder() / "config"
    key = private_key()
    _write_once(config, _CONFIG.format(key=_in_config(key)), mode=0o600)
    return [
        _program("ssh"),
        "-F",
        str(config),
        "-o",
        f'UserKnownHostsFile="{_in_config(folder / "known_hosts")}"',
        "-o",
        f"HostKeyAlias={folder.name}",
    ]


def _in_config(path: Path) -> str:
    """A path for ssh's configuration, in double quotes: % begins a token there, and a quote cannot be written."""
    text = str(path)
    if '"' in text or "\\" in text or any(ord(character) < 32 for character in text):
        raise GatewayError(f"ssh cannot use the path {text!r}")
    return text.replace("%", "%%")


def _trust(endpoint: Endpoint) -> Path:
    """The folder of this host key, with a known_hosts that names it by an alias: no address, no port to get wrong."""
    if not endpoint.host_key:
        raise HostUnreachable(f"the ssh host key of {endpoint.address} is not confirmed yet")
    fingerprint_of(endpoint.host_key)  # refuses what is not one key
    name = f"kvmweb-{hashlib.sha256(endpoint.host_key.encode()).hexdigest()[:24]}"
    folder = ssh_folder() / "hosts" / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_once(folder / "known_hosts", f"{name} {endpoint.host_key}\n", mode=0o600)
    return folder


def ssh_folder() -> Path:
    folder = _data_dir() / "ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _write_once(path: Path, text: str, *, mode: int) -> None:
    """Write if the content differs: the data folder may have moved, or the code changed."""
    try:
        if path.read_text() == text:
            return
    except FileNotFoundError:
        pass
    _write(path, text, mode=mode)


def _write(path: Path, text: str, *, mode: int) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise GatewayError(f"{name} is not installed on this machine")
    return path
