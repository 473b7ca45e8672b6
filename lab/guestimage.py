"""What the lab compiles: the guests' initramfs, and a library that keeps QEMU from three faults.

The guests are Debian's cloud kernel, its virtio modules and one static program as PID 1. There is no busybox: what a
guest has to do (native/guest.c) is a matter of timers, and a shell that starts a process for each step would do it as
fast as an emulated CPU happens to be.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from lab.paths import CODE, GUEST_IMAGES
from lab.run import run, tool

GUEST_SOURCE = CODE / "native" / "guest.c"
PRELOAD_SOURCES = [CODE / "native" / name for name in ("no_io_uring.c", "threads.c", "flush_tlb.c", "interrupts.c")]
PRELOAD_HEADER = CODE / "native" / "threads.h"
BOOT, PRELOAD = "boot", "qemu.so"
"""What `ensure` makes: the folder with `vmlinuz` and `initrd`, and the library."""

_FILE, _FOLDER, _CHARACTER_DEVICE = 0o100000, 0o040000, 0o020000


def ensure(root: Path) -> Path:
    """Return a folder with BOOT and PRELOAD, made with the kernel in `root`. Compiles once per source."""
    kernel = root / "usr/lib/kvmweb-guest"
    sources = [file.read_bytes() for file in (GUEST_SOURCE, *PRELOAD_SOURCES, PRELOAD_HEADER, Path(__file__))]
    target = GUEST_IMAGES / hashlib.sha256(b"".join([*sources, str(root).encode()])).hexdigest()[:12]
    if target.is_dir():
        return target
    GUEST_IMAGES.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=GUEST_IMAGES))
    fresh.chmod(0o755)
    try:
        program = fresh / "guest"
        run([tool("gcc"), "-static", "-O2", "-o", str(program), str(GUEST_SOURCE), "-lpthread"])
        library = ["-shared", "-fPIC", "-nostdlib", "-O2", "-o", str(fresh / PRELOAD)]
        run([tool("gcc"), *library, *map(str, PRELOAD_SOURCES)])
        (fresh / BOOT).mkdir()
        (fresh / BOOT / "initrd").write_bytes(gzip.compress(_archive(program, kernel / "modules"), 6))
        program.unlink()
        shutil.copy(kernel / "vmlinuz", fresh / BOOT / "vmlinuz")
        # Two labs may get here at once; the second uses what the first has made.
        if not target.is_dir():
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _archive(program: Path, modules: Path) -> bytes:
    """A cpio archive ("newc") as the kernel unpacks it."""
    entries = [
        _entry("dev", _FOLDER | 0o755),
        _entry("dev/console", _CHARACTER_DEVICE | 0o600, device=(5, 1)),
        _entry("modules", _FOLDER | 0o755),
        _entry("init", _FILE | 0o755, program.read_bytes()),
    ]
    for module in sorted(modules.iterdir()):
        entries.append(_entry(f"modules/{module.name}", _FILE | 0o644, module.read_bytes()))
    entries.append(_entry("TRAILER!!!", 0))
    return b"".join(entries)


def _entry(name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    encoded = os.fsencode(name) + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
