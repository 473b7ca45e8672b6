"""What a preflight came to, and the button below its report."""

from __future__ import annotations

from kvmweb.web.plain import isolated

OLD = "This check is more than a minute old. Check again before you migrate."


def changed_words(guest: str, here: str) -> str:
    """Why a form that was made while the VM was on another host is refused. `here`: the host that has it now, or ""."""
    name = isolated(guest)
    now = f"{name} is on {here} now" if here else f"No registered host reports {name} now"
    return f"{now}; this page is older. Choose the destination and check again."


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
