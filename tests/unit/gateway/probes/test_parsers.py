"""What the programs of the probes write, and what is read out of it."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

import pytest

from hosts.facts.endpoint import Endpoint, Transport
from hosts.facts.network import Interface
from hosts.facts.storage import FileContent, Mount, Qcow2, Qcow2Header
from hosts.gateway._asking import ask
from hosts.gateway._link import Link
from hosts.gateway.probe import NoAnswer, Probe
from hosts.gateway.probes.addresses import addresses
from hosts.gateway.probes.available_memory import available_memory
from hosts.gateway.probes.file_identity import GONE, file_identity
from hosts.gateway.probes.file_sizes import GONE as NO_FILE
from hosts.gateway.probes.file_sizes import file_sizes
from hosts.gateway.probes.files import files
from hosts.gateway.probes.host_devices import host_devices
from hosts.gateway.probes.interfaces import interfaces
from hosts.gateway.probes.libvirt_daemon import libvirt_daemon
from hosts.gateway.probes.link_speed import link_speed
from hosts.gateway.probes.listening_ports import listening_ports
from hosts.gateway.probes.media_contents import media_contents
from hosts.gateway.probes.mounts import mounts
from hosts.gateway.probes.qcow2_headers import qcow2_headers
from hosts.gateway.probes.rate_sink import rate_sink
from hosts.gateway.probes.rate_stream import rate_stream
from hosts.gateway.probes.resolved_address import resolved_address
from hosts.gateway.probes.userfaultfd import userfaultfd


def test_userfaultfd() -> None:
    assert (userfaultfd.read("1\n", ()), userfaultfd.read("0\n", ())) == (True, False)
    for said in ("", "2\n", "yes"):
        with pytest.raises(NoAnswer):
            userfaultfd.read(said, ())


def test_files() -> None:
    assert files.read("y\nn\nu\n", ("/a", "/b", "/c")) == {"/a": True, "/b": False, "/c": None}


def test_file_identity() -> None:
    born = "2049:12:2026-01-01 10:00:00.123456789 +0000"
    found = file_identity.read(f"{born}\nnone\n-\n66:7:-\n$(x)\n", ("/a", "/b", "/c", "/d", "/e"))
    assert found == {"/a": born, "/b": GONE, "/c": None, "/d": "66:7:-", "/e": None}


def test_file_sizes(tmp_path: Path) -> None:
    """Of a qcow2 image the size that the VM sees counts."""
    raw, image, folder = (tmp_path / name for name in ("raw.fd", "vars's.qcow2", "folder"))
    raw.write_bytes(b"\0" * 528_384)
    image.write_bytes(b"QFI\xfb" + b"\0" * 20 + (4 * 1024**2).to_bytes(8, "big") + b"\0" * 8)
    folder.mkdir()
    paths = tuple(map(str, (raw, image, folder, tmp_path / "gone", tmp_path / "no" / "folder")))
    out = subprocess.run([*file_sizes.command, *paths], capture_output=True, text=True, check=True).stdout
    assert list(file_sizes.read(out, paths).values()) == [528_384, 4 * 1024**2, None, NO_FILE, None]
    assert file_sizes.read("8\n\n", ("/unreadable",)) == {"/unreadable": None}


def header(
    version: int = 3, cluster_bits: int = 16, features: tuple[int, int, int] = (0, 0, 0), refcounts: int = 4
) -> bytes:
    """As qemu-img writes it, with a table of feature names and an extension of two bitmaps."""
    begin = b"QFI\xfb" + struct.pack(">IQIIQ", version, 0, 0, cluster_bits, 4 * 1024**2)
    rest = struct.pack(">IIQQIIQ", 0, 1, 2**18, 2**17, 1, 3, 0)
    names = struct.pack(">II", 0x6803F857, 44) + b"\0" * 48
    bitmaps = struct.pack(">IIIIQQ", 0x23852875, 24, 2, 0, 64, 2**19)
    later = struct.pack(">QQQII8x", *features, refcounts, 112) + names + bitmaps + b"\0" * 8
    return begin + rest + (later if version == 3 else b"\0" * 8)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (header(2), Qcow2Header(made=Qcow2(compat="0.10"), snapshots=3)),
        (header(), Qcow2Header(made=Qcow2(), snapshots=3)),
        (
            header(cluster_bits=17, features=(0b11100, 1, 1), refcounts=5),
            Qcow2Header(
                made=Qcow2(cluster_size=128 * 1024, lazy_refcounts=True, extended_l2=True),
                refcount_bits=32,
                compression="zstd",
                bitmaps=2,
                snapshots=3,
                data_file=True,
            ),
        ),
        (header(features=(0, 0, 1))[:120], None),  # where the bitmaps are counted is not there
        (header(9), None),
        (header(cluster_bits=63), None),
        (header()[:40], None),
        (b"MBR", None),
        (b"", None),
    ],
)
def test_qcow2_headers(tmp_path: Path, data: bytes, said: Qcow2Header | None) -> None:
    image = tmp_path / "it's an image.qcow2"
    image.write_bytes(data)
    paths = (str(image), str(tmp_path / "gone"), str(tmp_path))
    out = subprocess.run([*qcow2_headers.command, *paths], capture_output=True, text=True, check=True).stdout
    assert list(qcow2_headers.read(out, paths).values()) == [said, None, None]


def test_media_contents(tmp_path: Path) -> None:
    """Every byte of up to 16 MiB counts, and of a larger one samples from the beginning to the end."""
    mib = 1024**2
    images: dict[str, bytes | None] = {"small.iso": b"CD" * 1000, "empty": b"", "gone": None}
    for size in (16 * mib, 16 * mib - 5, 100 * mib + 7):
        images[f"{size} same.iso"] = bytes(size)
        for at in (0, size * 8 // 15, size - 1):
            image = bytearray(size)
            image[at] = 1
            images[f"{size} {at}'s.iso"] = bytes(image)
    for name, data in images.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
    paths = tuple(str(tmp_path / name) for name in images)
    out = subprocess.run([*media_contents.command, *paths, "/"], capture_output=True, text=True, check=True).stdout
    found = list(media_contents.read(out, (*paths, "/")).values())
    assert found[0] == FileContent(size=2000, digest=hashlib.sha256(b"CD" * 1000).hexdigest())
    assert found[1] == FileContent(size=0, digest=hashlib.sha256().hexdigest())
    assert (found[2], found[-1]) == (None, None)
    assert len(set(found[3:-1])) == 12
    assert [content.size for content in found[3:-1] if content] == [
        size for size in (16 * mib, 16 * mib - 5, 100 * mib + 7) for _ in range(4)
    ]


def test_mounts() -> None:
    found = mounts.read("nfs4 nas:/vms /mnt/nas\n/mnt/nas/web\n-\n-\n", ("/mnt/nas/web", "/gone"))
    assert found == {"/mnt/nas/web": Mount(kind="nfs4", source="nas:/vms", below="web"), "/gone": None}


@pytest.mark.parametrize("out", ["", "y\n", "y\nn\nn\n", "y\nn"])
def test_another_number_of_lines_is_no_answer(out: str) -> None:
    with pytest.raises(NoAnswer):
        files.read(out, ("/a", "/b"))


def test_interfaces() -> None:
    out = "br1 0x1003 bridge\neth0 0x1002 other\nodd 0xnonsense other\ntwo words\n"
    assert interfaces.read(out, ()) == (
        Interface(name="br1", active=True, is_bridge=True),
        Interface(name="eth0", active=False, is_bridge=False),
        Interface(name="odd", active=False, is_bridge=False),
    )


def test_available_memory() -> None:
    assert available_memory.read("MemTotal:  9 kB\nMemAvailable:    5000000 kB\n", ()) == 5_000_000
    assert available_memory.read("MemTotal:  9 kB\n", ()) is None


def test_libvirt_daemon() -> None:
    assert libvirt_daemon.read("Welcome!\nstopped\n", ()) == "stopped"
    for out in ("", "This account is currently not available.\n"):
        with pytest.raises(NoAnswer):
            libvirt_daemon.read(out, ())


def test_what_is_no_absolute_path_is_never_asked_about() -> None:
    assert files.words(["/a", "b", "/c\nd", "/e\0", "/a", "-e"]) == ("/a",)
    assert libvirt_daemon.words(["x"]) == ("x",)


def test_what_this_machine_says_of_its_files(tmp_path: Path) -> None:
    link, here = Link(Raw, name="kvm-a", deadline=5.0), Endpoint(transport=Transport.UNIX)
    there, gone, strange = tmp_path / "-e 'x'", tmp_path / "gone", tmp_path / "no" / "such"
    there.touch()
    paths = [str(path) for path in (there, gone, strange)]
    assert ask(link, here, files, *paths) == dict(zip(paths, (True, False, False), strict=True))
    found = ask(link, here, file_identity, *paths)
    assert found is not None
    assert (found[paths[0]] or "").startswith(f"{there.stat().st_dev}:{there.stat().st_ino}:")
    assert (found[paths[1]], found[paths[2]]) == (GONE, None)
    assert ask(link, here, files) == {}


class Raw:
    """Nothing is asked of libvirt."""

    def isAlive(self) -> bool:
        return True

    def close(self) -> None: ...


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:170C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:0016 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:170D 00000000000000000000000000000000:0000 0A 00000000:00000000
"""


