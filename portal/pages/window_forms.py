"""The forms of windows, blackouts, and the terms of a VM."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms

from approvals.reading.rules import team_choices
from kvmweb.web.plain import PlainField, ReasonField
from portal.domain.windows import LONGEST_MINUTES
from portal.models import Terms, Window
from portal.usecases.terms import MOST_DOWNTIME_MS, MOST_VETO_HOURS
from portal.usecases.windows import LONGEST_NAME, LONGEST_RULE

_FOR_TEAMS = "People of teams read it, so name no host."


class _Form(forms.Form):
    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        if "team" in self.fields:
            self.fields["team"].choices = [("", "All teams"), *team_choices()]  # type: ignore[attr-defined]
        zones = [(zone, zone) for zone in sorted(available_timezones())]
        self.fields["time_zone"].choices = zones  # type: ignore[attr-defined]
        for field in self.fields.values():
            style = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"
            field.widget.attrs |= {"class": style, "autocomplete": "off", "spellcheck": "false"}


class WindowForm(_Form):
    name = PlainField(max_length=LONGEST_NAME, label="Name")
    team = forms.TypedChoiceField(required=False, coerce=int, empty_value=None, label="For")
    rule = PlainField(
        max_length=LONGEST_RULE,
        label="Rule",
        help_text="When it opens, such as FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=0.",
    )
    time_zone = forms.ChoiceField(label="Time zone", initial="UTC")
    minutes = forms.IntegerField(min_value=1, max_value=LONGEST_MINUTES, label="Open for, minutes", initial=120)
    reason = ReasonField()

    def __init__(self, data: Any = None, *, window: Window | None = None) -> None:
        names = ("name", "rule", "time_zone", "minutes")
        initial = {name: getattr(window, name) for name in names} if window is not None else None
        super().__init__(data, initial=initial and initial | {"team": getattr(window, "team_id", None) or ""})

    def given(self) -> dict[str, Any]:
        """Of a valid form."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


class BlackoutForm(_Form):
    name = PlainField(max_length=LONGEST_NAME, label="Name", help_text=_FOR_TEAMS)
    team = forms.TypedChoiceField(required=False, coerce=int, empty_value=None, label="For")
    begins = forms.DateTimeField(label="Begins")
    ends = forms.DateTimeField(label="Ends")
    time_zone = forms.ChoiceField(label="Time zone of these times", initial="UTC")
    reason = ReasonField()

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for name in ("begins", "ends"):
            attributes = {**self.fields[name].widget.attrs, "type": "datetime-local"}
            self.fields[name].widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs=attributes)
            self.fields[name].error_messages["invalid"] = "Enter a date and a time, such as 2027-01-08 06:00."

    def given(self) -> dict[str, Any]:
        """Of a valid form."""
        values, zone = self.cleaned_data, ZoneInfo(self.cleaned_data["time_zone"])
        times = {name: values[name].replace(tzinfo=zone) for name in ("begins", "ends")}
        return {"name": values["name"], "team": values["team"], **times}


class TermsForm(_Form):
    quiet_hours = PlainField(
        required=False,
        max_length=11,
        label="Quiet hours",
        help_text="Such as 08:00-18:00, each day. Requests of the team wait until they are over; operators are told.",
    )
    time_zone = forms.ChoiceField(label="Time zone of the quiet hours")
    downtime_ms = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_DOWNTIME_MS,
        label="Longest downtime, ms",
        help_text="A request of the team is refused when more is forecast.",
    )
    veto_hours = forms.IntegerField(
        min_value=0,
        max_value=MOST_VETO_HOURS,
        label="Time to prepare, hours",
        help_text="Operators' migrations wait so long, unless they are urgent or the team lets them go. 0: not at all.",
    )
    reason = ReasonField()

    def __init__(self, data: Any = None, *, terms: Terms) -> None:
        names = ("quiet_hours", "time_zone", "downtime_ms", "veto_hours")
        super().__init__(data, initial={name: getattr(terms, name) for name in names})
