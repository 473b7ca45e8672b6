"""People and groups."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest

from kvmweb.accounts.admin_site import ForAdmins, is_admin
from kvmweb.accounts.permissions import Role

admin.site.unregister([User, Group])


@admin.register(User)
class People(ForAdmins, UserAdmin):  # type: ignore[type-arg]
    """Whoever leaves is made inactive; deleting would take the name from what they did.

    Superusers are seen, made and changed by superusers only: an admin must not become one through another's password.
    """

    list_display = ("username", "roles", "is_active", "last_login")
    list_filter = ("groups", "is_active")
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    actions = None

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        rights = ("is_active", "groups")
        return (
            (None, {"fields": ("username", "password", "first_name", "last_name")}),
            ("Rights", {"fields": (*rights, "is_superuser") if _is_superuser(request) else rights}),
            ("Times", {"fields": ("last_login", "date_joined")}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows = super().get_queryset(request).prefetch_related("groups")
        return rows if _is_superuser(request) else rows.filter(is_superuser=False)

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all()) or ("superuser" if user.is_superuser else "none")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request.user) and (obj is None or not obj.is_superuser or _is_superuser(request))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Group)
class Groups(ForAdmins, GroupAdmin):
    """The three roles are groups that kvmweb knows by name; they stay as they are."""

    fields = ("name",)
    filter_horizontal = ()
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request.user) and not _is_role(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request.user) and not _is_role(obj)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def _is_role(group: Group | None) -> bool:
    return group is not None and group.name in list(Role)
