from __future__ import annotations

from portal.models.notice import Notice
from portal.models.quota import Quota
from portal.models.request import Request
from portal.models.storage import Storage
from portal.models.terms import Delay, Terms
from portal.models.window import Blackout, Window

__all__ = ["Blackout", "Delay", "Notice", "Quota", "Request", "Storage", "Terms", "Window"]
