"""What people with roles for groups of hosts must not read in a text: names and addresses of hosts of other groups.

Sentences and findings are written once, for everybody: a check of a VM names every host that does not answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hosts.models import Host
from kvmweb.accounts.permissions import Right, may

ANOTHER = "another host"
Veil = Callable[[Any], Any]


def veil_for(user: Any, *shown: int) -> Veil:
    """Takes such names out of texts, also in lists and dicts. `shown`: hosts that it leaves, since the text is about
    them. For those who see everything it changes nothing."""
    if may(user, Right.SEE_EVERYTHING):
        return lambda value: value
    words = {word for pk, words in _hidden(user).items() if pk not in shown for word in words}
    if not words:
        return lambda value: value
    longest_first = sorted(map(re.escape, words), key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(longest_first)})(?![\w-])", re.IGNORECASE)

    def veiled(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(ANOTHER, value)
        if isinstance(value, dict):
            return {veiled(key): veiled(each) for key, each in value.items()}
        return [veiled(each) for each in value] if isinstance(value, list | tuple) else value

    return veiled


def veil_of(context: Any, *shown: int) -> Veil:
    """For the API's answers: `context` as ninja gives it to them. Without a request nothing is hidden."""
    request = (context or {}).get("request")
    return veil_for(request.user, *shown) if request is not None else lambda value: value


def host_names(user: Any) -> dict[int, str]:
    """Of every host; those that the user does not see are called the same."""
    seen = set(Host.objects.visible_to(user).values_list("pk", flat=True))
    return {pk: name if pk in seen else ANOTHER for pk, name in Host.objects.values_list("pk", "name")}


def _hidden(user: Any) -> dict[int, set[str]]:
    """Read once per request (kept on the user object)."""
    if not hasattr(user, "_kvmweb_hidden_hosts"):
        rows = Host.objects.exclude(pk__in=Host.objects.visible_to(user).values("pk"))
        told = rows.values_list("pk", "name", "address", "peer_address", "migration_address", "hostname")
        user._kvmweb_hidden_hosts = {pk: {word for word in words if word} for pk, *words in told}
    found: dict[int, set[str]] = user._kvmweb_hidden_hosts
    return found
