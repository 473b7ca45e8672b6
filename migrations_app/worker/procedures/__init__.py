"""How each kind of migration is carried out. Every module here says which kinds in PROCEDURES."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from migrations_app.domain.kinds import Kind
from migrations_app.worker.procedure import Procedure

_MODULES = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
PROCEDURES: Mapping[Kind, Procedure] = {
    kind: procedure for module in _MODULES for kind, procedure in module.PROCEDURES.items()
}
