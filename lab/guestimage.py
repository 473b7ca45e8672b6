"""What the lab compiles: the guests' initramfs, and a library that keeps QEMU from three faults.

The guests are Debian's cloud kernel, its virtio modules and one static program as PID 1. There is no busybox: what a
guest has to do (native/guest.c) is a matter of timers, and a shell that starts a process for each step would do it as
fast as an emulated CPU happens to be.

A guest with an agent (`AGENT_INITRD`) has Debian's qemu-ga besides, with the libraries and programs that it uses.
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
"""What `ensure` makes: the folder with `vmlinuz`, `initrd` and AGENT_INITRD, and the library."""

AGENT_INITRD = "initrd-agent"
_AGENT_PROGRAMS = ("/usr/sbin/qemu-ga", "/sbin/hwclock")
_FILE, _FOLDER, _CHARACTER_DEVICE, _LINK = 0o100000, 0o040000, 0o020000, 0o120000


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
        plain = gzip.compress(_archive(program, kernel / "modules"), 6)
        (fresh / BOOT / "initrd").write_bytes(plain)
        # the kernel unpacks one archive after the other
        (fresh / BOOT / AGENT_INITRD).write_bytes(plain + gzip.compress(_agent_archive(root, kernel), 6))
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
    return b"".join(
        [
            _entry("dev", _FOLDER | 0o755),
            _entry("dev/console", _CHARACTER_DEVICE | 0o600, device=(5, 1)),
            _entry("modules", _FOLDER | 0o755),
            _entry("init", _FILE | 0o755, program.read_bytes()),
            *_modules(modules),
            _entry("TRAILER!!!", 0),
        ]
    )


def _agent_archive(root: Path, kernel: Path) -> bytes:
    """What is unpacked over that. The agent shuts down with /sbin/shutdown: native/guest.c is that as well."""
    linked = run([tool("chroot"), str(root), "ldd", *_AGENT_PROGRAMS])
    libraries = {word for line in linked.splitlines() for word in line.split() if word.startswith("/")}
    files = sorted({*_AGENT_PROGRAMS, *(name for name in libraries if not name.endswith(":"))})
    folders = {str(folder) for file in files for folder in Path(file).parents} - {"/"}
    return b"".join(
        [
            *(_entry(folder[1:], _FOLDER | 0o755) for folder in sorted(folders | {"/etc", "/run", "/var", "/var/run"})),
            *(_entry(file[1:], _FILE | 0o755, _inside(root, file).read_bytes()) for file in files),
            _entry("sbin/shutdown", _LINK | 0o777, b"/init"),
            *_modules(kernel / "agent-modules"),
            _entry("TRAILER!!!", 0),
        ]
    )


def _inside(root: Path, file: str) -> Path:
    """Links of the root lead into the root."""
    return root / run([tool("chroot"), str(root), "readlink", "--canonicalize", file]).strip().lstrip("/")


def _modules(folder: Path) -> list[bytes]:
    files = sorted(folder.iterdir())
    return [_entry(f"modules/{module.name}", _FILE | 0o644, module.read_bytes()) for module in files]


def _entry(name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    encoded = os.fsencode(name) + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
