"""What goes into the decision about a migration's end, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from migrations_app.domain.lifecycle import State


class Outcome(StrEnum):
    IN_PROGRESS = "in_progress"
    # The hosts do not say enough yet: look again. Neither done nor failed.
    WAIT = "wait"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_ATTENTION = "needs_attention"


class Action(StrEnum):
    """All that the table may ask for. Nothing is resumed automatically, nothing is destroyed but what this migration
    started paused and what never ran, and nothing is undefined that has not migrated."""

    # And the files with its own state.
    DELETE_OWN_VOLUMES = "delete_own_volumes"
    # A user asked for it, and no host may have the guest active; the worker asks every one of them first.
    START_AT_DESTINATION = "start_at_destination"
    # Of a VM that is shut down first: ask it (again, after a worker that may not have), then send its definition; start
    # it again where it was, when the destination has answered that it does not have it.
    SHUT_DOWN = "shut_down"
    SEND_DEFINITION = "send_definition"
    START_AT_SOURCE = "start_at_source"
    # Only the very run that this migration started paused; the host proves once more that it never ran.
    END_PAUSED_AT_SOURCE = "end_paused_at_source"
    END_PAUSED_AT_DESTINATION = "end_paused_at_destination"
    # What libvirt was to do itself: both hosts answer, and the guest has arrived at the destination.
    UNDEFINE_AT_SOURCE = "undefine_at_source"
    # The guest is at the destination, and the source has its definition too: it would start it with its next boot.
    AUTOSTART_OFF_AT_SOURCE = "autostart_off_at_source"
    # Of disks that go to another place on the same host, in this order: copy, and when all are copied switch over (a VM
    # that runs), then write the new places into the saved definition.
    COPY_DISKS = "copy_disks"
    SWITCH_DISKS = "switch_disks"
    SAVE_PLACES = "save_places"
    # Only block jobs that this migration began.
    STOP_COPIES = "stop_copies"


class Loss(StrEnum):
    """What is the matter with a disk that was copied."""

    DELETED = "deleted"
    # Another file has its path now.
    REPLACED = "replaced"
    # The VM uses another file now, and its saved definition still names the lost one.
    DEFINITION = "definition"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDisk:
    """`path` is where the VM has it open, or had; `pool` the destination's pool it was made in."""

    target: str
    path: str
    pool: str
    how: Loss


class At(Enum):
    """Where a definition has a disk that goes to another place on the same host."""

    OLD = auto()
    NEW = auto()
    #: somewhere else, or the definition does not have it
    OTHER = auto()


