"""The choices of a migration, in the order people think: where to, how, the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django import forms

from kvmweb.web.plain import ReasonField
from migrations_app.domain.kinds import KIND, KINDS, Kind
from migrations_app.domain.options import OPTION, OPTIONS, Option, Place, Type, on_page
from migrations_app.domain.request import BadRequest, MigrationRequest, make_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import QueryDict

    from hosts.models import Guest
    from migrations_app.reading.movability import Candidate


class MigrateForm(forms.Form):
    """`candidates` are the hosts of the list; only those without a reason can be chosen."""

    target = forms.TypedChoiceField(
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose a destination host.",
            "invalid_choice": "Choose a host that can take the VM.",
        },
    )
    kind = forms.ChoiceField(
        choices=[(row.kind.value, row.label) for row in KINDS],
        widget=forms.RadioSelect,
        initial=Kind.LIVE.value,
    )
    confirm = forms.CharField(required=False, max_length=512, strip=False)
    reason = ReasonField()
    key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, guest: Guest, candidates: Sequence[Candidate], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= {option.name: _field(option) for option in OPTIONS}
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
        # what is not for this kind is not in sight
        options: dict[str, Any] = {
            o.name: values[o.name] for o in OPTIONS if o.type is not Type.DISKS and kind in o.kinds
        }
        if KIND[kind].copies:
            options["copy_disks"] = tuple(values["copy_disks"]) or True
        elif KIND[kind].may_copy:
            options["copy_disks"] = tuple(values["copy_disks"]) or False
        return make_request(guest=str(self.guest.pk), target=values["target"], kind=kind, options=options)

    def name_disks(self, labels: dict[str, str]) -> None:
        """Say where each disk is and how large."""
        field = self.fields["copy_disks"]
        field.choices = [(name, labels.get(name, name)) for name, _ in field.choices]  # type: ignore[attr-defined]

    @property
    def unusual(self) -> bool:
        """Whether something in the folded part is not as it comes."""
        folded = [option for place in (Place.OPTIONS, Place.DANGER) for option in on_page(place)]
        return bool(self["reason"].value()) or any(
            (self[option.name].value() or None) != (option.default or None) for option in folded
        )

    kinds = KINDS
    disks = OPTION["copy_disks"]

    def numbers(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, self[o.name]) for o in on_page(Place.OPTIONS) if o.type is Type.INTEGER]

    def flags(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, self[o.name]) for o in on_page(Place.OPTIONS) if o.type is Type.BOOLEAN]

    def with_copies(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, self[o.name]) for o in on_page(Place.WITH_KIND) if o.type is Type.BOOLEAN]

    def dangers(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, self[o.name]) for o in on_page(Place.DANGER)]


def _field(option: Option) -> forms.Field:
    if option.type is Type.DISKS:
        box = forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})
        return forms.MultipleChoiceField(required=False, widget=box)
    if option.type is Type.INTEGER:
        said = dict.fromkeys(("invalid", "min_value", "max_value"), option.out_of_bounds)
        return forms.IntegerField(
            required=False, error_messages=said, min_value=option.minimum, max_value=option.maximum
        )
    return forms.BooleanField(required=False, initial=bool(option.default))


def initial_of(request: MigrationRequest, copied: list[str] | None = None) -> dict[str, Any]:
    """The form's values that give this request again. `copied`: the disks that its check chose, which are ticked."""
    values = request.options.as_json()
    if not isinstance(values["copy_disks"], list):
        values["copy_disks"] = (copied or []) if values["copy_disks"] else []
    return values | {"target": request.target, "kind": request.kind.value}


def choices_of(query: QueryDict) -> dict[str, Any]:
    """The form's values from an address, as far as they are in it; a box that is not in it was not ticked."""
    values: dict[str, Any] = {"reason": query.get("reason", "")}
    if query.get("kind") in [row.kind.value for row in KINDS]:
        values["kind"] = query["kind"]
    for option in OPTIONS:
        if option.type is Type.DISKS:
            values[option.name] = query.getlist(option.name)
        elif option.type is Type.BOOLEAN:
            values[option.name] = option.name in query
        else:
            values[option.name] = query.get(option.name, "")
    return values
