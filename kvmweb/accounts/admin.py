"""Users and their roles. Django's groups mean nothing in kvmweb."""

from __future__ import annotations

import copy
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from kvmweb.accounts import logins, record, throttle
from kvmweb.accounts.admin_site import ForAdmins
from kvmweb.accounts.grants import set_roles
from kvmweb.accounts.permissions import Right, may
from kvmweb.accounts.roles import EVERYWHERE, MEANINGS, Role
from kvmweb.web.plain import ReasonField

admin.site.unregister([User, Group])
FOR_THE_JOURNAL = ("For the journal", {"fields": ("reason",)})


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    roles = forms.MultipleChoiceField(
        required=False,
        choices=[(role.value, f"{role}: {MEANINGS[role]}") for role in Role],
        widget=forms.CheckboxSelectMultiple,
        help_text="Everywhere. Who is in which team is on the page of the team.",
    )
    reason = ReasonField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "roles" in self.fields:  # not on the page that Django makes for somebody who may only look
            self.initial["roles"] = list(self.instance.grants.filter(scope=EVERYWHERE).values_list("role", flat=True))


class NewPersonForm(AdminUserCreationForm):  # type: ignore[type-arg]
    reason = ReasonField()


class NewPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Asks for the admin's own password: a computer left unlocked must not give anybody another user's account."""

    request: HttpRequest
    own_password = forms.CharField(
        label="Your own password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Confirms that it is you.",
    )

    def clean_own_password(self) -> str:
        given: str = self.cleaned_data["own_password"]
        admin, address = cast("User", self.request.user), logins.address(self.request)
        seconds = throttle.begin(admin.get_username(), address)
        if seconds:
            raise forms.ValidationError(f"Too many wrong passwords. Wait {seconds} s, then try again.")
        if not admin.check_password(given):
            logins.failed(self.request, admin.get_username())
            raise forms.ValidationError("This is not your password.")
        throttle.forget(admin.get_username(), address)
        return given


@admin.register(User)
class People(ForAdmins, UserAdmin):  # type: ignore[type-arg]
    """Users are made inactive, never deleted: their name stays with what they did.

    Only superusers see, create and change superusers: an admin must not become one by setting another's password.
    """

    form = PersonForm
    add_form = NewPersonForm
    add_fieldsets = (*UserAdmin.add_fieldsets, FOR_THE_JOURNAL)
    list_display = ("username", "given", "is_active", "last_login")
    list_filter = ("grants__role", "is_active")
    filter_horizontal = ()
    change_user_password_template = "admin/set_password.html"
    readonly_fields = ("last_login", "date_joined")
    actions = None

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        rights = ("is_active", "roles")
        return (
            (None, {"fields": ("username", "password", "first_name", "last_name")}),
            ("Rights", {"fields": (*rights, "is_superuser") if _is_superuser(request) else rights}),
            ("Times", {"fields": ("last_login", "date_joined")}),
            FOR_THE_JOURNAL,
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows = super().get_queryset(request).prefetch_related("grants")
        return rows if _is_superuser(request) else rows.filter(is_superuser=False)

    @admin.display(description="roles")
    def given(self, user: User) -> str:
        return ", ".join(map(str, user.grants.all())) or ("superuser" if user.is_superuser else "none")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        form.kvmweb_before = record.standing(User.objects.get(pk=obj.pk)) if change else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Roles are saved here, after the user; Django's admin has one transaction around both."""
        super().save_related(request, form, formsets, change)
        if change:  # a new user has none yet
            set_roles(form.instance, form.cleaned_data["roles"])
        reason = form.cleaned_data["reason"]
        record.changed(form.instance, form.kvmweb_before, by=cast("User", request.user), reason=reason)

    @method_decorator(sensitive_post_parameters())
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        mine = copy.copy(self)  # one object serves all requests
        mine.change_password_form = type("NewPasswordForm", (NewPasswordForm,), {"request": request})
        if request.method != "POST":  # reading takes no lock
            return super(People, mine).user_change_password(request, id, form_url)
        with transaction.atomic():
            before = self.get_object(request, id)
            answer = super(People, mine).user_change_password(request, id, form_url)
            after = self.get_object(request, id)
            if before and after and before.password != after.password:
                record.new_password(after, by=cast("User", request.user))
        return answer

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request.user, Right.MANAGE_PEOPLE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, Right.MANAGE_PEOPLE) and (
            obj is None or not obj.is_superuser or _is_superuser(request)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
