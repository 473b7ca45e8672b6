"""The answers to the probes that are asked of a side before every migration: what a check looks at as
`facts.target.told["name of the probe"]` needs no collector of its own."""

from __future__ import annotations

import hosts.gateway.probes  # noqa: F401  registers them
from hosts.gateway.probe import PROBES, Asked, Probe
from migrations_app.worker.facts.side import Side, ssh_only


def told(side: Side, role: Asked) -> dict[str, object]:
    return {probe.name: _answer(probe, side) for probe in PROBES.values() if role in probe.asked}


def _answer(probe: Probe[object], side: Side) -> object:
    found = side.learn(lambda c: c.probe(probe))
    return ssh_only(side) if found is None else found
