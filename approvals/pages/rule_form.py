"""The form of a rule."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from approvals.models import Rule
from approvals.reading.rules import guest_called, team_choices
from approvals.usecases.rules import LONGEST_NAME, MOST_DOWNTIME_MS, MOST_HOURS, MOST_QUORUM
from kvmweb.web.plain import PlainField, ReasonField
from migrations_app.domain.kinds import KINDS

ROLES = (("lead", "A lead of the VM's team"), ("operator", "An operator"), ("admin", "An admin"))


class RuleForm(forms.Form):
    name = PlainField(max_length=LONGEST_NAME, label="Name", help_text="People of teams read it, so name no host.")
    team = forms.TypedChoiceField(required=False, coerce=int, empty_value=None, label="Team")
    guest = PlainField(required=False, max_length=512, label="VM", help_text="Its exact name, or its UUID.")
    kind = forms.ChoiceField(required=False, label="Method")
    hours = PlainField(required=False, max_length=11, label="Hours", help_text="Such as 08:00-18:00.")
    time_zone = PlainField(max_length=64, label="Time zone", initial="UTC", help_text="Such as Europe/Berlin.")
    downtime_ms = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_DOWNTIME_MS,
        label="Forecast downtime of at least, ms",
        help_text="A downtime that is not known counts as longer.",
    )
    role = forms.ChoiceField(choices=ROLES, label="Who approves")
    quorum = forms.IntegerField(min_value=1, max_value=MOST_QUORUM, initial=1, label="How many of them")
    expires_hours = forms.IntegerField(
        min_value=1,
        max_value=MOST_HOURS,
        initial=72,
        label="Time to decide, h",
        help_text="Without a decision it is not approved.",
    )
    reason = ReasonField()

    def __init__(self, data: Any = None, *, rule: Rule | None = None) -> None:
        names = ("name", "kind", "hours", "time_zone", "downtime_ms", "role", "quorum", "expires_hours")
        initial: dict[str, Any] = {}
        if rule is not None:
            initial = {name: getattr(rule, name) for name in names}
            initial |= {"team": rule.team_id or "", "guest": str(rule.guest_id or "")}
        super().__init__(data, initial=initial)
        self.fields["team"].choices = [("", "any"), *team_choices()]  # type: ignore[attr-defined]
        kinds = [("", "any"), *((row.kind.value, row.label) for row in KINDS)]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        for field in self.fields.values():
            style = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"
            field.widget.attrs |= {"class": style, "autocomplete": "off", "spellcheck": "false"}

    def clean_guest(self) -> UUID | None:
        text = self.cleaned_data["guest"]
        if not text:
            return None
        found = guest_called(text)
        if len(found) != 1:
            several = "Several VMs have this name. Enter the UUID."
            raise ValidationError(several if found else "No VM with this name or UUID has been seen.")
        return found[0]

    def given(self) -> dict[str, Any]:
        """Of a valid form."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}
