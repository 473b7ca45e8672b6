"""What is left to do when the hosts have said how a migration ended. Nothing here touches a running guest."""

from __future__ import annotations

from dataclasses import replace

from hosts.facts.guest import GuestLook, JobStats, RunState
from migrations_app.domain.outcome.decision import Action, Decision
from migrations_app.domain.virsh import virsh
from migrations_app.worker.held import Held
from migrations_app.worker.steady_connection import SteadyConnection
from migrations_app.worker.steps.copy_own_file import remove_own_files
from migrations_app.worker.steps.make_volume import remove_volumes
from migrations_app.worker.steps.redefine_checkpoint import redefine_checkpoints
from migrations_app.worker.watch.limits import put_back


def finished_job(target: SteadyConnection, source: SteadyConnection, uuid: str) -> JobStats | None:
    """libvirt's numbers of the whole migration: the destination has them after pre-copy, the source after post-copy."""
    for host in (target, source):
        stats = host.ask(lambda c: c.finished_job(uuid))
        if stats is not None and stats.downtime_ms is not None:
            return stats
    return None


def carry_over(held: Held, source: SteadyConnection, target: SteadyConnection) -> str:
    """What libvirt does not migrate. Returns what is left for a user to do, "" when nothing is."""
    left = carry_autostart(held, source, target), redefine_checkpoints(held, target)
    return " ".join(filter(None, left))


def with_new_name(held: Held, decision: Decision) -> Decision:
    """Of a guest that has arrived: the sentence calls it by the name that the source knows."""
    here, there = held.row.guest_name, held.row.name_there(held.row.guest_name)
    return decision if here == there else replace(decision, sentence=f"{decision.sentence} Its name there is {there}.")


def keep_at_source(held: Held, decision: Decision, source: SteadyConnection, target: SteadyConnection) -> Decision:
    """After a migration that did not happen: nothing of it stays at the destination, and nothing is missing here."""
    if Action.DELETE_OWN_VOLUMES in decision.actions:
        remove_volumes(held, target)
        remove_own_files(held, target)
    left = decision.what_to_do, redefine_checkpoints(held, source), put_back(held, source)
    return replace(decision, what_to_do=" ".join(filter(None, left)))


def carry_autostart(held: Held, source: SteadyConnection, target: SteadyConnection) -> str:
    """On at the destination if it was on at the source and is defined there; off at a source that keeps a definition.

    Returns what is left for a user to do, "" when nothing is.
    """
    migration = held.row
    if not migration.source_autostart:
        return ""
    uuid, options, left = held.guest, migration.request.options, []
    if not options.undefine_source and (still_on := _autostart_off(held, source)):
        left.append(still_on)
    if options.persist:
        if not target.do(lambda c: c.definition.set_autostart(uuid, True)):
            left.append(
                f"kvmweb could not switch on autostart on {migration.target}. On {migration.target} run:"
                f" {virsh('autostart', uuid)}"
            )
        else:
            held.note(f"Autostart is on for the VM on {migration.target}, as it was on {migration.source}.")
    for sentence in left:
        held.note(sentence)
    return " ".join(left)


def without_autostart(held: Held, source: SteadyConnection, decision: Decision) -> Decision:
    """When a user is needed for a definition that the source still has."""
    if Action.AUTOSTART_OFF_AT_SOURCE not in decision.actions:
        return decision
    if still_on := _autostart_off(held, source):
        return replace(decision, what_to_do=f"{decision.what_to_do} {still_on}")
    held.note_once(f"Autostart is off for the VM on {held.row.source}: it would have run twice after that host's boot.")
    return decision


def _autostart_off(held: Held, source: SteadyConnection) -> str:
    """At a source that keeps a definition of a guest that has left it. Returns what is left for a user to do."""
    uuid, host = held.guest, held.row.source
    if source.do(lambda c: c.definition.set_autostart(uuid, False)):
        return ""
    return (
        f"Autostart is still on for the VM on {host}: the VM would run twice after that host's next start. On {host}"
        f" run: {virsh('autostart', uuid, flags=['--disable'])}"
    )


def keep_suspended(held: Held, host: SteadyConnection, look: GuestLook, *, woken: str) -> None:
    """Suspend a guest again that somebody had suspended, when it was libvirt that resumed it: `woken` is its reason."""
    if look.state is not RunState.RUNNING or look.reason != woken:
        return
    if host.do(lambda c: c.suspend(held.guest)):
        text = "A user had suspended it, so kvmweb suspended it again."
    else:
        text = "A user had suspended it, but kvmweb could not suspend it again."
    held.note(f"libvirt resumed {held.row.guest_name} at the end of the migration. {text}")
