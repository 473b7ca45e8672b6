"""The form of a policy. It remembers what it showed: only what its user changed is changed, whatever others do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from kvmweb.web.plain import PlainField, ReasonField
from migrations_app.domain.convergence.bounds import NUMBERS, STEP, Bounds
from migrations_app.domain.convergence.policy import LastResort, Policy
from migrations_app.usecases.policies import PolicyFields
from migrations_app.words.policies import LAST

_PLAIN = {"class": "form-control", "autocomplete": "off", "spellcheck": "false"}
_OFFERED = (LastResort.ABORT, LastResort.POST_COPY, LastResort.FINISH, LastResort.THROTTLE)
_LAST_LABELS = {
    LastResort.ABORT: "Give up",
    LastResort.POST_COPY: "Switch to post-copy",
    LastResort.FINISH: "Finish in any case",
    LastResort.THROTTLE: "Start again, with auto-converge",
}


class LadderField(forms.CharField):
    """Numbers with commas or spaces between them."""

    def to_python(self, value: object) -> tuple[int, ...]:  # type: ignore[override]
        if isinstance(value, list | tuple):
            return tuple(value)
        words = str(value or "").replace(",", " ").split()
        if not all(word.isascii() and word.isdecimal() and len(word) <= 9 for word in words):
            raise ValidationError("Enter whole numbers with commas between them, for example: 150, 200, 300.")
        return tuple(map(int, words))

    def prepare_value(self, value: object) -> object:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


class PolicyForm(forms.Form):
    name = PlainField(
        label="Name",
        widget=forms.TextInput(attrs=_PLAIN),
        show_hidden_initial=True,
        error_messages={"required": "Enter a name."},
    )
    last_resort = forms.ChoiceField(
        label="Last resort",
        choices=[(one.value, _LAST_LABELS[one]) for one in _OFFERED],
        widget=forms.RadioSelect(attrs={"class": "form-check-input"}),
        show_hidden_initial=True,
    )
    resume_post_copy = forms.BooleanField(
        required=False,
        label="Resume post-copy by itself",
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        show_hidden_initial=True,
    )
    shadow = forms.BooleanField(
        required=False,
        label="Shadow mode",
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        show_hidden_initial=True,
    )
    reason = ReasonField()

    def __init__(self, data: Any = None, *, shown: Policy) -> None:
        super().__init__(data, initial=shown.as_json())
        self.fields |= {row.name: _number(row) for row in NUMBERS}
        self.fields[STEP.name] = LadderField(
            required=False,
            label=f"{STEP.label}, {STEP.unit}",
            help_text=f"{STEP.consequence} With commas between them.",
            widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "numeric"}),
            show_hidden_initial=True,
        )
        self.fields["reason"].widget.attrs |= _PLAIN
        self.fields["reason"].help_text = "For the journal."
        self.order_fields(["name", NUMBERS[0].name, STEP.name])
        if shown.built_in:
            self.fields["name"].disabled = True
            self.fields["name"].help_text = "It comes with kvmweb and keeps its name."

    def changes(self) -> PolicyFields:
        """What the user has changed, of a valid form."""
        return self._values(self.changed_data)

    def all_fields(self) -> PolicyFields:
        return self._values(self.cleaned_data)

    def _values(self, names: Iterable[str]) -> PolicyFields:
        values: Any = {name: self.cleaned_data[name] for name in names if name != "reason"}
        return cast("PolicyFields", values)

    def last_resorts(self) -> list[tuple[Any, str]]:
        """Each with its consequence."""
        return [(box, LAST[LastResort(box.data["value"])]) for box in self["last_resort"]]

    def last_resort_shown(self) -> str:
        """What the form showed, see `changes`."""
        return self["last_resort"].as_hidden(only_initial=True)

    def numbers(self) -> list[forms.BoundField]:
        """Those below the downtimes."""
        return [self[row.name] for row in NUMBERS[1:]]


def _number(row: Bounds) -> forms.Field:
    said = dict.fromkeys(("required", "invalid", "min_value", "max_value"), row.out_of_bounds)
    return forms.IntegerField(
        label=f"{row.label}, {row.unit}",
        help_text=row.consequence,
        min_value=row.minimum,
        max_value=row.maximum,
        error_messages=said,
        widget=forms.NumberInput(attrs={**_PLAIN, "class": "form-control num", "inputmode": "numeric", "step": 1}),
        show_hidden_initial=True,
    )