class Copying(Enum):
    """What the running VM does with such a disk."""

    NO = auto()
    YES = auto()
    #: every write goes to both, so that it can be switched over
    READY = auto()
    #: somebody else's block job
    OTHER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskNow:
    """A disk that goes from `old` to `new`, both paths on the same host: what the host says, and what is written down.

    `running` is None while the VM does not run. `copied`: its copy was begun for certain (a VM that runs), or has the
    same content (one that is shut off). `switching`: libvirt was asked to switch it over, or was about to be;
    `switched`: the running VM was seen on the new disk.
    """

    target: str
    old: str
    new: str
    running: At | None
    saved: At
    copying: Copying = Copying.NO
    copied: bool = False
    switching: bool = False
    switched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRecord:
    """What is written down of a VM that is shut down for its migration.

    `asked`: it was, or a worker was about to; `sure`: libvirt took it. `seconds`: for so long. `was_off`: it was seen
    shut off since. `other_run`: it has been started since, whoever did it. `held_back`: why its definition was not
    sent. `back_tried`, `back_error`: its start on the source.
    """

    asked: bool
    sure: bool = True
    seconds: float = 0.0
    patience_s: int
    was_off: bool = False
    other_run: bool = False
    held_back: str = ""
    back_tried: bool = False
    back_error: str = ""
    #: a user was needed before: nothing is started or sent any more
    attended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """Of disks that kvmweb copies itself. `copied`: all of them are, and the same. `trouble`: why that cannot go on."""

    copied: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedStart:
    """What is known of a guest that its migration starts paused. `begun`: libvirt was asked for it, or was about to be;
    `sure`: and it answered that it did. `here` and `there`: what is active on the source, on the destination is that
    very run; None: not known. `ran`: its CPUs have run, on either host. `trouble`: why it could not be ended again."""

    begun: bool = False
    sure: bool = False
    here: bool | None = None
    there: bool | None = None
    ran: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What our record says, and how long the hosts have been saying the same.

    `guest` is the UUID; `name`, `source` and `target` are the names of VM and hosts, for sentences only.
    The two looks must be younger than the change of `call_returned` they are judged with.
    """

    guest: str
    name: str
    source: str
    target: str
    was_paused: bool
    was_persistent: bool
    persist: bool
    undefine_source: bool
    cancel_requested: bool
    created_volumes: tuple[object, ...] = ()
    #: files with the guest's own state were written to the destination, or were about to be
    own_files_copied: bool = False
    #: True: it returned, False: it raised, None: it has not come back, or another process made it
    call_returned: bool | None = None
    #: this process is inside the call: libvirt may not have begun yet, so "nothing there" is not an end
    call_running: bool
    call_error: str = ""
    #: it was told that the call hangs, and nobody has heard its end
    call_hung: bool = False
    #: the call raised Aborted
    aborted: bool = False
    seconds_in_this_view: float
    postcopy_used: bool = False
    #: this process has been inside a call that resumes post-copy for so long; 0: it is in none
    resuming_seconds: float = 0
    #: False: the worker died before libvirt was asked, and whoever took over made sure that it never will be
    call_made: bool = True
    #: libvirt's job was seen at least once
    job_seen: bool = True
    #: our job has ended: one that runs at the source now is somebody else's
    job_over: bool = False
    #: somebody suspended it while it was copied, and libvirt counts on: that is no switchover
    suspended: bool = False
    #: its policy suspended it
    paused_by_policy: bool = False
    #: why its policy has ended it, a sentence
    gave_up: str = ""
    #: when its job could be read last, libvirt copied disks and had not measured yet how fast memory is copied: that it
    #: is paused may be a user's suspend, which hangs until what is under way is written
    too_early: bool = False
    #: it was started again on the source since the migration began; None: not known
    restarted: bool | None = False
    #: it has run at the destination, by what was seen there or by the source's word
    seen_there: bool = False
    #: a user was needed before, and may have done anything
    attended: bool = False
    #: libvirt starts it with the source
    autostart: bool = False
    #: copied disks that are not at the destination any more; empty until it is known where the guest is
    lost_disks: tuple[LostDisk, ...] = ()
    #: its kind pauses the guest before memory is copied
    pauses: bool = False
    #: it stays paused at the destination, as requested
    keep_paused: bool = False
    #: other hosts on which the guest is active, by their last word
    elsewhere: tuple[str, ...] = ()
    #: it is to be started at the destination
    start_wanted: bool = False
    #: that was tried, or a user was needed before: it is not tried (again)
    start_tried: bool = False
    #: why it does not run there
    start_error: str = ""
    #: why the definition that libvirt left at the source was not removed
    undefine_error: str = ""
    #: of a kind that starts the guest paused
    paused: PausedStart = PausedStart()
    #: when kvmweb copies the disks itself
    stream: StreamRecord | None = None
    #: those that go to another place on the same host
    disks: tuple[DiskNow, ...] = ()
    #: it was shut off when its disks were to be copied
    was_off: bool = False
    #: of a kind that shuts the guest down
    stop: StopRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`sentence` says where the VM runs now, `cause` why, `what_to_do` what a user should do ("": nothing), `libvirt`
    what libvirt itself said when it gave up.

    `state` comes with IN_PROGRESS only; with WAIT the shown state is VERIFYING once the call is over.
    """

    outcome: Outcome
    sentence: str
    state: State | None = None
    cause: str = ""
    what_to_do: str = ""
    libvirt: str = ""
    actions: tuple[Action, ...] = ()
    #: a user is needed because libvirt's call does not end: only who made the call hears when it does
    hangs: bool = False
