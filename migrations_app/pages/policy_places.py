"""Which policy counts where, and what the owners of a VM agree to: forms and parts of pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django import forms

from hosts.models import Host
from kvmweb.web.plain import ReasonField
from migrations_app.domain.convergence.policy import Consent
from migrations_app.models import PolicyChoice, consents_of
from migrations_app.reading.policies import in_effect, policies
from migrations_app.words.policies import CONSENT_LABELS, CONSENTS, as_set, does, where

if TYPE_CHECKING:
    from hosts.models import Guest

_SELECT = {"class": "form-select"}
_LINE = {"class": "form-control", "autocomplete": "off"}


class PlaceForm(forms.Form):
    """`without`: what an empty choice means; "" when there must be one. It remembers what it showed, so that only what
    its user changed is changed, whatever others do."""

    policy = forms.ChoiceField(
        label="Policy",
        widget=forms.Select(attrs=_SELECT),
        show_hidden_initial=True,
        error_messages={"invalid_choice": "This policy has just been removed."},
    )
    reason = ReasonField()

    def __init__(
        self, data: Any, *, user: Any, chosen: str, without: str, agreed: dict[str, str] | None = None
    ) -> None:
        super().__init__(data, initial={"policy": chosen, **(agreed or {})})
        names = [(policy.name, policy.name) for policy in policies(user)]
        self.fields["policy"].choices = [("", without), *names] if without else names  # type: ignore[attr-defined]
        self.fields["policy"].required = not without
        self.fields["reason"].widget.attrs |= _LINE
        if agreed:
            self.fields |= {name: _consent(name) for name in CONSENTS}

    @property
    def problems(self) -> str:
        return " ".join(str(problem) for problems in self.errors.values() for problem in problems)

    def consents(self) -> list[forms.BoundField]:
        return [self[name] for name in CONSENTS]

    def chosen(self) -> dict[str, str | None]:
        """{"policy": name or None} if the user has changed it, of a valid form."""
        return {"policy": self.cleaned_data["policy"] or None} if "policy" in self.changed_data else {}

    def agreed(self) -> dict[str, str]:
        """The consents that the user has changed, of a valid form."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name in CONSENTS}


def _consent(name: str) -> forms.Field:
    label, consequence = CONSENTS[name]
    return forms.ChoiceField(
        label=label,
        help_text=consequence,
        choices=[(one.value, CONSENT_LABELS[one]) for one in Consent],
        widget=forms.Select(attrs=_SELECT),
        show_hidden_initial=True,
    )


def installation_form(user: Any, data: Any = None) -> PlaceForm:
    return PlaceForm(data, user=user, chosen=in_effect().policy.name, without="")


def host_form(user: Any, host: Host, data: Any = None) -> PlaceForm:
    own = getattr(host, "policy_choice", None)
    return PlaceForm(data, user=user, chosen=own.policy.name if own else "", without=as_set(in_effect()))


def vm_form(user: Any, guest: Guest, source: Host | None, data: Any = None) -> PlaceForm:
    own = getattr(guest, "policy_choice", None)
    return PlaceForm(
        data,
        user=user,
        chosen=own.policy.name if own else "",
        without=as_set(in_effect(source=source)),
        agreed=consents_of(guest).as_json(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPart:
    """On the page of a host or a VM: which policy counts, and the form to change that."""

    name: str
    where: str
    does: str
    form: PlaceForm
    consents: list[tuple[str, str]] = field(default_factory=list)


def part_of_host(user: Any, host: Host) -> PolicyPart:
    return _part(in_effect(source=host), host_form(user, host))


def part_of_vm(user: Any, guest: Guest, source: Host | None) -> PolicyPart:
    agreed = consents_of(guest)
    consents = [(label, CONSENT_LABELS[getattr(agreed, name)]) for name, (label, _) in CONSENTS.items()]
    return _part(in_effect(guest=guest, source=source), vm_form(user, guest, source), consents=consents)


def _part(choice: PolicyChoice, form: PlaceForm, **more: Any) -> PolicyPart:
    return PolicyPart(name=choice.policy.name, where=where(choice), does=does(choice.policy.data), form=form, **more)
