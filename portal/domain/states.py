"""The states of a request. These tokens are used in code, database and API alike."""

from __future__ import annotations

from enum import StrEnum


class RequestState(StrEnum):
    # People must approve it first.
    WAITING_APPROVAL = "waiting_approval"
    # It waits for `not_before`, a window, or the end of the VM's quiet hours; the text says for which.
    WAITING_WINDOW = "waiting_window"
    # A destination is being chosen, or its migration waits for a slot.
    QUEUED = "queued"
    # Its migration has begun.
    MOVING = "moving"
    DONE = "done"
    FAILED = "failed"
    DENIED = "denied"
    # `not_after` has passed, or nobody approved it in time.
    EXPIRED = "expired"
    # By who asked, by the team's lead, or because operations needed the VM.
    WITHDRAWN = "withdrawn"


TERMINAL = frozenset({
    RequestState.DONE, RequestState.FAILED, RequestState.DENIED, RequestState.EXPIRED, RequestState.WITHDRAWN,
})  # fmt: skip
#: nothing has touched the VM
NOT_BEGUN = frozenset({RequestState.WAITING_APPROVAL, RequestState.WAITING_WINDOW, RequestState.QUEUED})


class Wish(StrEnum):
    # Anywhere else than the host it is on.
    AWAY = "away"
    # To a site: `value` is the name that people of teams read for a group of hosts.
    SITE = "site"
    # Its disks to other storage: `value` is the name that people of teams read for a pool.
    STORAGE = "storage"