def test_listening_ports() -> None:
    assert listening_ports.read(TCP, ()) == frozenset({5900, 5901})
    with pytest.raises(NoAnswer):
        listening_ports.read("", ())


def test_host_devices() -> None:
    lines = ("0000:03:00.0 0x8086:0x10ed nvme", "0000:03:00.1 0x8086:0x10ed -", "0000:03:00.2 0x8086:0x10ed")
    strange = ("0000:03:00.3 0x8086:0x10ed a b", "0000:03:00.4 0x8086:0x10ed <b>", "0000:03:00.5 0x8086:0x10ed ..")
    out = "".join(f"pci {line}\n" for line in (*lines, *strange))
    found = host_devices.read(f"{out}pci 0000:03:00.6\nusb 0951:1666 usb\nusb 0951:1667 usb x\n", ())
    drivers = {name: seen.driver for name, seen in found.items()}
    assert drivers == {
        "pci 0000:03:00.0": "nvme",
        "pci 0000:03:00.1": "",
        **{f"pci 0000:03:00.{number}": None for number in (2, 3, 4, 5)},
        "usb 0951:1666": None,
    }
    assert found["usb 0951:1666"].model == "usb"


def test_what_this_machine_says_of_its_devices() -> None:
    """Also where it has none."""
    done = subprocess.run(host_devices.command, capture_output=True, text=True, check=True)
    pci = [line.split() for line in done.stdout.splitlines() if line.startswith("pci ")]
    assert all(len(words) == 4 for words in pci)
    for _, address, _, driver in pci:
        device = Path(f"/sys/bus/pci/devices/{address}")
        bound = (device / "driver").exists()
        harms = bound and (device / "class").read_text().startswith(("0x01", "0x02"))
        assert harms is (driver != "-") or (device / "physfn").exists()


