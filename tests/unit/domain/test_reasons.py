from __future__ import annotations

import pytest

from migrations_app.domain.outcome.reasons import meaning


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Unsafe migration: Migration may lead to data corruption if disks use cache other than none", "unsafe"),
        ("internal error: client socket is closed", "connection broke"),
        ("Cannot recv data: Connection reset by peer", "connection broke"),
        ("unable to connect to server at 'kvm-b:49152': Connection refused", "could not connect"),
        ("operation aborted: migration out job: canceled by client", "aborted"),
        ("Timed out during operation: cannot acquire state change lock (held by monitor=...)", "busy"),
        ("internal error: qemu unexpectedly closed the monitor", "A QEMU process ended"),
        ("operation failed: migration out job: unexpectedly failed", "without saying why"),
        ("Failed to start VNC server: Failed to bind socket: Cannot assign requested address", "listens on an address"),
        ("internal error: Failed to reserve port 5950", "port that the VM fixes"),
        ("unsupported configuration: domain configuration does not support video model 'qxl'", "video model"),
        ("unsupported configuration: spice graphics are not supported with this QEMU", "graphics type"),
        ("unsupported configuration: TPM version '2.0' is not supported", "TPM emulator"),
        ("Secret not found: no secret with matching uuid '0a81f5b2'", "secret"),
        ("internal error: referenced filter 'x' is missing", "network filter"),
        ("Cannot access storage file '/a': No such file or directory", "could not open a file"),
        ("Size mismatch: system.flash0: 0x100000 != 0x200000: Invalid argument", "firmware of another size"),
        ("Migration is disabled when using feature 'peer mode' in device 'ivshmem'", "refuses to migrate a device"),
        ("State blocked by non-migratable CPU device (invtsc flag)", "refuses to migrate a device"),
        ("The vmdk format used by node '#block1' does not support live migration", "refuses to migrate a device"),
        ("unsupported configuration: Security driver model 'selinux' is not available", "security driver"),
        ("something libvirt has never said before.", "libvirt says: something libvirt has never said before."),
    ],
)
def test_libvirts_message_in_our_words(said: str, words: str) -> None:
    assert words in meaning(said)


def test_no_message_has_no_meaning() -> None:
    assert meaning("") == ""
