"""The choices of a migration, in the order people think: where to, how, the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django import forms

from kvmweb.plain import ReasonField
from migrations_app.domain.request import (
    MAX_BANDWIDTH_MIB,
    MAX_DOWNTIME_MS,
    BadRequest,
    Kind,
    MigrationRequest,
    make_request,
    options_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hosts.models import Guest
    from migrations_app.usecases.movability import Candidate

_FLAGS = ("persist", "undefine_source", "auto_converge", "compressed", "abort_on_error", "unsafe")
_NUMBERS = ("bandwidth_mib", "max_downtime_ms")


class MigrateForm(forms.Form):
    """`candidates` are the hosts of the list; only those without a reason can be chosen."""

    target = forms.TypedChoiceField(
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a destination.", "invalid_choice": "Choose a host that can take the VM."},
    )
    kind = forms.ChoiceField(
        choices=[(Kind.LIVE.value, "Live"), (Kind.LIVE_STORAGE.value, "Live with storage")],
        widget=forms.RadioSelect,
        initial=Kind.LIVE.value,
    )
    copy_disks = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})
    )
    persist = forms.BooleanField(required=False, initial=True)
    undefine_source = forms.BooleanField(required=False, initial=True)
    auto_converge = forms.BooleanField(required=False)
    compressed = forms.BooleanField(required=False)
    abort_on_error = forms.BooleanField(required=False)
    bandwidth_mib = forms.IntegerField(required=False, min_value=1, max_value=MAX_BANDWIDTH_MIB)
    max_downtime_ms = forms.IntegerField(required=False, min_value=1, max_value=MAX_DOWNTIME_MS)
    unsafe = forms.BooleanField(required=False)
    confirm = forms.CharField(required=False, max_length=512, strip=False)
    reason = ReasonField()
    key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, guest: Guest, candidates: Sequence[Candidate], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guest = guest
        able = [candidate for candidate in candidates if not candidate.reason]
        self.fields["target"].choices = [(c.host.pk, c.host.name) for c in able]  # type: ignore[attr-defined]
        if able:
            self.fields["target"].initial = able[0].host.pk
        self.fields["copy_disks"].choices = [  # type: ignore[attr-defined]
            (disk["target"], disk["target"]) for disk in guest.disks if disk.get("device") == "disk"
        ]
        self.fields["key"].initial = uuid4().hex

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            try:
                values["request"] = self._request(values)
            except BadRequest as bad:
                self.add_error(bad.field if bad.field in self.fields else None, str(bad))
        return values

    def _request(self, values: dict[str, Any]) -> MigrationRequest:
        kind = Kind(values["kind"])
        options: dict[str, Any] = {name: values[name] for name in (*_FLAGS, *_NUMBERS)}
        if kind is Kind.LIVE_STORAGE:
            options["copy_disks"] = tuple(values["copy_disks"]) or True
        return make_request(guest=str(self.guest.pk), target=values["target"], kind=kind, options=options)

    @property
    def unusual(self) -> bool:
        """Whether something in the folded part is not as it comes."""
        return any(
            self[name].value() != self.fields[name].initial and self[name].value() not in (None, "", False)
            for name in (*_FLAGS, *_NUMBERS, "reason")
            if name not in ("persist", "undefine_source")
        ) or not all(self[name].value() for name in ("persist", "undefine_source"))


def initial_of(request: MigrationRequest) -> dict[str, Any]:
    """The form's values that give this request again."""
    values = options_json(request.options)
    if not isinstance(values["copy_disks"], list):
        values["copy_disks"] = []
    return values | {"target": request.target, "kind": request.kind.value}
