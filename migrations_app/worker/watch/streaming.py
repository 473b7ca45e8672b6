"""Act: the disks of a VM that its host cannot start, copied through kvmweb part by part.

Each part is written down before it is copied, and compared after it: whoever continues begins with the first one that
was not compared yet.
"""

from __future__ import annotations

import time
from functools import partial

from hosts.facts.storage import DiskPlace, Part
from hosts.gateway.port import GatewayError
from kvmweb.steps import NotDone, Steps, StepState
from migrations_app.domain.orders.bandwidth_mib import ORDER as BANDWIDTH
from migrations_app.domain.outcome import patience
from migrations_app.domain.preflight.shared import size
from migrations_app.domain.preflight.streams import parts
from migrations_app.models.migration import STREAM_PART
from migrations_app.worker.heartbeat import Heartbeat
from migrations_app.worker.held import Held
from migrations_app.worker.policy_start import options_in_effect
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.alone import Alone
from migrations_app.worker.steps.copy_content import file_size, modified
from migrations_app.worker.steps.stream_part import StreamPart
from migrations_app.worker.watch.copy_numbers import CopyNumbers
from migrations_app.worker.watch.placed_disks import old_places, places_of
from migrations_app.worker.watch.steering import Steering

LOOK_SECONDS = 0.5
#: a host may say that something is wrong when only its connection is: so many tries at least
_FEWEST_TRIES = 5
_MIB = 1024**2


class Pace:
    """Waits, so that no more is transferred than allowed."""

    def __init__(self) -> None:
        self._free_at = time.monotonic()

    def sent(self, count: int, limit_mib: int) -> None:
        now = time.monotonic()
        if not limit_mib:
            self._free_at = now
            return
        self._free_at = max(self._free_at, now - LOOK_SECONDS) + count / (limit_mib * _MIB)
        if self._free_at > now:
            time.sleep(min(self._free_at - now, LOOK_SECONDS))


class Streaming:
    """`trouble`: why it cannot go on."""

    def __init__(
        self, held: Held, source: SteadyConnection, target: SteadyConnection, heart: Heartbeat, steering: Steering
    ) -> None:
        self._held = held
        self._source = source
        self._target = target
        self._heart = heart
        self._steering = steering
        self._sizes: dict[str, int] = held.row.stream["sizes"]
        self._numbers = CopyNumbers(held, sum(self._sizes.values()))
        self._pace = Pace()
        self._looked_at = time.monotonic()
        #: when the part that is copied now was refused first, and how often it was
        self._refused_at = 0.0
        self._refused = 0
        self.trouble = ""

    @property
    def copied(self) -> bool:
        return sum(self._compared().values()) == sum(self._sizes.values())

    def copy(self) -> None:
        """From the first part that was not compared yet, to the end or to the first trouble."""
        row = self._held.row
        with Alone((self._source, row.source_host_uuid), (self._target, row.target_host_uuid)) as hosts:
            self._copy(hosts)

    def _copy(self, hosts: Alone) -> None:
        steps, compared = Steps(self._held), self._compared()
        for step in self._plan(hosts):
            where = step.target, step.part.offset
            if where in compared:
                continue
            self._numbers.begin_at(2 * sum(compared.values()))
            try:
                steps.go([step])
            except NotDone as error:
                self._broke(step, error)
                return
            compared[where] = step.part.length
            self._refused = 0
            self._numbers.own()
            if step.part.offset + step.part.length >= self._sizes[step.target]:
                self._held.note(f"Disk {step.target} is on {self._target.host}; the checksums are the same.")

    def changed(self) -> str:
        """Why what was copied is not the disks any more, "" when it is. Raises GatewayError."""
        row = self._held.row
        for target, place in old_places(row).items():
            now = self._source.call(partial(modified, place=place))
            if now != row.stream["modified"].get(target):
                return f"Disk {target} was written to on {row.source} while it was copied."
            copy = places_of(row)[target]
            if self._target.call(partial(file_size, place=copy)) != self._sizes[target]:
                return f"{copy.path} on {row.target} has another size than disk {target}."
        return ""

    def _plan(self, hosts: Alone) -> list[StreamPart]:
        row = self._held.row
        old, new = old_places(row), places_of(row)
        return [
            self._step(hosts, target, old[target], new[target], part)
            for target, length in self._sizes.items()
            for part in parts(length)
        ]

    def _step(self, hosts: Alone, target: str, old: DiskPlace, new: DiskPlace, part: Part) -> StreamPart:
        return StreamPart(
            hosts=hosts,
            target=target,
            old=old,
            new=new,
            part=part,
            copying=self._copying,
            comparing=self._comparing,
        )

    def _compared(self) -> dict[tuple[str, int], int]:
        """The parts that are the same on both hosts: their lengths by disk and offset."""
        return {
            (written.about["target"], written.about["offset"]): written.about["length"]
            for written in self._held.read()
            if written.step == STREAM_PART and written.state is StepState.VERIFIED
        }

    def _broke(self, step: StreamPart, error: NotDone) -> None:
        """The next look tells whether both hosts answer; then the part begins again. Not for ever when a host refuses
        it, and not when the content is not the same."""
        if self._steering.cancel or self._source.look(self._held.guest).active:
            return
        if error.certain and (not isinstance(error.__cause__, GatewayError) or self._refused_too_long()):
            self.trouble = f"Disk {step.target} could not be copied: {error}."
            return
        self._held.note_once(
            f"The stream of disk {step.target} broke: {error}. It goes on at {size(step.part.offset)}; what is before"
            " that was compared."
        )

    def _refused_too_long(self) -> bool:
        now = time.monotonic()
        self._refused_at = self._refused_at if self._refused else now
        self._refused += 1
        return self._refused >= _FEWEST_TRIES and now - self._refused_at >= patience.STORAGE_S

    # --- while it reads ---------------------------------------------------------------------------------------------

    def _copying(self, read: int, sent: int) -> bool:
        self._pace.sent(sent, self._limit)
        return self._comparing(read, sent)

    def _comparing(self, read: int, _sent: int) -> bool:
        """Whether to go on: not when it was cancelled or the VM was started. Raises LostClaim."""
        self._numbers.read_more(read)
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return True
        self._looked_at = now
        self._heart.check()
        self._steering.news()
        self._set_limit()
        self._numbers.own()
        return not self._steering.cancel and not self._source.look(self._held.guest).active

    @property
    def _limit(self) -> int:
        """MiB/s, 0 for none."""
        options = options_in_effect(self._held.row)
        asked = self._held.row.stream.get("bandwidth_mib")
        return int((options.disk_bandwidth_mib or options.bandwidth_mib or 0) if asked is None else asked)

    def _set_limit(self) -> None:
        for order in self._steering.of(BANDWIDTH.what):
            self._held.update(stream={**self._held.row.stream, "bandwidth_mib": order.value})
            self._steering.kept(order, f"kvmweb keeps to this bandwidth limit: {BANDWIDTH.shown(order.value)}.")
