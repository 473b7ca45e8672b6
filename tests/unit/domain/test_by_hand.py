from __future__ import annotations

import subprocess

import pytest

from migrations_app.domain.by_hand import commands_beside, equivalent_command
from migrations_app.domain.leaving import DETACHED, EJECTED, commands_back, commands_out, leaving_in
from migrations_app.domain.options import Options
from migrations_app.domain.virsh import line, vm

SOURCE, PEER, DATA = "qemu+ssh://kvm-a/system", "qemu+tcp://kvm-b/system", "tcp://10.0.1.2"


def command(options: Options | None = None, *, guest: str = "web01", copy_disks: tuple[str, ...] = ()) -> str:
    return line(
        equivalent_command(
            options=options or Options(),
            guest=guest,
            source_uri=SOURCE,
            peer_uri=PEER,
            migrate_uri=DATA,
            copy_disks=copy_disks,
        )
    )


def test_the_default() -> None:
    assert command() == (
        "virsh -c qemu+ssh://kvm-a/system migrate --live --p2p --persistent --undefinesource"
        " web01 qemu+tcp://kvm-b/system tcp://10.0.1.2"
    )


def test_without_a_migration_address() -> None:
    words = equivalent_command(options=Options(), guest="web01", source_uri=SOURCE, peer_uri=PEER)
    assert words[-2:] == ["web01", PEER]


def test_every_option_has_its_word() -> None:
    every = Options(
        persist=False,
        undefine_source=False,
        bandwidth_mib=50,
        unsafe=True,
        abort_on_error=True,
        auto_converge=True,
        compressed=True,
    )
    assert command(every, copy_disks=("vda", "vdb")) == (
        "virsh -c qemu+ssh://kvm-a/system migrate --live --p2p --unsafe --abort-on-error --auto-converge --compressed"
        " --copy-storage-all --migrate-disks vda,vdb --bandwidth 50 web01 qemu+tcp://kvm-b/system tcp://10.0.1.2"
    )


def test_the_newer_options_have_theirs() -> None:
    zstd = Options(compression="zstd", compression_level=3, parallel_connections=4, zerocopy=True)
    assert command(zstd) == (
        "virsh -c qemu+ssh://kvm-a/system migrate --live --p2p --persistent --undefinesource --zerocopy"
        " --parallel --parallel-connections 4 --comp-zstd-level 3 --compressed --comp-methods zstd"
        " web01 qemu+tcp://kvm-b/system tcp://10.0.1.2"
    )
    rest = Options(compressed=True, xbzrle_cache_mib=2, auto_converge=True, auto_converge_initial=30).changed(
        auto_converge_increment=20, sync_writes=True, detect_zeroes=True, listen_address="10.0.1.2"
    )
    words = command(rest.for_guest(persistent=True), copy_disks=("vda", "vdb"))
    for word in (
        "--compressed --comp-methods xbzrle", "--comp-xbzrle-cache 2097152", "--auto-converge-initial 30",
        "--auto-converge-increment 20", "--copy-storage-synchronous-writes", "--listen-address 10.0.1.2",
        "--migrate-disks-detect-zeroes vda,vdb",
    ):  # fmt: skip
        assert f" {word} " in words


def test_nothing_is_said_of_copies_when_no_disk_is_copied() -> None:
    assert command(Options(sync_writes=True, detect_zeroes=True)) == command()


def test_the_migration_address_of_the_request_takes_the_place_of_the_hosts() -> None:
    assert command(Options(migration_address="fd00::2")).endswith(
        " --migrateuri 'tcp://[fd00::2]' web01 qemu+tcp://kvm-b/system"
    )


def test_hostile_names_stay_one_word() -> None:
    assert " '$(reboot) x' qemu+tcp" in command(guest="$(reboot) x")
    assert " -- --help qemu+tcp" in command(guest="--help")


