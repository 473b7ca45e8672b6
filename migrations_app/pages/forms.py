"""The choices of a migration, in the order people think: where to, how, the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django import forms

from kvmweb.web.plain import LONGEST_REASON, PlainField, ReasonField
from migrations_app.domain import virsh
from migrations_app.domain.kinds import KIND, KINDS, SAME_HOST_KINDS, Kind
from migrations_app.domain.option import Group
from migrations_app.domain.options import OPTION, OPTIONS, Option, Place, Type, on_page
from migrations_app.domain.request import BadRequest, MigrationRequest, make_request
from migrations_app.pages.places import PlaceRow, chosen, field_name, initial_places, place_fields, targets_of
from migrations_app.pages.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import QueryDict

    from hosts.models import Guest, Host
    from migrations_app.reading.movability import Candidate
    from migrations_app.reading.policies import OfferedPolicy


_SHOWN = tuple(option for option in OPTIONS if option.place is not Place.NOWHERE)


class MigrateForm(forms.Form):
    """`candidates` are the hosts of the list; only those without a reason can be chosen. `here` has the VM. `policies`:
    the one that is set, and all that can be chosen."""

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
    policy = forms.ChoiceField(
        required=False, error_messages={"invalid_choice": "This policy has just been removed. Choose another one."}
    )
    confirm = forms.CharField(required=False, max_length=512, strip=False)
    #: of a VM that is shut down for it
    confirm_stop = forms.CharField(required=False, max_length=512, strip=False)
    break_glass = PlainField(required=False, max_length=LONGEST_REASON, label="Why it cannot wait")
    reason = ReasonField()
    urgent = forms.BooleanField(required=False)
    key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        guest: Guest,
        candidates: Sequence[Candidate],
        here: Host | None = None,
        policies: Sequence[OfferedPolicy] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.policies = policies
        self.fields["policy"].choices = [(one.name, one.label) for one in policies]  # type: ignore[attr-defined]
        self.fields |= {option.name: _field(option) for option in _SHOWN}
        self.guest = guest
        able = [candidate for candidate in candidates if not candidate.reason]
        self.fields["target"].choices = [(c.host.pk, c.host.name) for c in able]  # type: ignore[attr-defined]
        if able:
            self.fields["target"].initial = able[0].host.pk
        self.fields["copy_disks"].choices = [  # type: ignore[attr-defined]
            (disk["target"], disk["target"]) for disk in guest.disks if disk.get("device") == "disk"
        ]
        self.here = here
        self.fields |= place_fields(guest, [*([here] if here else []), *(candidate.host for candidate in able)])
        self.fields["target"].required = self.data.get("kind") not in SAME_HOST_KINDS
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
        meant = [o for o in _SHOWN if o.type is not Type.DISKS and kind in o.kinds and not _hidden(o, values)]
        options: dict[str, Any] = {option.name: values[option.name] or None for option in meant}
        options |= {option.name: values[option.name] for option in meant if option.type is Type.BOOLEAN}
        row, target = KIND[kind], values["target"]
        if row.same_host:
            target = self.here.pk if self.here else None
        elif row.copies:
            options["copy_disks"] = tuple(values["copy_disks"]) or True
        elif row.may_copy:
            options["copy_disks"] = tuple(values["copy_disks"]) or False
        if row.copies or options.get("copy_disks"):
            options["disks"] = chosen(values, targets_of(self.guest)) or None
        policy = values["policy"] if row.has_policy else ""
        return make_request(guest=str(self.guest.pk), target=target, kind=kind, options=options, policy=policy)

    def name_disks(self, labels: dict[str, str]) -> None:
        """Say where each disk is and how large."""
        field = self.fields["copy_disks"]
        field.choices = [(name, labels.get(name, name)) for name, _ in field.choices]  # type: ignore[attr-defined]

    @property
    def unusual(self) -> bool:
        """Whether something in the folded part is not as it comes."""
        folded = [option for place in (Place.OPTIONS, Place.DANGER) for option in on_page(place)]
        return bool(self["reason"].value() or self["urgent"].value()) or any(
            (self[option.name].value() or None) != (option.default or None) for option in folded
        )

    def places(self) -> list[PlaceRow]:
        """Where the copies of the disks are made."""
        return [
            PlaceRow(name, *(self[field_name(name, choice)] for choice in ("pool", "name", "format")))
            for name in targets_of(self.guest)
        ]

    @property
    def stays(self) -> bool:
        """Whether the chosen method leaves the VM on its host."""
        return self["kind"].value() in SAME_HOST_KINDS

    @property
    def can_go(self) -> bool:
        return self.stays or bool(self.fields["target"].choices)  # type: ignore[attr-defined]

    def places_open(self) -> bool:
        return self.stays or any(field.value() or field.errors for row in self.places() for field in row.fields)

    def policy_chosen(self) -> OfferedPolicy | None:
        """Also before anything is chosen, and when that has been removed."""
        chosen = self["policy"].value() or ""
        return next((one for one in self.policies if one.name == chosen), next(iter(self.policies), None))

    kinds = KINDS
    no_policy: ClassVar = [row.kind for row in KINDS if not row.has_policy]
    not_stopped: ClassVar = [row.kind for row in KINDS if not row.stops]
    new_places = OPTION["disks"]
    disks = OPTION["copy_disks"]

    presets = PRESETS

    def groups(self) -> list[OptionGroup]:
        """The folded options under their headings."""
        options = on_page(Place.OPTIONS)
        rows = [(group, [(o, self[o.name]) for o in options if o.group is group]) for group in Group]
        return [OptionGroup(group.value, rows) for group, rows in rows if rows]

    def better_than_unsafe(self) -> str:
        """What makes it safe instead."""
        disks = [name for name, _ in self.fields["copy_disks"].choices] or ["vda"]  # type: ignore[attr-defined]
        guest = virsh.vm(self.guest.name, str(self.guest.pk))
        words = (["virt-xml", guest, "--edit", f"target={disk}", "--disk", "cache=none"] for disk in disks)
        return "\n".join(map(virsh.line, words))

    def beside_kind(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, self[o.name]) for o in on_page(Place.WITH_KIND) if o.type is Type.BOOLEAN]

    def boxes_beside_kind(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, self[o.name]) for o in on_page(Place.WITH_KIND) if o.type is Type.INTEGER]

    def dangers(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, self[o.name]) for o in on_page(Place.DANGER)]


@dataclass(frozen=True, slots=True)
class OptionGroup:
    heading: str
    rows: list[tuple[Option, forms.BoundField]]

    @property
    def boxes(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, field) for o, field in self.rows if o.choices or (o.type is not Type.BOOLEAN and not o.needs)]

    @property
    def details(self) -> list[tuple[Option, forms.BoundField]]:
        """Boxes that show when what they need is chosen."""
        return [(o, field) for o, field in self.rows if _hides(o)]

    @property
    def flags(self) -> list[tuple[Option, forms.BoundField]]:
        return [(o, field) for o, field in self.rows if o.type is Type.BOOLEAN]

    @property
    def not_for(self) -> list[Kind]:
        """The kinds that have none of its options."""
        return [kind for kind in Kind if all(kind in option.not_for for option, _ in self.rows)]


def _hidden(option: Option, values: dict[str, Any]) -> bool:
    """Whether the page hides its box, because what it needs is not chosen: what is in it then is not meant."""
    given = [(needs, values[needs.option]) for needs in option.needs]
    return _hides(option) and not all(value in needs.values if needs.values else value for needs, value in given)


def _hides(option: Option) -> bool:
    return option.type is Type.INTEGER and bool(option.needs)


def _field(option: Option) -> forms.Field:
    if option.type is Type.CHOICE:
        choices = [("", "None"), *((choice.value, choice.label) for choice in option.choices)]
        return forms.ChoiceField(required=False, choices=choices)
    if option.type in (Type.ADDRESS, Type.NAME):
        return forms.CharField(required=False, max_length=253)
    if option.type is Type.DISKS:
        box = forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})
        return forms.MultipleChoiceField(required=False, widget=box)
    if option.type is Type.INTEGER:
        said = dict.fromkeys(("invalid", "min_value", "max_value"), option.out_of_bounds)
        return forms.IntegerField(
            required=False,
            error_messages=said,
            min_value=option.minimum,
            max_value=option.maximum,
            initial=option.default,
        )
    return forms.BooleanField(required=False, initial=bool(option.default))


def initial_of(request: MigrationRequest, copied: list[str] | None = None) -> dict[str, Any]:
    """The form's values that give this request again. `copied`: the disks that its check chose, which are ticked."""
    values = request.options.plain().as_json()
    if not isinstance(values["copy_disks"], list):
        values["copy_disks"] = (copied or []) if values["copy_disks"] else []
    places = initial_places(values.pop("disks"))
    return values | places | {"target": request.target, "kind": request.kind.value, "policy": request.policy}


def choices_of(query: QueryDict) -> dict[str, Any]:
    """The form's values from an address, as far as they are in it; a box that is not in it was not ticked."""
    values: dict[str, Any] = {"reason": query.get("reason", ""), "policy": query.get("policy", "")}
    values |= {name: query[name] for name in query if name.startswith("place-")}
    if query.get("kind") in [row.kind.value for row in KINDS]:
        values["kind"] = query["kind"]
    for option in _SHOWN:
        if option.type is Type.DISKS:
            values[option.name] = query.getlist(option.name)
        elif option.type is Type.BOOLEAN:
            values[option.name] = option.name in query
        else:
            values[option.name] = query.get(option.name, "")
    return values
