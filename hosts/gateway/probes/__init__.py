"""The questions to a host's own system, a file each. Importing this package registers all of them in `PROBES`."""

from __future__ import annotations

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
