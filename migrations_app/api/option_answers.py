"""The API's responses about options."""

from __future__ import annotations

from ninja import Schema

from migrations_app.api.texts import KindText, OptionTypeText
from migrations_app.domain.kinds import Kind
from migrations_app.domain.options import Option


class NeedsOut(Schema):
    """The oldest versions that both hosts need, such as "9.0.0"; null when any version works."""

    libvirt: str | None
    qemu: str | None


class OptionOut(Schema):
    """`type`: boolean, integer, disks (false, true, or a list of targets such as vda), choice (one of `choices`),
    address (an IP address or a host name), or placements (by target of a disk, its new pool, name and format). `virsh`:
    the arguments of virsh migrate, or a separate command; {} is the value. `conflicts`: options that cannot be combined
    with it. `requires`: options that it needs."""

    name: str
    type: OptionTypeText
    unit: str
    minimum: int | None
    maximum: int | None
    default: bool | int | None
    kinds: list[KindText]
    needs: NeedsOut
    conflicts: list[str]
    requires: list[str]
    choices: list[str]
    virsh: str
    consequence: str

    @staticmethod
    def resolve_default(row: Option) -> object:
        return row.default if isinstance(row.default, bool | int) else None

    @staticmethod
    def resolve_kinds(row: Option) -> list[str]:
        return [kind for kind in Kind if kind in row.kinds]

    @staticmethod
    def resolve_needs(row: Option) -> dict[str, str | None]:
        return {"libvirt": _version(row.since_libvirt), "qemu": _version(row.since_qemu)}

    @staticmethod
    def resolve_requires(row: Option) -> list[str]:
        return [needs.option for needs in row.needs if not needs.when]

    @staticmethod
    def resolve_choices(row: Option) -> list[str]:
        return [choice.value for choice in row.choices]

    @staticmethod
    def resolve_virsh(row: Option) -> str:
        return " ".join(row.virsh)


def _version(number: int) -> str | None:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}" if number else None
