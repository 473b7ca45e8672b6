"""What a preflight check found, the button below its report, and why the migrate page withdraws a report."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What would migrate, and where to. `stays`: only disks do, and the VM stays on its host, which is `target`."""

    guest: str
    target: str
    stays: bool

    @property
    def what(self) -> str:
        return f"the storage of {isolated(self.guest)}" if self.stays else isolated(self.guest)

    @property
    def first(self) -> str:
        """The same at the beginning of a sentence."""
        return f"The storage of {isolated(self.guest)}" if self.stays else isolated(self.guest)

    @property
    def where(self) -> str:
        return f"within {self.target}" if self.stays else f"to {self.target}"


def go_words(aim: Aim, verdict: str, unknowns: int) -> str:
    """The text of the button that starts a migration."""
    if verdict == "unknown":
        return f"Migrate with {unknowns} unknown{'' if unknowns == 1 else 's'}"
    return f"Migrate {aim.what}" if aim.stays else f"Migrate {aim.what} {aim.where}"


def checking_words(aim: Aim) -> str:
    hosts = aim.target if aim.stays else "both hosts"
    return f"Checking on {hosts} whether {aim.what} can migrate {aim.where}."


def verdict_words(aim: Aim, verdict: str, counts: dict[str, int]) -> str:
    """The report in one sentence."""

    def many(severity: str, word: str) -> str:
        count = counts.get(severity, 0)
        return f"{count} {word}{'' if count == 1 else 's'}"

    if verdict == "blocked":
        return f"{aim.first} cannot migrate {aim.where} now. Resolve {many('blocker', 'blocker')} first."
    if verdict == "unknown":
        are = f"{many('unknown', 'finding')} {'is' if counts.get('unknown', 0) == 1 else 'are'} unknown"
        return f"kvmweb cannot tell whether {aim.what} can migrate {aim.where}: {are}."
    if verdict == "warnings":
        return f"{aim.first} can migrate {aim.where}. Read {many('warning', 'warning')} first."
    return f"{aim.first} can migrate {aim.where}: no known obstacle."
