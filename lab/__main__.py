"""The command line: `sudo python3 -m lab up | status | down | reset | ...`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from lab import roots
from lab.bringup import Wanted
from lab.guests import DEMO_SHAPE_MBIT, PROFILES
from lab.host import DAEMONS, Host
from lab.lab import Lab, none_runs, remove
from lab.network import NETWORKS
from lab.run import CommandFailed, LabError, NodeGone
from lab.state import DEFAULT_PREFIX

OWNED = (
    "A lab that was started by a process which still runs (make demo, make bench, tests) is left alone: it is removed "
    "when that process ends, and if it was killed, by the next 'up' of any lab."
)


def main() -> int:
    options = _parser().parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("lab: needs root (it makes namespaces and links): sudo python3 -m lab ...\n")
        return 2
    command: Callable[[argparse.Namespace], None] = options.run
    try:
        command(options)
    except CommandFailed as failure:
        sys.stderr.write(f"lab: {failure}\n")
        return failure.code or 1
    except NodeGone:
        sys.stderr.write(f"lab: {none_runs(options.prefix)}\n")  # it did when the command began
        return 1
    except LabError as error:
        sys.stderr.write(f"lab: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("lab: stopped by Ctrl-C\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Real libvirt hosts on this machine.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(
        name: str, run: Callable[[argparse.Namespace], None], text: str, more: str = ""
    ) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}. {more}")
        prefix = os.environ.get("KVMWEB_LAB_PREFIX", DEFAULT_PREFIX)
        one.add_argument("--prefix", default=prefix, help="which lab (default: $KVMWEB_LAB_PREFIX or demo)")
        one.set_defaults(run=run)
        return one

    _up_arguments(verb("up", _up, "start a lab, after removing what is left of one with this prefix", OWNED))
    verb("status", _status, "show the lab").add_argument("--json", action="store_true")
    verb("down", _down, "remove the lab and everything it made on this machine but its ssh keys", OWNED)
    verb("reset", _reset, "put the first guests back, delete everything else, heal the hosts")
    root = verb("root", _root, "make the root file system of a suite, print its path")
    root.add_argument("suite", nargs="?", help=f"{' or '.join(roots.SUITES.values())}; default: this machine's")
    verb("authorize", _authorize, "let a public key log in on all hosts").add_argument("file", type=Path)
    for name, run, text in (("virsh", _virsh, "run virsh"), ("exec", _exec, "run a command")):
        one = verb(name, run, f"{text} inside a host")
        one.add_argument("host")
        one.add_argument("command", nargs=argparse.REMAINDER)
    for name, text in (("kill", "SIGKILL"), ("stop", "SIGSTOP"), ("cont", "SIGCONT"), ("start", "start")):
        one = verb(name, _daemon, f"{text} a daemon of a host")
        one.set_defaults(verb=name)
        one.add_argument("host")
        one.add_argument("daemon", choices=list(DAEMONS))
    link = verb("link", _link, "pull or plug a cable of a host")
    link.add_argument("host")
    link.add_argument("which", choices=NETWORKS)
    link.add_argument("state", choices=["up", "down"])
    shape = verb("shape", _shape, "limit what a host sends on the migration network")
    shape.add_argument("host", help="a host or 'all'")
    shape.add_argument("mbit", help="Mbit/s or 'off'")
    return parser


def _up_arguments(up: argparse.ArgumentParser) -> None:
    up.add_argument("--hosts", type=int, default=2, metavar="N")
    up.add_argument("--rootfs", action="append", default=[], metavar="HOST=SUITE|DIR", help="give a host another root")
    up.add_argument("--no-guests", action="store_true")
    up.add_argument("--profile", choices=sorted(PROFILES), default="demo", help="size and speed of the guests")
    up.add_argument("--shape", metavar="MBIT", help=f"limit the migration network, or 'off' (demo: {DEMO_SHAPE_MBIT})")
    up.add_argument("--no-gluster", action="store_true", help="use the fallback for shared storage: a plain directory")


def _up(options: argparse.Namespace) -> None:
    shape = options.shape or (str(DEMO_SHAPE_MBIT) if options.profile == "demo" else "off")
    rootfs = {}
    for pair in options.rootfs:
        host, separator, root = pair.partition("=")
        if not separator:
            raise LabError(f"--rootfs wants HOST=SUITE or HOST=DIR, not {pair!r}")
        rootfs[host] = root
    wanted = Wanted(
        prefix=options.prefix,
        hosts=options.hosts,
        profile=options.profile,
        shape_mbit=_mbit(shape),
        use_gluster=not options.no_gluster,
        rootfs=rootfs,
    )
    Lab.up(wanted, with_guests=not options.no_guests)
    _status(argparse.Namespace(prefix=options.prefix, json=False))


def _status(options: argparse.Namespace) -> None:
    status = Lab.load(options.prefix).status()
    if options.json:
        print(json.dumps(status, indent=1))
        return
    print(f"lab {status['prefix']}: ticks arrive at {status['ticks']['address']}:{status['ticks']['port']}")
    if status["shared_storage"] == "glusterfs":
        print("shared storage: GlusterFS volume, pool testvms")
    else:
        print(f"shared storage: a plain directory ({status['fallback_reason']}); for libvirt its migrations are unsafe")
    for host in status["hosts"]:
        versions = f"{host['suite']}, libvirt {host['libvirt']}, QEMU {host['qemu']}"
        print(f"  {host['name']}  {host['address']}  migration {host['migration_address']}  {versions}")
    for guest in status["guests"]:
        print(f"  {guest['name']:<10} on {guest['host'] or 'no host'}  {guest['memory_mib']} MiB  {guest['address']}")


def _down(options: argparse.Namespace) -> None:
    print("removed" if remove(options.prefix) else f"there is no lab {options.prefix}")


def _reset(options: argparse.Namespace) -> None:
    Lab.load(options.prefix).reset()


def _root(options: argparse.Namespace) -> None:
    print(roots.ensure(options.suite or roots.native_suite()))


def _authorize(options: argparse.Namespace) -> None:
    Lab.load(options.prefix).authorize_key(options.file.read_text())


def _virsh(options: argparse.Namespace) -> None:
    print(_host(options).virsh(*options.command), end="")


def _exec(options: argparse.Namespace) -> None:
    print(_host(options).exec(*options.command, timeout=3600), end="")


def _daemon(options: argparse.Namespace) -> None:
    getattr(_host(options), f"{options.verb}_daemon")(options.daemon)


def _link(options: argparse.Namespace) -> None:
    _host(options).link(options.which, up=options.state == "up")


def _shape(options: argparse.Namespace) -> None:
    lab = Lab.load(options.prefix)
    if options.host == "all":
        lab.shape(_mbit(options.mbit))
    else:
        _host(options).shape(_mbit(options.mbit))


def _host(options: argparse.Namespace) -> Host:
    lab = Lab.load(options.prefix)
    if options.host not in lab.hosts:
        raise LabError(f"{options.host!r} is no host of lab {options.prefix}: {', '.join(lab.hosts)}")
    return lab.hosts[options.host]


def _mbit(text: str) -> int | None:
    if text == "off":
        return None
    if not text.isdigit() or int(text) == 0:
        raise LabError(f"{text!r} is no rate: whole Mbit/s, or 'off'")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
