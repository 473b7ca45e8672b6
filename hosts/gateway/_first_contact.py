"""A first contact runs in a child process, because `libvirt.open` can hang and cannot be interrupted."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from hosts.facts.contact import Contact, ContactProblem
from hosts.facts.endpoint import Endpoint
from hosts.facts.host import HostIdentity
from hosts.facts.host_key import BadHostKey, fingerprint_of
from hosts.gateway import _process, _ssh, _tls, transports
from hosts.gateway.port import GatewayError
from hosts.gateway.probes.libvirt_daemon import libvirt_daemon

_ROOT = Path(__file__).resolve().parents[2]
#: kept back from the deadline, so that the child can still say how far it came
_LAST_WORDS_SECONDS = 0.3


def meet(endpoint: Endpoint, *, deadline: float) -> Contact:
    """Never raises. The child reports each step; when it is killed, its last report counts."""
    started = time.monotonic()
    try:
        question = _question(endpoint, deadline)
        done = _process.run(
            [sys.executable, "-m", "hosts.gateway._first_contact_child"],
            deadline=deadline,
            stdin=json.dumps(question).encode(),
            environment=_environment(),
        )
    except _tls.TlsFailed as failed:
        return Contact(problem=failed.problem, message=failed.message, seconds=time.monotonic() - started)
    except (GatewayError, OSError) as error:
        return Contact(problem=ContactProblem.OWN_MACHINE, message=str(error), seconds=time.monotonic() - started)
    seconds = time.monotonic() - started
    return _contact(done, seconds)


def _question(endpoint: Endpoint, deadline: float) -> dict[str, Any]:
    question: dict[str, Any] = {
        "transport": endpoint.transport.value,
        "address": endpoint.address,
        "port": endpoint.port,
        "host_key": endpoint.host_key,
        "seconds": max(0.5, deadline - _LAST_WORDS_SECONDS),
        "uri": "",
        "pki": "",
        "ask": [],
    }
    way = transports.row(endpoint.transport)
    if way.certified:
        pki = _tls.place()
        _tls.check_files(pki)
        question |= {"pki": str(pki), "uri": transports.connection_uri(endpoint, pki=pki)}
    elif not way.wrapped:
        question["uri"] = transports.connection_uri(endpoint)
        question["ask"] = [] if endpoint.address else list(libvirt_daemon.command)
    elif endpoint.host_key:
        question["uri"] = transports.connection_uri(endpoint, ssh=_ssh.wrapper(endpoint))
        question["ask"] = _ssh.command(endpoint, libvirt_daemon.command)
    return question


def _environment() -> dict[str, str]:
    """English messages of ssh, and this code, wherever the parent was started."""
    return {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def _contact(done: _process.Finished, seconds: float) -> Contact:
    reports = [report for line in done.out.splitlines() if (report := _report(line))]
    last = reports[-1] if reports else {}
    seen: dict[str, Any] = {"seconds": seconds}
    try:
        key = str(last.get("host_key", ""))
        if key:
            seen |= {"fingerprint": fingerprint_of(key), "host_key": key}
        message = str(last.get("message", ""))
        if done.code != 0:
            problem = ContactProblem.TIMEOUT if done.code is None else ContactProblem.OWN_MACHINE
            return Contact(problem=problem, message=message or done.err.strip()[-500:], **seen)
        if last.get("problem"):
            return Contact(problem=ContactProblem(last["problem"]), message=message, **seen)
        return Contact(identity=HostIdentity(**last["identity"]), **seen)
    except (BadHostKey, ValueError, KeyError, TypeError):
        return Contact(problem=ContactProblem.PROTOCOL, message="It sent an answer that is not valid.", seconds=seconds)


def _report(line: str) -> dict[str, Any]:
    try:
        report = json.loads(line)
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}
