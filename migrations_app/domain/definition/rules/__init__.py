"""The rules by subject. Each path of libvirt's schema is under one of them: tests/unit/domain/test_definition.py."""

from __future__ import annotations

from migrations_app.domain.definition.rule import Rules
from migrations_app.domain.definition.rules import characters, devices, guest, images, nics

RULES: Rules = {**guest.RULES, **devices.RULES, **images.RULES, **nics.RULES, **characters.RULES}
