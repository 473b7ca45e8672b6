"""The orders, by name. Every module here has one, called ORDER."""

from __future__ import annotations

import importlib
import pkgutil

from migrations_app.domain.order import Order

_MODULES = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
ORDERS: dict[str, Order] = {module.ORDER.what: module.ORDER for module in _MODULES}
#: those that a migration offers on its page and in the API
CONTROLS: dict[str, Order] = {what: order for what, order in ORDERS.items() if order.label}
