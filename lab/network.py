"""The lab's networks: a switch node with a bridge per network, a veth from it to every node, two to the machine itself.

The machine gets only `<prefix>-mgmt` and `<prefix>-guest`: by the first it reaches the hosts, by the second it hears
the guests. The migration network never leaves the lab.
"""

from __future__ import annotations

import ipaddress
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab import node
from lab.node import Process
from lab.run import LabError, run, tool

POOL = ipaddress.ip_network("10.213.0.0/16")
MACHINE, NAMES, STORAGE, TICKS, FIRST_HOST, FIRST_GUEST = 1, 2, 3, 4, 11, 101
"""Last byte of the addresses: the machine, the lab's dnsmasq, the Gluster server, nobody, kvm-a, the first guest."""

NETWORKS = ("mgmt", "mig", "guest")

NOBODY = "02:00:00:00:00:01"
"""The link address of TICKS, where the guests' ticks go (native/guest.c). No other guest shall hear them."""


@dataclass(frozen=True)
class Plan:
    """The three /24 of a lab, chosen by its index (0 to 63)."""

    prefix: str
    index: int

    def address(self, network: str, number: int) -> str:
        third = self.index * 4 + NETWORKS.index(network)
        return str(POOL.network_address + third * 256 + number)

    def machine_link(self, network: str) -> str:
        return f"{self.prefix}-{network}"


def free_index(prefix: str) -> int:
    """An index whose networks nothing on this machine uses; the same as last time for the same prefix if it can be.

    Call it, and make the links, under the lock "networks".
    """
    routes = json.loads(run([tool("ip"), "-json", "-4", "route", "show", "table", "all"]) or "[]")
    used = []
    for route in routes:
        if route["dst"] == "default" or ":" in route["dst"]:
            continue
        used.append(ipaddress.ip_network(route["dst"], strict=False))
    first = zlib.crc32(prefix.encode())
    for step in range(64):
        index = (first + step) % 64
        own = ipaddress.ip_network((int(POOL.network_address) + index * 1024, 22))
        # A route wider than ours (a VPN with all of 10/8) loses against ours; only ours would hide a narrower one.
        if not any(other.prefixlen >= 16 and other.overlaps(own) for other in used):
            return index
    raise LabError(f"no free networks for another lab in {POOL}")


def build_switch(switch: Process, plan: Plan) -> None:
    """Make the bridges and the machine's two links. IPv6 is off on all of them: the lab does not need it."""
    lines = ["link set lo up"]
    for name in NETWORKS:
        lines += [f"link add {name} type bridge stp_state 0 forward_delay 0", f"link set {name} up"]
    lines.append(f"address add {plan.address('mgmt', NAMES)}/24 dev mgmt")
    batch(switch, lines)
    for name in ("mgmt", "guest"):
        link = plan.machine_link(name)
        run([tool("ip"), "link", "add", link, "type", "veth", "peer", "name", "m-" + name, "netns", str(switch.pid)])
        _without_ipv6(link)
        run([tool("ip"), "address", "add", f"{plan.address(name, MACHINE)}/24", "dev", link])
        run([tool("ip"), "link", "set", link, "up"])
        batch(switch, [f"link set m-{name} master {name}", f"link set m-{name} up"])
    lead_nobody(switch, "m-guest")


def plug(switch: Process, target: Process, name: str, networks: Iterable[str]) -> None:
    """Give node `name` a link into each of `networks`, called there as the network is."""
    for network in networks:
        port = f"{network[:2]}-{name}"
        batch(
            switch,
            [
                f"link add {port} type veth peer name {network} netns {target.pid}",
                f"link set {port} master {network}",
                f"link set {port} up",
            ],
        )


def batch(target: Process, lines: list[str]) -> None:
    """Run lines of `ip` in a node's network."""
    node.run_in(target, [tool("ip"), "-batch", "-"], network_only=True, stdin="\n".join(lines) + "\n")


def lead_nobody(target: Process, port: str) -> None:
    """Let a node's bridge send what is for NOBODY to this port alone."""
    node.run_in(target, [tool("bridge"), "fdb", "add", NOBODY, "dev", port, "master", "static"], network_only=True)


def shape(target: Process, link: str, mbit: int | None) -> None:
    """Let at most `mbit` Mbit/s leave a node by `link`; None lifts the limit."""
    if mbit is None:
        node.run_in(target, [tool("tc"), "qdisc", "del", "dev", link, "root"], network_only=True, check=False)
        return
    rate = ["rate", f"{mbit}mbit", "burst", "128kb", "latency", "100ms"]
    command = [tool("tc"), "qdisc", "replace", "dev", link, "root", "tbf", *rate]
    node.run_in(target, command, network_only=True)


def remove_machine_links(prefix: str) -> None:
    """Remove what the lab put on the machine. Gone already when the switch is."""
    for network in NETWORKS:
        if Path(f"/sys/class/net/{prefix}-{network}").exists():
            run([tool("ip"), "link", "delete", f"{prefix}-{network}"], check=False)


def _without_ipv6(link: str) -> None:
    setting = Path(f"/proc/sys/net/ipv6/conf/{link}/disable_ipv6")
    if setting.exists():
        setting.write_text("1")
