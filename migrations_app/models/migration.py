"""The migration of one guest. The row decides."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import CharField, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat

from hosts.models import Guest, Host, VisibleQuerySet
from kvmweb.journal import writer
from kvmweb.journal.models import Entry
from kvmweb.steps import Written
from migrations_app.domain.forecast import MOST_RUNS
from migrations_app.domain.gate import Lane
from migrations_app.domain.kinds import SAME_HOST_KINDS, Kind
from migrations_app.domain.lifecycle import IN_FLIGHT, TERMINAL, State
from migrations_app.domain.orders.cancel import ORDER as CANCEL
from migrations_app.models.probing import Arrived
from migrations_app.models.recorded import Recorded
from migrations_app.models.requested import Requested
from migrations_app.models.steered import Steered
from migrations_app.models.stopped import Stopped
from migrations_app.models.streamed import Streamed
from migrations_app.models.taken_out import Stepped

if TYPE_CHECKING:
    from migrations_app.models.order import Order

#: the names of the steps
MAKE_VOLUME = "make volume"
REDEFINE_CHECKPOINT = "redefine checkpoint"
START_GUEST = "start guest"
SHUT_DOWN = "shut down"
START_AGAIN = "start guest again"
COPY_DISK = "copy disk"
COPY_CONTENT = "copy content"
SWITCH_DISK = "switch disk"
SAVE_PLACE = "save place"
SET_SPEED = "set speed"
START_PAUSED = "start paused"
END_PAUSED = "end paused"
UNDEFINE = "undefine"
STREAM_PART = "stream part"
COPY_OWN_FILE = "copy UEFI variables"  # of a TPM too, since the name was written first
CALL_HANGS = "call hangs"
#: libvirt is at work, or may be: what needs a user counts until its job was seen to be over
BUSY = Q(state__in=IN_FLIGHT) | Q(state=State.NEEDS_ATTENTION, call_made=True, job_over=False)
_STAY = sorted(kind.value for kind in SAME_HOST_KINDS)


class MigrationQuerySet(VisibleQuerySet):
    def active(self) -> MigrationQuerySet:
        return self.exclude(state__in=TERMINAL)

    def light(self, *also: str) -> MigrationQuerySet:
        """Without what is long and read by few, and without `also`."""
        return self.defer("source_xml", "target_xml", "checkpoints", *also)

    def shown(self) -> MigrationQuerySet:
        """For pages: with both hosts, and with `revision`, which one statement reads together with the row."""
        topic = Concat(Value("migration:"), Cast(OuterRef("pk"), CharField()))
        newest = Entry.objects.filter(topic=topic).order_by("-id").values("id")[:1]
        with_orders = self.select_related("source", "target").prefetch_related("orders")
        rows: MigrationQuerySet = with_orders.annotate(revision=Coalesce(Subquery(newest), 0))
        return rows

    def interruptions(self, *, guest: Guest, source: Host, target: Host | int) -> list[int]:
        """In milliseconds, of VMs that were shut down to migrate between these hosts, the newest first: those of this
        VM, if there are any."""
        rows = self.filter(shutdown_asked_at__isnull=False, downtime_ms__isnull=False, state=State.DONE)
        between = rows.filter(source=source, target=target).order_by("-id")
        for some in (between.filter(guest=guest), between):
            if found := list(some.values_list("downtime_ms", flat=True)[:MOST_RUNS]):
                return found
        return []


class Migration(Requested, Steered, Stopped, Stepped, Streamed, Arrived, Recorded):
    """The migration of one guest, from the request to its verified end. Never deleted."""

    guest = models.ForeignKey(Guest, on_delete=models.PROTECT, related_name="migrations")
    guest_name = models.CharField(max_length=512)
    source = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in Kind])
    options = models.JSONField(default=dict)

    state = models.CharField(
        max_length=20, choices=[(state.value, state.value) for state in State], default=State.REQUESTED
    )
    #: why it waits, what ended it: one or two sentences for a user
    state_text = models.TextField(blank=True)
    state_since = models.DateTimeField()

    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_by_name = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    lane = models.CharField(max_length=12, choices=[(one.value, one.value) for one in Lane], default=Lane.OPERATIONS)
    #: the people of the VM's team are told, and not waited for
    urgent = models.BooleanField(default=False)
    #: (person, key) names one intent: a repeated key means this migration, and is refused when `request` differs
    idempotency_key = models.CharField(max_length=200, blank=True)

    # claim, lease, fencing: who works on it. `epoch` grows with every take-over; a write with an old one hits no row.
    owner = models.CharField(max_length=64, blank=True)
    owner_machine = models.CharField(max_length=100, blank=True)
    owner_pid = models.PositiveIntegerField(null=True)
    owner_pid_started = models.PositiveBigIntegerField(null=True)
    epoch = models.PositiveIntegerField(default=0)
    heartbeat = models.PositiveBigIntegerField(default=0)

    #: while it is checked: until when a slot is held for it
    slot_until = models.DateTimeField(null=True)

    # the write-ahead record, complete before anything starts
    source_xml = models.TextField(blank=True)
    source_host_uuid = models.UUIDField(null=True)
    target_host_uuid = models.UUIDField(null=True)
    was_persistent = models.BooleanField(null=True)
    was_paused = models.BooleanField(null=True)
    #: libvirt's number of the guest's run at the source: another one means that it was started afresh
    source_run = models.IntegerField(null=True)
    #: somebody suspended it while it was copied, and has not resumed it
    suspended = models.BooleanField(default=False)
    #: it was started paused for its migration, and its CPUs have run
    ran = models.BooleanField(default=False)
    #: it was seen running at the destination, or the source has called it migrated: its newest data may be there
    seen_there = models.BooleanField(default=False)
    source_autostart = models.BooleanField(null=True)
    #: [hosts.facts.checkpoint.Checkpoint as JSON], parents before children
    checkpoints = models.JSONField(default=list)
    call_made = models.BooleanField(default=False)
    #: libvirt's job has ended: an outgoing one that is seen later is somebody else's
    job_over = models.BooleanField(default=False)
    #: an admin ended it by hand, because the hosts alone could not say how it ended
    closed_by_name = models.CharField(max_length=150, blank=True)

    # what is shown
    findings = models.JSONField(default=list)
    verdict = models.CharField(max_length=10, blank=True)
    #: targets of the disks that the last preflight judged as copied, which are those that are copied; None: not known
    copied_disks = models.JSONField(null=True)
    #: [{"target", "path", "pool", "volume", "format", "size", "allocated"}]: those disks where the source has them
    source_disks = models.JSONField(default=list)
    #: what was foreseen when it started, see domain.forecast.Forecast; {} without an earlier migration to learn from
    forecast = models.JSONField(default=dict)
    progress = models.JSONField(default=dict)
    #: seconds per part of the way: dispatch, facts, connect, transfer, verify
    timings = models.JSONField(default=dict)
    #: hosts that do not answer, see worker.watch.silence; {} while both do
    waiting = models.JSONField(default=dict)
    downtime_ms = models.PositiveIntegerField(null=True)
    #: {"cause", "what_to_do", "libvirt"}: the end, when it was not the wanted one
    error = models.JSONField(default=dict)

    team_key: ClassVar = "guest"
    objects = MigrationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["guest"],
                condition=~Q(state__in=sorted(TERMINAL)),
                name="one_active_migration_per_guest",
                violation_error_message="This VM has a migration already.",
            ),
            models.CheckConstraint(
                condition=Q(source=F("target"), kind__in=_STAY) | (~Q(source=F("target")) & ~Q(kind__in=_STAY)),
                name="same_host_for_storage_only",
                violation_error_message="Only the method Storage, and that always, stays on the VM's host.",
            ),
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="one_intent_per_key",
            ),
        ]
        indexes: ClassVar = [
            # the watcher's tick every second, the slots, the dashboard
            models.Index(fields=["state"], condition=~Q(state__in=sorted(TERMINAL)), name="migration_active")
        ]

    def __str__(self) -> str:
        return f"{self.guest_name} from {self.source} to {self.target}"

    @property
    def topic(self) -> str:
        return writer.migration_topic(self.pk)

    @property
    def created_volumes(self) -> list[dict[str, Any]]:
        """[{"target", "pool", "name", "path", "made", "identity"}]; `made` False: it was about to be made."""
        written = [Written.from_json(step) for step in self.steps]
        made = [step for step in written if step.step == MAKE_VOLUME]
        return [{**step.about, "made": step.sure, "identity": step.evidence} for step in made]

    @property
    def cancel(self) -> Order | None:
        """The order to cancel it, the first one when several people gave it."""
        return next((order for order in self.orders.all() if order.what == CANCEL.what), None)

    @property
    def cancel_requested_at(self) -> datetime | None:
        return self.cancel.asked_at if self.cancel else None

    @property
    def cancelled_by_name(self) -> str:
        return self.cancel.asked_by_name if self.cancel else ""

    @property
    def terminal(self) -> bool:
        return State(self.state) in TERMINAL

    @property
    def whole_ms(self) -> float | None:
        """From the request to the end; None while it goes on."""
        return (self.finished_at - self.requested_at).total_seconds() * 1000 if self.finished_at else None

    @property
    def copying_ms(self) -> int | None:
        """How long libvirt worked on a migration that is done; None for others, which may have ended in the middle."""
        return self.progress.get("elapsed_ms") if self.state == State.DONE else None
