"""What is felt of a switchover from outside: a probe is sent to the VM again and again, and its answers are counted."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: what came before the switchover is forgotten after so long, in seconds
KEPT_SECONDS = 10.0
#: probes, about half an hour of silence: then nothing is measured any more
MOST_KEPT = 100_000


def read_network(text: str) -> Network:
    """A network that may be probed. ValueError says, as a sentence, why it is none."""
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError:
        raise ValueError("Enter a network such as 198.51.100.0/24 or 2001:db8::/64, without host bits.") from None
    if network.prefixlen == 0:
        raise ValueError("This is every address. Name the networks that VMs are in.")
    if _never(network.network_address) or _never(network.broadcast_address):
        raise ValueError("Loopback, link-local, multicast and reserved addresses are never probed.")
    return network


def read_address(text: str) -> Address:
    """The address of a VM. ValueError says, as a sentence, why it is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        raise ValueError("Enter an IP address such as 198.51.100.17.") from None
    if _never(address):
        raise ValueError("Loopback, link-local, multicast and reserved addresses are never probed.")
    return address


def is_address(text: str) -> bool:
    """Of one VM, as other machines know it."""
    try:
        read_address(text)
    except ValueError:
        return False
    return True


def may_probe(text: str, networks: Iterable[str]) -> bool:
    """Whether this address, whoever reported it, is in a network that an admin named."""
    if not is_address(text):
        return False
    address = read_address(text)
    return any(_holds(ipaddress.ip_network(network), address) for network in networks)


def _holds(network: Network, address: Address) -> bool:
    if address.version != network.version or address not in network:
        return False
    edges = (network.network_address, network.broadcast_address)
    return network.prefixlen >= network.max_prefixlen - 1 or address not in edges


def _never(address: Address) -> bool:
    """Also an IPv6 address that stands for an IPv4 one."""
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id):
        return True
    other = address.is_loopback or address.is_link_local or address.is_multicast
    return other or address.is_unspecified or address.is_reserved


@dataclass(slots=True)
class Course:
    """The probes of one VM: numbers in the order in which they were sent, times in seconds of one clock. `every`: so
    long it is between two of them, where whoever sends is not held up."""

    every: float
    _sent: dict[int, float] = field(default_factory=dict)
    _answered: dict[int, float] = field(default_factory=dict)
    #: nothing is forgotten any more
    kept: bool = False
    #: when the first answer came, also one that is forgotten
    first_answer: float | None = None

    def sent(self, number: int, at: float) -> None:
        self._sent[number] = at

    def answered(self, number: int, at: float) -> None:
        """A second answer to one probe is none."""
        if number in self._sent and number not in self._answered:
            self._answered[number] = at
            self.first_answer = at if self.first_answer is None else self.first_answer
            if not self.kept:
                self._forget(at - KEPT_SECONDS)

    @property
    def full(self) -> bool:
        return len(self._sent) >= MOST_KEPT

    def go_on(self) -> None:
        """It runs where it ran: that it stood still before was not the switchover."""
        if self.kept:
            self.kept = False
            self._sent.clear()
            self._answered.clear()

    def answers_since(self, moment: float) -> bool:
        """Whether a probe that was sent after this moment was answered."""
        return any(self._sent[number] >= moment for number in self._answered)

    def measured(self, silent_at: float | None = None) -> dict[str, int] | None:
        """{"sent", "lost", "longest_ms"}, from the first answer to the last; None before the first. `silent_at`: it is
        silent now, so that all counts up to this moment."""
        if not self._answered:
            return None
        first, last = min(self._answered), max(self._answered)
        sent = [number for number in self._sent if number >= first and (silent_at is not None or number <= last)]
        lost = sum(number not in self._answered for number in sent)
        return {"sent": len(sent), "lost": lost, "longest_ms": round(self._longest(silent_at) * 1000)}

    def _longest(self, silent_at: float | None) -> float:
        """Silence, in seconds: between an answer and the next, as far as there were probes to tell it."""
        moments = sorted(self._answered.values())
        longest = max((self._silent(a, b) for a, b in itertools.pairwise(moments)), default=0.0)
        return longest if silent_at is None else max(longest, silent_at - moments[-1])

    def _silent(self, begin: float, end: float) -> float:
        """Between two answers. What nobody asked for, on a busy machine or because it was calm, nobody knows: the pause
        before the first probe that was not answered by then, and the one between the last of these and the probe that
        ended it. Without such a probe there was no silence, else it began and ended in the middle of these pauses."""
        if end - begin <= self.every:
            return end - begin
        waiting = sorted(at for number, at in self._sent.items() if self._waits(number, at, begin, end))
        ender = max((self._sent[number] for number, at in self._answered.items() if at == end), default=end)
        before = [at for at in waiting if at < ender]
        prompt = end - ender <= self.every
        pauses = [waiting[0] - begin] if waiting else []
        if before and prompt:
            pauses.append(ender - before[-1])
        unknown = sum(max(0.0, pause - self.every) for pause in pauses)
        return end - begin - (unknown if prompt and not before else unknown / 2)

    def _waits(self, number: int, sent: float, begin: float, end: float) -> bool:
        """Whether this probe was on its way, unanswered, between the two."""
        answered = self._answered.get(number)
        return begin < sent < end if answered is None else sent < end <= answered

    def _forget(self, before: float) -> None:
        """Up to the last but one answer before this moment: a silence that has begun by then is still measured."""
        old = [number for number, at in self._answered.items() if at < before]
        if len(old) > 1:
            last = max(old)
            for number in [number for number in self._sent if number < last]:
                del self._sent[number]
                self._answered.pop(number, None)
