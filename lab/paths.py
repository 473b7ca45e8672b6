"""Where the lab keeps things. Everything it writes on the machine is below these two folders."""

from __future__ import annotations

import os
from pathlib import Path

VERSION = 1
"""Raise it when a root or guest image made by older code must not be used again."""

STORE = Path(os.environ.get("KVMWEB_LAB_STORE", "/var/lib/kvmweb-lab"))
"""Survives a reboot: roots, guest images, the disks of running labs."""

RUN = Path("/run/kvmweb-lab")
"""State files and locks; empty after a reboot, as is the lab."""

ROOTS = STORE / "roots"
GUEST_IMAGES = STORE / "guest-images"
LABS = STORE / "labs"
CODE = Path(__file__).resolve().parent
