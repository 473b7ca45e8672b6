"""Real libvirt hosts on one Linux machine, for `make demo` and the tests. Needs root. See `python3 -m lab --help`.

from lab import Lab, Wanted, TickReceiver
lab = Lab.up(Wanted(prefix="test"))         # or Lab.load("test")
lab.hosts["kvm-a"].virsh("list", "--all")
with TickReceiver(*lab.ticks_address) as ticks: ...
lab.down()
"""

from __future__ import annotations

from lab.bringup import Wanted
from lab.host import Host
from lab.lab import Lab, remove
from lab.run import CommandFailed, LabError
from lab.state import GuestSpec
from lab.ticks import Tick, TickReceiver

__all__ = ["CommandFailed", "GuestSpec", "Host", "Lab", "LabError", "Tick", "TickReceiver", "Wanted", "remove"]
