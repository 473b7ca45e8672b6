"""PID 1 of a lab node: builds the node's own view of a root, changes into it, then only reaps processes.

Run by path as `python3 -I -S init.py MARKER CONFIG.json`, prints the pid (as seen from outside) once the node is ready.
It must import nothing after the pivot, because the machine's files are gone by then, and it must reap: a PID 1 that
does not leaves every dead QEMU as a zombie, and libvirt then waits 40 s for each of them.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from typing import Any, NoReturn

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
NEW_MOUNT, NEW_UTS, NEW_IPC, NEW_PID, NEW_NET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun", "fuse")
"""No kvm among them: the lab must behave the same on every machine, so its guests are always emulated."""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(name: str, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    encoded = (source.encode(), target.encode(), kind.encode() or None)
    _checked("mount", *encoded, ctypes.c_ulong(flags), options.encode() or None)


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Show `source` (folder or file) at `target`, which is created if it is not there."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o666))
    mount(source, target, "", MS_BIND)
    if read_only:
        mount("none", target, "", MS_BIND | MS_REMOUNT | MS_RDONLY)


def mount_overlay(config: dict[str, Any]) -> None:
    """The shared root below, the node's own changes above.

    A folder that cannot be the upper layer (it lies on an overlay itself, as in a container) is replaced by memory.
    """
    base, target = config["folder"], config["mountpoint"]
    for attempt in ("disk", "memory"):
        for name in ("upper", "work"):
            os.makedirs(f"{base}/{name}", exist_ok=True)
        options = f"lowerdir={config['root']},upperdir={base}/upper,workdir={base}/work"
        try:
            mount("overlay", target, "overlay", 0, options)
            return
        except OSError:
            if attempt == "memory":
                raise
            mount("tmpfs", base, "tmpfs", 0, "mode=0755")


def mount_devices(root: str) -> None:
    mount("tmpfs", f"{root}/dev", "tmpfs", MS_NOSUID, "mode=0755,size=1m")
    for device in DEVICES:
        if os.path.exists(f"/dev/{device}"):
            bind(f"/dev/{device}", f"{root}/dev/{device}")
    for folder in ("pts", "shm"):
        os.mkdir(f"{root}/dev/{folder}")
    mount("devpts", f"{root}/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    mount("tmpfs", f"{root}/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        os.symlink(f"/proc/self/{target}" if target.startswith("fd/") else target, f"{root}/dev/{name}")


def write_files(root: str, files: list[dict[str, Any]]) -> None:
    """Write the node's own files: `path`, `text`, octal `mode`, `owner` (uid, also used as gid)."""
    for file in files:
        path = root + file["path"]
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            os.makedirs(folder)
            os.chown(folder, file["owner"], file["owner"])
        # Removed first: it may be a link that leads out of the root.
        if os.path.lexists(path):
            os.unlink(path)
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(file["text"])
        os.chmod(path, file["mode"])
        os.chown(path, file["owner"], file["owner"])


def enter_root(config: dict[str, Any]) -> None:
    """Build the node's file systems and make them the only ones this process can see."""
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    root = config["mountpoint"]
    mount_overlay(config)
    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("sysfs", f"{root}/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount_devices(root)
    mount("tmpfs", f"{root}/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    mount("tmpfs", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    for folder in config["folders"]:
        os.makedirs(root + folder, exist_ok=True)
    for source, target, read_only in config["binds"]:
        bind(source, root + target, read_only=read_only)
    write_files(root, config["files"])
    os.chdir(root)
    _checked("pivot_root", b".", b".")
    _checked("umount2", b".", MNT_DETACH)
    os.chdir("/")


def reap_forever() -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
        except ChildProcessError:
            pass
        signal.sigwait({signal.SIGCHLD})


def become_init(config: dict[str, Any], ready: int) -> NoReturn:
    try:
        log = os.open(config["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.umask(0o022)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
        socket.sethostname(config["hostname"])
        enter_root(config)
    except OSError as error:
        os.write(ready, f"{error}".encode())
        os._exit(1)
    os.write(ready, b"ready")
    os.close(ready)
    reap_forever()


def main() -> None:
    with open(sys.argv[2]) as stream:
        config = json.load(stream)
    os.setsid()
    _checked("unshare", NEW_MOUNT | NEW_UTS | NEW_IPC | NEW_PID | NEW_NET)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        become_init(config, writing)
    os.close(writing)
    answer = os.read(reading, 4096).decode()
    if answer != "ready":
        sys.exit(answer or "PID 1 of the node ended at once")
    sys.stdout.write(f"{child}\n")


if __name__ == "__main__":
    main()
