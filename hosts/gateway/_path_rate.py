"""What the path between two hosts carries: a short stream from one to the other, by QEMU's own tools on both.

Nothing of it comes through kvmweb, nothing is written anywhere, and nothing of it stays on a host, also when kvmweb
ends meanwhile.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hosts.gateway.port import GatewayError, HostConnection
from hosts.gateway.probes.listening_ports import listening_ports
from hosts.gateway.probes.rate_sink import FIRST_SECONDS, SECOND_SECONDS, rate_sink
from hosts.gateway.probes.rate_stream import rate_stream
from hosts.gateway.probes.resolved_address import resolved_address

#: libvirt's for migrations, which firewalls let through; it takes the lowest free one itself
PORTS = range(49152, 49216)
_MIB = 1024 * 1024
#: how long the second stream is to take
_WANTED_SECONDS = 2.0
#: of the first stream, and the most of the second
_FIRST_MIB, _MOST_MIB = 4, 4096
#: QEMU's tool tells no less
_LEAST_SECONDS = 0.001


def path_rate(source: HostConnection, target: HostConnection, address: str) -> float:
    """In bytes per second, from `source` to the migration address of `target`; it takes about three seconds, and for
    about two the path is full. Raises GatewayError when it cannot be told."""
    place = source.probe(resolved_address, address)
    used = target.probe(listening_ports)
    if place is None or used is None:
        raise GatewayError("A probe stream needs both hosts registered by ssh.")
    free = next((port for port in reversed(PORTS) if port not in used), None)
    if free is None:
        raise GatewayError(f"No port from {PORTS[0]} to {PORTS[-1]} is free on the destination.")
    with ThreadPoolExecutor(max_workers=1) as beside:
        sink = beside.submit(target.probe, rate_sink, place, str(free))
        try:
            return _streamed(source, place, free)
        except GatewayError:
            sink.result()  # if it could not listen, why not is the better reason
            raise


def _streamed(source: HostConnection, place: str, port: int) -> float:
    first = _sent(source, place, port, _FIRST_MIB, FIRST_SECONDS - 2)
    second = round(_WANTED_SECONDS / first * _FIRST_MIB)
    mib = min(max(second, _FIRST_MIB), _MOST_MIB)
    return mib * _MIB / _sent(source, place, port, mib, SECOND_SECONDS - 1)


def _sent(source: HostConnection, place: str, port: int, mib: int, patience: int) -> float:
    took = source.probe(rate_stream, place, str(port), str(mib), f"{patience}s")  # no word twice: it would be left out
    return max(took or 0.0, _LEAST_SECONDS)
