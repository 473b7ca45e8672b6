"""Root file systems for lab hosts, made by mmdebstrap.

Nothing of libvirt, QEMU, Gluster or PostgreSQL gets installed on the user's machine: installing starts services and
may replace what runs there. A root is unpacked once, never written to again, and shared by all lab hosts of its suite.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.paths import CODE, ROOTS, VERSION
from lab.run import CommandFailed, LabError, run, tool

SUITES = {"12": "bookworm", "13": "trixie"}

_COMMON = (
    "dnsmasq-base",
    "glusterfs-client",
    "glusterfs-server",
    "iproute2",
    "iptables",
    "libvirt-clients",
    "libvirt-daemon-system",
    "netcat-openbsd",
    "nftables",
    "openssh-client",
    "openssh-server",
    "procps",
    "qemu-system-x86",
    "qemu-utils",
    "swtpm",
    "swtpm-tools",
)
# Debian 13 splits off what Debian 12 has in one; without the interface driver bridges cannot be seen over plain TCP.
_PER_SUITE: dict[str, tuple[str, ...]] = {
    "bookworm": (),
    "trixie": ("libvirt-daemon-lock", "libvirt-daemon-driver-interface"),
}
_EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/icons/*")


def native_suite() -> str:
    """The Debian suite of this machine. LabError when it is none the lab knows."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = SUITES.get(release.get("VERSION_ID", "").strip('"'))
    if release.get("ID", "").strip('"') != "debian" or suite is None:
        raise LabError("the lab makes its hosts from Debian packages and needs Debian 12 or 13 to run on")
    return suite


def packages(suite: str) -> tuple[str, ...]:
    """What a root of `suite` holds. The native one also has the PostgreSQL that the test suite starts, and what a guest
    with an agent is given (guestimage.py)."""
    wanted = [*_COMMON, *_PER_SUITE[suite]]
    if suite == native_suite():
        wanted += ["postgresql", "qemu-guest-agent", "util-linux-extra"]
    return tuple(sorted(wanted))


def path(suite: str) -> Path:
    """Where the root of `suite` is (or will be): the name changes with its content's recipe."""
    if suite not in _PER_SUITE:
        raise LabError(f"unknown suite {suite!r}: choose from {', '.join(sorted(_PER_SUITE))}")
    recipe = [str(VERSION), *packages(suite), *_EXCLUDED, (CODE / "root_hook.py").read_text()]
    return ROOTS / f"{suite}-{hashlib.sha256(chr(10).join(recipe).encode()).hexdigest()[:10]}"


def ensure(suite: str) -> Path:
    """Return the root of `suite`. Makes it first if needed: half a minute, 600 MB. Safe to call twice at once."""
    target = path(suite)
    if target.is_dir():
        return target
    ROOTS.mkdir(parents=True, exist_ok=True)
    with _locked(ROOTS / f".lock-{suite}"):
        if target.is_dir():
            return target
        for leftover in ROOTS.glob(f".new-{suite}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        _make(suite, target)
    return target


def resolve(suite_or_folder: str) -> tuple[Path, str]:
    """Turn `trixie` or a folder into (root, suite name for people)."""
    if "/" not in suite_or_folder:
        return ensure(suite_or_folder), suite_or_folder
    folder = Path(suite_or_folder).resolve()
    if not (folder / "usr/sbin/libvirtd").exists():
        raise LabError(f"{folder} is not a root with libvirtd in it")
    release = (folder / "etc/os-release").read_text() if (folder / "etc/os-release").exists() else ""
    names = [line.split("=", 1)[1].strip('"') for line in release.splitlines() if line.startswith("VERSION_CODENAME=")]
    return folder, names[0] if names else folder.name


def _make(suite: str, target: Path) -> None:
    for attempt in (1, 2):
        fresh = Path(tempfile.mkdtemp(prefix=f".new-{suite}-", dir=ROOTS))
        fresh.chmod(0o755)
        try:
            _mmdebstrap(suite, fresh)
        except CommandFailed as failure:
            shutil.rmtree(fresh, ignore_errors=True)
            if attempt == 2:
                raise LabError(f"mmdebstrap could not make a {suite} root: {failure.output[-3000:]}") from failure
        else:
            fresh.rename(target)
            return


def _mmdebstrap(suite: str, fresh: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
        settings.write(_apt_settings())
        settings.flush()
        command = [
            *_contained(),
            tool("mmdebstrap"),
            "--quiet",
            "--mode=root",
            "--variant=minbase",
            "--format=directory",
        ]
        command += [f"--aptopt={settings.name}", '--aptopt=APT::Install-Recommends "false"']
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in _EXCLUDED]
        command += ["--dpkgopt=force-confold", "--dpkgopt=force-unsafe-io"]
        command += [f"--essential-hook={CODE / 'root_hook.py'}", f"--customize-hook={CODE / 'root_hook.py'}"]
        command += [f"--include={','.join(packages(suite))}", suite, str(fresh), *_sources(suite)]
        run(command, timeout=1800)


def _contained() -> list[str]:
    """Makes what follows die with us, and keeps its mounts (of /proc, /sys, /dev) out of the machine's view.

    Otherwise a `kill -9` would leave those mounts in the half-made root, for the next clean-up to run into.
    """
    dying = [tool("setpriv"), "--pdeathsig", "KILL"]
    return [*dying, tool("unshare"), "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL", "--"]


def _apt_settings() -> str:
    """This machine's ways to reach its mirror: proxies, time-outs, retries."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Retries", "Acquire::ForceIP", "Acquire::Check-Valid")
    lines = [line for line in run([tool("apt-config"), "dump"]).splitlines() if line.startswith(wanted)]
    return "\n".join([*lines, 'Acquire::Retries "3";', ""])


def _sources(suite: str) -> list[str]:
    """The machine's own Debian sources, with its suite replaced by the wanted one."""
    own = native_suite()
    form = "$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    rows = [line.split("|") for line in run([tool("apt-get"), "indextargets", "--format", form]).splitlines()]
    endings = ("", "-updates", "-security")
    found = {
        (uri.rstrip("/"), f"{suite}{ending}")
        for creator, uri, release, component in (row for row in rows if len(row) == 4)
        for ending in endings
        if creator == "Packages" and component == "main"
        if release in (f"{own}{ending}", f"stable{ending}")
    }
    debian = {(uri, release) for uri, release in found if "debian" in uri} or found
    if not any(release == suite for _, release in debian):
        raise LabError("apt on this machine has no Debian source with component main")
    return [f"deb {uri} {release} main" for uri, release in sorted(debian, key=lambda pair: pair[1])]


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    handle = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
