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
        ("something libvirt has never said before", "ended the migration with an error"),
    ],
)
def test_libvirts_message_in_our_words(said: str, words: str) -> None:
    assert words in meaning(said)


def test_no_message_has_no_meaning() -> None:
    assert meaning("") == ""
