"""Django's admin: admins manage users there; auditors read kvmweb's records."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from kvmweb.accounts.permissions import Right, may, require

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    _Admin = ModelAdmin[Any]
else:
    _Admin = ModelAdmin

#: other apps bring their own admin pages; editing addresses, the queue or tokens there would bypass our rules
_SHOWN = {"auth", "hosts", "journal", "migrations_app"}


class KvmwebAdminSite(AdminSite):
    site_header = site_title = "kvmweb"
    index_title = "Users and records"

    def register(self, model_or_iterable: Any, admin_class: type[_Admin] | None = None, **options: Any) -> None:
        models: Iterable[type[Model]] = (
            [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        )
        shown = [model for model in models if model._meta.app_label in _SHOWN]
        super().register(shown, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return may(request.user, Right.READ_RECORDS)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Django's pages fail on invalid addresses, such as a number for a UUID: answer 404."""

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                answer: HttpResponse = view(request, *args, **kwargs)
            except (ValueError, ValidationError, OverflowError, DataError) as error:
                if request.method not in ("GET", "HEAD"):
                    raise
                log.warning("%s is not a valid address: %s", request.path, error)
                raise Http404 from None
            return answer

        return super().admin_view(guarded, cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The one login page of kvmweb, with its rate limits."""
        if request.user.is_authenticated:
            require(request.user, Right.READ_RECORDS)
        index = reverse("admin:index")
        following = request.GET.get("next", "")
        return redirect_to_login(following if following.startswith(index) else index, reverse("account_login"))


class ForAdmins(_Admin):
    """Visible to users with this right, whatever Django's own permissions say."""

    right = Right.MANAGE_PEOPLE

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, self.right)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, self.right)


class ReadOnly(ForAdmins):
    """Records that nobody edits."""

    right = Right.READ_RECORDS
    list_display: Any = ("__str__",)
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
