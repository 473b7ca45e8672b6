"""The files in which a lab host differs from the shared root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.node import NodeFile

ACCOUNTS = {"vmadmin": 2001, "outsider": 2002}
"""Users besides root: vmadmin is in group libvirt, outsider is not (to test what "permission denied" looks like)."""

PRELOAD = "/usr/local/lib/kvmweb-lab/qemu.so"
"""Loaded into every program of a host; lab/native says why: no_io_uring.c, flush_tlb.c, interrupts.c."""

_QEMU_CONF = """\
security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = []
namespaces = []
remember_owner = 0
"""

_SSHD_CONFIG = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
MaxStartups 100
PrintMotd no
Subsystem sftp internal-sftp
"""

_SSH_CONFIG = """\
Host *
    BatchMode yes
    StrictHostKeyChecking yes
    GlobalKnownHostsFile none
    UserKnownHostsFile /root/.ssh/known_hosts
"""


@dataclass(frozen=True)
class KeyPair:
    """An ssh key as two texts."""

    private: str
    public: str


@dataclass(frozen=True)
class Signed:
    """A certificate with its key and who signed it: three PEM texts."""

    ca: str
    certificate: str
    key: str


@dataclass(frozen=True)
class Identity:
    """What makes a host itself. `authorized` and `known_hosts` are lines of the files of those names."""

    name: str
    uuid: str
    host_key: KeyPair
    root_key: KeyPair
    authorized: list[str]
    known_hosts: list[str]
    tls: Signed


def libvirtd_conf(uuid: str) -> str:
    return "\n".join(
        [
            "listen_tls = 1",
            "listen_tcp = 1",
            'listen_addr = "0.0.0.0"',
            'auth_tcp = "none"',
            'auth_unix_ro = "none"',
            'auth_unix_rw = "none"',
            'unix_sock_group = "libvirt"',
            'unix_sock_ro_perms = "0777"',
            'unix_sock_rw_perms = "0770"',
            f'host_uuid = "{uuid}"',
            'log_outputs = "2:file:/var/log/libvirt/libvirtd.log"',
            "",
        ]
    )


def resolver_files(name: str, nameserver: str) -> list[NodeFile]:
    """Only the lab's own name server: one that does not answer would make every look-up hang."""
    return [
        NodeFile("/etc/hostname", f"{name}\n"),
        NodeFile("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        NodeFile("/etc/resolv.conf", f"nameserver {nameserver}\noptions timeout:2 attempts:2\n"),
        NodeFile("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
    ]


def host_files(root: Path, identity: Identity, nameserver: str) -> list[NodeFile]:
    authorized = "".join(f"{line}\n" for line in identity.authorized)
    files = [
        *resolver_files(identity.name, nameserver),
        *_account_files(root),
        NodeFile("/etc/ld.so.preload", f"{PRELOAD}\n"),
        NodeFile("/etc/libvirt/libvirtd.conf", libvirtd_conf(identity.uuid)),
        NodeFile("/etc/libvirt/qemu.conf", _QEMU_CONF, 0o600),
        *tls_files(identity.tls),
        NodeFile("/etc/ssh/sshd_config", _SSHD_CONFIG),
        NodeFile("/etc/ssh/ssh_config", _SSH_CONFIG),
        NodeFile("/etc/ssh/ssh_host_ed25519_key", identity.host_key.private, 0o600),
        NodeFile("/etc/ssh/ssh_host_ed25519_key.pub", identity.host_key.public),
        NodeFile("/root/.ssh/id_ed25519", identity.root_key.private, 0o600),
        NodeFile("/root/.ssh/id_ed25519.pub", identity.root_key.public),
        NodeFile("/root/.ssh/known_hosts", "".join(f"{line}\n" for line in identity.known_hosts), 0o600),
        NodeFile("/root/.ssh/authorized_keys", authorized, 0o600),
    ]
    for user, uid in ACCOUNTS.items():
        files.append(NodeFile(f"/home/{user}/.ssh/authorized_keys", authorized, 0o600, uid))
    return files


def tls_files(signed: Signed) -> list[NodeFile]:
    """Where libvirt and QEMU look; each host is a server to some and a client to others."""
    files = [NodeFile("/etc/pki/CA/cacert.pem", signed.ca), NodeFile("/etc/pki/qemu/ca-cert.pem", signed.ca)]
    for side in ("server", "client"):
        files += [
            NodeFile(f"/etc/pki/libvirt/{side}cert.pem", signed.certificate),
            NodeFile(f"/etc/pki/libvirt/private/{side}key.pem", signed.key, 0o600),
            NodeFile(f"/etc/pki/qemu/{side}-cert.pem", signed.certificate),
            NodeFile(f"/etc/pki/qemu/{side}-key.pem", signed.key, 0o600),
        ]
    return files


def _account_files(root: Path) -> list[NodeFile]:
    """passwd and its kin of the root, with the lab's users added. `*` locks the password but not the account."""
    etc = root / "etc"
    passwd, shadow, group = ((etc / name).read_text() for name in ("passwd", "shadow", "group"))
    members = []
    for line in group.splitlines():
        name, *middle, users = line.split(":")
        if name == "libvirt":
            users = ",".join(filter(None, [users, "vmadmin"]))
        members.append(":".join([name, *middle, users]))
    for user, uid in ACCOUNTS.items():
        passwd += f"{user}:x:{uid}:{uid}::/home/{user}:/bin/bash\n"
        shadow += f"{user}:*:19000:0:99999:7:::\n"
        members.append(f"{user}:x:{uid}:")
    return [
        NodeFile("/etc/passwd", passwd),
        NodeFile("/etc/shadow", shadow, 0o600),
        NodeFile("/etc/group", "\n".join(members) + "\n"),
    ]
