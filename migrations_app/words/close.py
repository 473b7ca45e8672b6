"""What closing a migration by hand would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvmweb.web.plain import isolated

if TYPE_CHECKING:
    from migrations_app.models import Migration


def close_words(migration: Migration) -> str:
    """What will be true after somebody has closed it by hand."""
    name = isolated(migration.guest_name)
    return (
        f"Closing touches no host. The migration ends as failed and {name} can be moved again; what was made on"
        f" {migration.target} stays there. First look where {name} runs: kvmweb looks no more."
    )
