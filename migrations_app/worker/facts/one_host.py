"""What is asked for a kind that leaves the VM on its host: of that host only, and only about the disks."""

from __future__ import annotations

from collections.abc import Mapping

from hosts.facts.guest import GuestDetails, GuestLook
from hosts.facts.unknown import Unknown
from migrations_app.domain.disks import Storage
from migrations_app.domain.preflight.facts import Facts
from migrations_app.domain.preflight.facts.host import NOT_ASKED, SourceFacts, TargetFacts
from migrations_app.domain.preflight.facts.saved import SavedFacts
from migrations_app.domain.request import MigrationRequest
from migrations_app.worker.facts.files import files
from migrations_app.worker.facts.guest import guest
from migrations_app.worker.facts.hosts import host
from migrations_app.worker.facts.look import look
from migrations_app.worker.facts.qcow2_headers import qcow2_headers
from migrations_app.worker.facts.saved import definitions
from migrations_app.worker.facts.side import Side
from migrations_app.worker.facts.volumes import volumes, with_copies


def collect_here(
    request: MigrationRequest, side: Side, *, others: Mapping[str, GuestLook] | Unknown
) -> tuple[Facts, GuestDetails | Unknown]:
    """The host is both sides of the facts: where the disks are, and where their copies go."""
    uuid = request.guest
    details = side.learn(lambda c: c.guest_details(uuid))
    definition, saved, every = definitions(details, None)
    arriving = with_copies(definition, every, request.options.disks)
    here = host(side) | {"mounts": {}}
    pools = here["pools"]
    storage = Storage(pools=() if isinstance(pools, Unknown) else pools)
    there = volumes(arriving, side)
    facts = Facts(
        request=request,
        source=SourceFacts(**here, volumes=there, qcow2_headers=qcow2_headers(definition, side, storage)),
        target=TargetFacts(
            **here,
            volumes=there,
            files=files(arriving, side, storage),
            memory=NOT_ASKED,
            interfaces=NOT_ASKED,
            domcaps=NOT_ASKED,
            cpu=NOT_ASKED,
            same_uuid=NOT_ASKED,
            same_name=NOT_ASKED,
        ),
        guest=guest(uuid, details, look(uuid, side), side),
        peer=NOT_ASKED,
        saved=SavedFacts(definition=saved, domcaps=NOT_ASKED, cpu=NOT_ASKED) if saved else None,
        others=others,
    )
    return facts, details
