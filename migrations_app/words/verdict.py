"""What a preflight check found, the button below its report, and why the migrate page withdraws a report."""

from __future__ import annotations

from kvmweb.web.plain import isolated

OLD = "This check is more than a minute old. Check again before you migrate."


def changed_words(guest: str, here: str) -> str:
    """Why a form that was made while the VM was on another host is refused. `here`: the host that has it now, or ""."""
    name = isolated(guest)
    now = f"{name} is on {here} now" if here else f"No registered host reports {name} now"
    return f"{now}; this page is older. Choose the destination and check again."


def page_words(guest: str) -> dict[str, str]:
    """What static/js/migrate.js says without asking the server. "{host}" is the host it is about. With -past:
    what was so for a while and is over."""
    name = isolated(guest)
    ended = "This check no longer applies."
    return {
        "checking": "Checking again…",
        "old": OLD,
        "migrating": f"{name} is migrating now. {ended}",
        "migrating-past": f"A migration of {name} has ended since this check. Check again.",
        "gone": f"No registered host reports {name} now. {ended}",
        "gone-past": f"{name} was gone for a while after this check. Check again.",
        "elsewhere": f"{name} is on {{host}} now. {ended}",
        "elsewhere-past": f"{name} was on another host after this check. Check again.",
        "closed": f"{{host}} is not connected. {ended}",
        "closed-past": "{host} was not connected for a while after this check. Check again.",
        "changed": f"The state of {name} has changed. {ended}",
        "changed-past": f"The state of {name} has changed since this check. Check again.",
        "unavailable": f"{{host}} cannot take {name} now. {ended}",
        "unavailable-past": "{host} was not available for a while after this check. Check again.",
        "destination": "The destination host",
        "failed": "The check was not made. Try again.",
        "silent": "kvmweb did not answer, so the check was not made. Try again.",
        "busy": "kvmweb's database is busy or full, so the check was not made. Try again in a moment.",
        "offline": f"Offline is selected, because {name} is shut off.",
        "storage": f"Live with storage is selected, because {name} has disks that the two hosts do not share.",
        "choose": "Choose again",
        "again": "Check again",
    }


def go_words(guest: str, target: str, verdict: str, unknowns: int) -> str:
    """The text of the button that starts a migration."""
    if verdict == "unknown":
        return f"Migrate with {unknowns} unknown{'' if unknowns == 1 else 's'}"
    return f"Migrate {isolated(guest)} to {target}"


def verdict_words(guest: str, target: str, verdict: str, counts: dict[str, int]) -> str:
    """The report in one sentence."""

    def many(severity: str, word: str) -> str:
        count = counts.get(severity, 0)
        return f"{count} {word}{'' if count == 1 else 's'}"

    if verdict == "blocked":
        return f"{guest} cannot migrate to {target} now. Resolve {many('blocker', 'blocker')} first."
    if verdict == "unknown":
        are = "is" if counts.get("unknown", 0) == 1 else "are"
        return (
            f"kvmweb cannot tell whether {guest} can migrate to {target}: {many('unknown', 'finding')} {are} unknown."
        )
    if verdict == "warnings":
        return f"{guest} can migrate to {target}. Read {many('warning', 'warning')} first."
    return f"{guest} can migrate to {target}: no known obstacle."