def test_link_speed() -> None:
    assert [link_speed.read(out, ()) for out in ("1000\n", "-1\n", "0\n")] == [125_000_000, None, None]
    for strange in ("", "fast\n", "1000 2000\n"):
        with pytest.raises(NoAnswer):
            link_speed.read(strange, ())


def test_addresses() -> None:
    out = "1: lo    inet 127.0.0.1/8 scope host lo\\ valid\n2: eth0    inet6 fe80::1/64 scope link \\ valid\n"
    assert addresses.read(out, ()) == frozenset({"127.0.0.1", "fe80::1"})
    with pytest.raises(NoAnswer):
        addresses.read("garbage\n", ())


def test_a_host_without_ipv6_says_its_ports() -> None:
    assert listening_ports.read(TCP.split("  sl  local_address       ")[0], ()) == frozenset({5900})


BENCH = "Sending 19 write requests, 1048576 bytes each, 8 in parallel (starting at offset 0, step size 1048576)\n"


def test_how_long_a_probe_stream_took() -> None:
    assert rate_stream.read(f"Welcome!\n{BENCH}Run completed in 2.070 seconds.\n", ()) == 2.07
    for said in ("", BENCH, "Run completed in -1.0 seconds.", "Run completed in nan seconds.", "12"):
        with pytest.raises(NoAnswer):
            rate_stream.read(said, ())


def test_an_address_is_looked_up() -> None:
    said = "192.0.2.7       STREAM kvm-b\n192.0.2.7       DGRAM\n"
    assert resolved_address.read(said, ("kvm-b",)) == "192.0.2.7"
    assert resolved_address.read("2001:db8::7     STREAM 2001:db8::7\n", ()) == "2001:db8::7"
    for said in ("", "\n", "1,server.path=/x STREAM"):
        with pytest.raises(NoAnswer):
            resolved_address.read(said, ())


@pytest.mark.parametrize(("asked", "program"), [(rate_sink, "qemu-nbd"), (rate_stream, "qemu-img")])
def test_without_qemus_tools_there_is_no_probe_stream(asked: Probe[object], program: str) -> None:
    command = ["/bin/sh", *asked.command[1:], "192.0.2.7", "49215", "4", "5"]
    done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{program} is not installed (Debian: qemu-utils)")
