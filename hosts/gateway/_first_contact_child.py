"""The child process of a first contact. One JSON question on stdin, one JSON report per step on stdout.

It imports neither Django nor anything slow, and may hang anywhere: its parent kills it.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from hosts.facts.contact import ContactProblem
from hosts.facts.endpoint import DEFAULT_PORTS, Transport
from hosts.facts.host_key import BadHostKey, fingerprint_of
from hosts.gateway import _errors, _process, _ssh, _tls
from hosts.gateway.port import GatewayError
from hosts.gateway.probe import NoAnswer
from hosts.gateway.probes.libvirt_daemon import libvirt_daemon

#: most likely first; one connection each, so the rest is asked only when it is missing
_KEY_KINDS = (("ed25519",), ("ecdsa", "rsa"))
_GREETING = b"SSH-"
#: ssh's own words (never translated) when it was not let in; the first row that fits counts
_SSH_SAID = {
    "Permission denied": ContactProblem.AUTH,
    "Too many authentication failures": ContactProblem.AUTH,
    "Host key verification failed": ContactProblem.HOST_KEY_CHANGED,
    "Unable to negotiate": ContactProblem.SSH_TERMS,
    "Connection closed": ContactProblem.SSH_CLOSED,
    "Connection reset": ContactProblem.SSH_CLOSED,
    "Connection timed out": ContactProblem.TIMEOUT,
}
#: by the answer of the probe; with any other answer libvirt is there, and the connection to it failed
_SEEN_THERE = {
    "denied": ContactProblem.PERMISSION,
    "stopped": ContactProblem.STOPPED,
    "missing": ContactProblem.NO_LIBVIRT,
    "helpless": ContactProblem.NO_HELPER,
}
#: libvirt answered, with an error of this number
_BY_CODE = {
    **dict.fromkeys(_errors.LOGIN_CODES, ContactProblem.PERMISSION),
    _errors.NO_CONNECT: ContactProblem.NO_QEMU,
    _errors.NO_SUPPORT: ContactProblem.VERSION,
    _errors.RPC: ContactProblem.VERSION,
}
#: it need not be libvirt that is there
_ANYTHING_LISTENS = ("tcp", "tls")
_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH)
_DAEMONS = ("/usr/sbin/libvirtd", "/usr/sbin/virtqemud")


class _Failed(Exception):
    def __init__(self, problem: ContactProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message


class _Meeting:
    def __init__(self, question: dict[str, Any]) -> None:
        self._question = question
        self._end = time.monotonic() + float(question["seconds"])
        self._said: dict[str, Any] = {}

    def run(self) -> None:
        try:
            self._meet()
        except _Failed as failure:
            self.say(problem=failure.problem.value, message=failure.message)
        except GatewayError as error:  # a program that kvmweb needs is not there
            self.say(problem=ContactProblem.OWN_MACHINE.value, message=error.message)

    def say(self, **values: Any) -> None:
        self._said |= values
        print(json.dumps(self._said), flush=True)

    def _meet(self) -> None:
        transport = self._question["transport"]
        if transport != "unix":
            self._reach(DEFAULT_PORTS[Transport(transport)], speaks_first=transport == "ssh")
        if transport == "ssh":
            self._check_host_key()
        self.say(message="The connection was accepted, but libvirt has not answered.")
        self._open()

    def _left(self) -> float:
        return max(0.2, self._end - time.monotonic())

    # the way there

    def _reach(self, usual_port: int, *, speaks_first: bool) -> None:
        place = (self._question["address"], self._question["port"] or usual_port)
        try:
            with socket.create_connection(place, timeout=self._left()) as connection:
                self.say(message="The connection was accepted, but no answer came.")
                if speaks_first:
                    self._hear_greeting(connection)
        except socket.gaierror as error:
            raise _Failed(ContactProblem.NAME, error.strerror or "") from None
        except TimeoutError:
            raise _Failed(ContactProblem.TIMEOUT, self._said.get("message", "")) from None
        except ConnectionRefusedError:
            raise _Failed(ContactProblem.REFUSED, "") from None
        except ConnectionResetError as error:
            raise _Failed(ContactProblem.PROTOCOL, error.strerror or "") from None
        except OSError as error:
            problem = ContactProblem.UNREACHABLE if error.errno in _NO_WAY else ContactProblem.OTHER
            raise _Failed(problem, error.strerror or str(error)) from None

    def _hear_greeting(self, connection: socket.socket) -> None:
        heard = b""
        while len(heard) < len(_GREETING):
            connection.settimeout(self._left())
            more = connection.recv(len(_GREETING) - len(heard))
            if not more:
                raise _Failed(ContactProblem.PROTOCOL, "The connection was closed before ssh's greeting.")
            heard += more
        if heard != _GREETING:
            raise _Failed(ContactProblem.PROTOCOL, "")

    # ssh

    def _check_host_key(self) -> None:
        known: str = self._question["host_key"]
        if known:
            shown = self._scan(_scan_name(known.split()[0]))
            if shown == known:
                self.say(host_key=known, message="")
                return
            other = shown or self._first_key()
            self.say(host_key=other)
            raise _Failed(ContactProblem.HOST_KEY_CHANGED, "")
        self.say(host_key=self._first_key())
        raise _Failed(ContactProblem.HOST_KEY_UNKNOWN, "")

    def _first_key(self) -> str:
        for kinds in _KEY_KINDS:
            key = self._scan(*kinds)
            if key:
                return key
        if time.monotonic() >= self._end:
            raise _Failed(ContactProblem.TIMEOUT, "It did not show its ssh host key in time.")
        raise _Failed(ContactProblem.PROTOCOL, "It shows no ssh host key of a type that kvmweb supports.")

    def _scan(self, *kinds: str) -> str:
        question = self._question
        argv = _ssh.keyscan(question["address"], question["port"], kinds, seconds=self._left())
        done = _process.run(argv, deadline=self._left())
        for line in done.out.splitlines():
            key = " ".join(line.split()[1:3])
            try:
                fingerprint_of(key)
            except BadHostKey:
                continue
            return key
        return ""

    # libvirt

    def _open(self) -> None:
        import libvirt

        from hosts.facts.xml import BadXml
        from hosts.gateway._inventory import read_identity

        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        try:
            raw = libvirt.open(self._question["uri"])
            identity = read_identity(raw)
        except libvirt.libvirtError as error:
            self._diagnose(error)
        except BadXml as error:
            raise _Failed(ContactProblem.PROTOCOL, f"It sent capabilities that kvmweb does not read: {error}") from None
        else:
            self.say(identity={name: getattr(identity, name) for name in identity.__slots__}, message="")

    def _diagnose(self, error: Any) -> None:
        """By libvirt's code and the system's error number, and by asking the host itself, where that is possible."""
        code, message = error.get_error_code(), _errors.said(error)
        transport = self._question["transport"]
        if seen := _seen_from_here(self._question, error, seconds=self._left()):
            raise _Failed(seen, message)
        if code in _BY_CODE and (code != _errors.RPC or transport not in _ANYTHING_LISTENS):
            raise _Failed(_BY_CODE[code], message)
        rpc = error.get_error_domain() == _errors.FROM_RPC
        if self._question.get("ask"):
            self._ask(message, there=ContactProblem.DROPPED if rpc else ContactProblem.OTHER)
        # The port accepted us a moment ago: what fails now is the conversation.
        raise _Failed(ContactProblem.PROTOCOL if rpc else ContactProblem.OTHER, message)

    def _ask(self, message: str, *, there: ContactProblem = ContactProblem.OTHER) -> None:
        """`there`: the problem if libvirt is there and listens."""
        done = _process.run(self._question["ask"], deadline=self._left())
        if done.code is None:
            raise _Failed(ContactProblem.TIMEOUT, "ssh connected, but the login did not finish.")
        said = _last_line(done.err) or _last_line(message)
        if done.code == _ssh.SSH_FAILED:
            found = (problem for words, problem in _SSH_SAID.items() if words in done.err)
            raise _Failed(next(found, ContactProblem.OTHER), said)
        try:
            seen = libvirt_daemon.read(done.out, ())
        except NoAnswer:  # an account that may run nothing, such as one with nologin for its shell
            raise _Failed(ContactProblem.AUTH, _last_line(done.out) or said) from None
        if seen == "helpless" and self._question["transport"] == "unix":  # nothing but libvirt's socket is needed
            seen = "present"
        raise _Failed(_SEEN_THERE.get(seen, there), message)


def _seen_from_here(question: dict[str, Any], error: Any, *, seconds: float) -> ContactProblem | None:
    """What kvmweb's own machine can find out by itself: None is nothing."""
    if question["transport"] == "tls":
        port = question["port"] or DEFAULT_PORTS[Transport.TLS]
        return _tls.problem(Path(question["pki"]), question["address"], port, seconds=seconds)
    if question["transport"] == "unix" and error.get_error_code() == _errors.SYSTEM_ERROR:
        return _by_socket(error.get_int1())
    return None


def _by_socket(number: int) -> ContactProblem | None:
    """What is wrong with this machine's libvirt, by the error number its socket gave."""
    if number == errno.ECONNREFUSED or (number == errno.ENOENT and any(map(os.path.exists, _DAEMONS))):
        return ContactProblem.STOPPED
    return {errno.EACCES: ContactProblem.PERMISSION, errno.ENOENT: ContactProblem.NO_LIBVIRT}.get(number)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def _scan_name(kind: str) -> str:
    """The name ssh-keyscan has for a key type: "ssh-ed25519" -> "ed25519"."""
    if kind.startswith("ecdsa-"):
        return "ecdsa"
    return {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}.get(kind, kind)


if __name__ == "__main__":
    _Meeting(json.load(sys.stdin)).run()
