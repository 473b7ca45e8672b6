"""The other checks, asked about a start on the destination instead of a migration to it."""

from __future__ import annotations

from dataclasses import replace

from migrations_app.domain.disks import place
from migrations_app.domain.preflight.check import CHECKS, Finding
from migrations_app.domain.preflight.engine import run_one
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.saved import SavedFacts
from migrations_app.domain.preflight.shared import guest_of
from migrations_app.domain.preflight.storage import copied_disks

#: checks whose blockers keep the VM from starting
NEEDED = frozenset(
    {"boot_files", "cpu_model", "cpu_pinning", "device_models", "disks_reachable", "emulator", "listen_addresses"}
    | {"machine_type", "needed_files", "network_filters", "networks_present", "secrets_present"}
)
#: they judge the migration alone, and the first of them would ask itself
NOT_ASKED = frozenset(
    {"saved_definition", "block_jobs", "cache_mode", "checkpoints", "cpu_passthrough", "cpu_vendor", "firmware_size"}
    | {
        "kind_applies",
        "option_conflicts",
        "old_name",
        "version_faults",
        "chosen_places",
        "copied_content",
        "copied_images",
        "copy_choice",
        "copy_place",
        "copy_room",
        "flat_copies",
        "source_start",
    }
    | {"post_copy_hosts", "post_copy_options", "post_copy_devices", "post_copy_kernel"}
    | {"media_content", "runtime_settings", "dhcp_addresses"}
)


def judge_start(facts: Facts, saved: SavedFacts) -> list[Finding]:
    """What they say of a start with this definition. Only a disk that the running VM has at the same place is copied,
    and no proof of shared storage is asked for. Raises NotKnown."""
    disks = {disk.target: place(disk) for disk in guest_of(facts).disks}
    same = {disk.target for disk in saved.definition.disks if disks.get(disk.target) == place(disk)}
    copied = tuple(target for target in copied_disks(facts) if target in same)
    start = replace(
        facts,
        request=replace(facts.request, options=facts.request.options.changed(unsafe=True, copy_disks=copied)),
        guest=replace(facts.guest, definition=saved.definition),
        target=replace(facts.target, domcaps=saved.domcaps, cpu=saved.cpu),
        saved=None,
        starts=True,
    )
    asked = (check for check in CHECKS.values() if check.id not in NOT_ASKED and facts.request.kind in check.kinds)
    return [finding for check in asked for finding in run_one(check, start)]
