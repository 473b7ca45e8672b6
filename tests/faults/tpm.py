"""A word in a TPM: written where a VM is shut off, read where it has arrived."""

from __future__ import annotations

from lab import Host

#: TPM2_NV_DefineSpace and TPM2_NV_Write, or TPM2_NV_Read, said to the TPM emulator of the host: it starts with the state
#: in this folder, and keeps what is written. The index is the owner's, whose password is empty.
_TALK = """
import socket, struct, subprocess, sys
folder, what, word = sys.argv[1:]
OWNER, INDEX = 0x40000001, 0x01500001
EMPTY_PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
tpm, end = socket.socketpair()
tpm.settimeout(20)
command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--fd", str(end.fileno())]
command += ["--flags", "not-need-init,startup-clear"]
emulator = subprocess.Popen(command, pass_fds=[end.fileno()], stderr=subprocess.DEVNULL)
end.close()

def ask(code, handles, rest):
    body = struct.pack(f">{len(handles)}I", *handles) + EMPTY_PASSWORD + rest
    tpm.sendall(struct.pack(">HII", 0x8002, 10 + len(body), code) + body)
    said = tpm.recv(4096)
    assert said[6:10] == bytes(4), said.hex()
    return said[16:]

size = struct.pack(">H", len(word))
if what == "write":
    index = struct.pack(">IHIH", INDEX, 0xB, 0x02020002, 0) + size
    ask(0x12A, [OWNER], struct.pack(">HH", 0, len(index)) + index)
    ask(0x137, [OWNER, INDEX], size + word.encode() + bytes(2))
else:
    print(ask(0x14E, [OWNER, INDEX], size + bytes(2))[:len(word)].decode())
tpm.close()
emulator.wait()
"""
WORD = "kvmweb-was-here"


def folder(uuid: str) -> str:
    """Where a host has the state of a VM's TPM."""
    return f"/var/lib/libvirt/swtpm/{uuid}/tpm2"


def write_word(host: Host, uuid: str) -> None:
    """Once for each VM, while it is shut off."""
    host.exec("python3", "-c", _TALK, folder(uuid), "write", WORD)


def has_word(host: Host, uuid: str) -> bool:
    """While it is shut off."""
    return host.exec("python3", "-c", _TALK, folder(uuid), "read", WORD).strip() == WORD
