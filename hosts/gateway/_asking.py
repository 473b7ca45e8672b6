"""Asking a host's own system, where the transport reaches it."""

from __future__ import annotations

from typing import TypeVar

from hosts.facts.endpoint import Endpoint
from hosts.gateway import transports
from hosts.gateway._link import Link
from hosts.gateway.port import GatewayError
from hosts.gateway.probe import NoAnswer, Probe

T = TypeVar("T")


def ask(link: Link, endpoint: Endpoint, probe: Probe[T], *words: str) -> T | None:
    """None where only libvirt can be asked. Raises GatewayError when there is no answer."""
    shell = transports.row(endpoint.transport).shell
    if shell is None:
        return None
    asked = probe.words(words)
    if probe.paths and not asked:
        return probe.read("", ())
    done = shell(endpoint, [*probe.command, *asked], deadline=link.deadline)
    try:
        if done.code != 0:
            raise NoAnswer
        return probe.read(done.out, asked)
    except ValueError:  # NoAnswer, or text that no parser expected
        raise GatewayError(f"{link.name} could not {probe.asks}: {done.err.strip()[:500]}") from None