def test_the_longest_downtime_is_a_second_command() -> None:
    assert commands_beside(options=Options(), guest="web01", source_uri=SOURCE) == []
    (words,) = commands_beside(options=Options(max_downtime_ms=500), guest="-x", source_uri=SOURCE)
    assert line(words) == "virsh -c qemu+ssh://kvm-a/system migrate-setmaxdowntime -- -x 500"


def test_a_new_name_is_the_destinations() -> None:
    assert " --dname web02 web01 " in command(Options(new_name="web02"))


def test_memory_gets_its_own_limit_by_a_second_command() -> None:
    limits = Options(disk_bandwidth_mib=20, bandwidth_mib=50)
    assert " --bandwidth 20 web01 " in command(limits, copy_disks=("vda",))
    assert " --bandwidth 50 web01 " in command(limits)  # no disk is copied
    copied = {"guest": "web01", "source_uri": SOURCE, "copy_disks": ("vda",)}
    (words,) = commands_beside(options=limits, **copied)
    assert line(words) == "virsh -c qemu+ssh://kvm-a/system migrate-setspeed web01 50"
    (words,) = commands_beside(options=Options(disk_bandwidth_mib=20), **copied)
    assert words[-1] == "8796093022207"  # libvirt's "no limit"
    assert commands_beside(options=limits, guest="web01", source_uri=SOURCE) == []


@pytest.mark.parametrize(
    "word",
    ["web 1", " web1 ", "it's", "sec\u202egnp.exe", "a\n\\b'c\u200d", "\u05e9\u05e8\u05ea", "$HOME\u2069`id`", ""],
)
def test_a_shell_reads_what_the_name_is(word: str) -> None:
    written = line(["printf", "%s", word])
    assert written.isprintable()
    assert subprocess.run(["bash", "-c", written], capture_output=True, check=True).stdout.decode() == word


@pytest.mark.parametrize("name", ["web01", "web 01", "-x", "$(reboot)", "7th", "a" * 63])
def test_a_vm_is_called_by_its_name(name: str) -> None:
    assert vm(name, "UUID") == name


@pytest.mark.parametrize(
    "name",
    [
        " web01",
        "web01 ",
        "web  01",
        "web\u00a001",
        "web\n01",
        "sec\u202egnp",
        "7",
        "4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
    ],
)
def test_a_name_that_would_not_arrive_gives_way_to_the_uuid(name: str) -> None:
    assert vm(name, "UUID") == "UUID"


def test_suspended_is_without_live() -> None:
    options = Options(keep_paused=True)
    words = equivalent_command(options=options, guest="web01", source_uri=SOURCE, peer_uri=PEER, live=False)
    assert line(words) == (
        "virsh -c qemu+ssh://kvm-a/system migrate --p2p --persistent --undefinesource --suspend"
        " web01 qemu+tcp://kvm-b/system"
    )


def test_what_leaves_the_vm_first_and_comes_back_afterwards() -> None:
    found = [
        {"evidence": {"path": "/isos/tools.iso", EJECTED: "sda"}},
        {"evidence": {"type": "usb", "device": "046d:0825", DETACHED: "usb 046d:0825"}},
        {"evidence": {"type": "usb", "device": "046d:0826"}},
    ]
    parts = leaving_in(found)
    assert [line(words) for words in commands_out(parts, guest="web01", uri=SOURCE)] == [
        "virsh -c qemu+ssh://kvm-a/system detach-device --live web01 usb-046d-0825.xml",
        "virsh -c qemu+ssh://kvm-a/system change-media --eject --live web01 sda",
    ]
    assert [line(words) for words in commands_back(parts, guest="web01", uri=PEER)] == [
        "virsh -c qemu+tcp://kvm-b/system attach-device --live web01 usb-046d-0825.xml",
        "virsh -c qemu+tcp://kvm-b/system change-media --insert --live web01 sda /isos/tools.iso",
    ]


def test_a_hostile_name_is_no_path_and_no_option() -> None:
    (one,) = leaving_in([{"evidence": {DETACHED: "--usb ../../x\n rm -rf /;"}}])
    assert one.file == "usb-x-rm-rf.xml"
