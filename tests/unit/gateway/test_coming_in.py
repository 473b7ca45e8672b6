"""Whose definition may not be read: a guest that arrives, until its memory is there."""

from __future__ import annotations

from typing import Any

import libvirt
import pytest

from hosts.gateway._guest import coming_in


class Guest:
    """`code`: of the error that libvirt answers with when it is asked for the job."""

    def __init__(self, code: int | None = None) -> None:
        self._code = code
        self.asked = 0

    def jobStats(self, _flags: int) -> dict[str, Any]:
        self.asked += 1
        if self._code is None:
            return {}
        error = libvirt.libvirtError("refused")
        error.err = (self._code, 10, "refused", 2, "", "", "", 0, 0)
        raise error


POST_COPY, POST_COPY_FAILED = 10, 11
ON_THE_SOURCE_ONLY = libvirt.VIR_ERR_OPERATION_UNSUPPORTED


@pytest.mark.parametrize(
    ("why", "arrives"),
    [(POST_COPY, True), (POST_COPY_FAILED, True), (libvirt.VIR_DOMAIN_RUNNING_MIGRATED, False), (1, False)],
)
def test_one_that_runs_in_post_copy(why: int, arrives: bool) -> None:
    """It is known by its state, without a question that waits for QEMU."""
    guest = Guest()
    assert coming_in(guest, libvirt.VIR_DOMAIN_RUNNING, why) is arrives
    assert guest.asked == 0


def test_one_that_is_paused() -> None:
    paused = libvirt.VIR_DOMAIN_PAUSED
    assert coming_in(Guest(ON_THE_SOURCE_ONLY), paused, libvirt.VIR_DOMAIN_PAUSED_MIGRATION)
    assert not coming_in(Guest(), paused, libvirt.VIR_DOMAIN_PAUSED_MIGRATION)
    assert coming_in(Guest(), paused, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)
    assert not coming_in(Guest(ON_THE_SOURCE_ONLY), paused, libvirt.VIR_DOMAIN_PAUSED_USER)


def test_the_source_of_a_post_copy_is_read() -> None:
    assert not coming_in(Guest(), libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_POSTCOPY)
