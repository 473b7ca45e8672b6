"""The forms of the console."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

from kvmweb.accounts import logins, people, scopes, throttle
from kvmweb.accounts.roles import MEANINGS, MEANINGS_IN_GROUP, OF_TEAMS, Role
from kvmweb.web.plain import PlainField, ReasonForm

_NAMES = "Letters, digits and @ . + - _"


class PasswordField(forms.CharField):
    """Typed blindly, and never sent back to the browser."""

    def __init__(self, *, autocomplete: str = "new-password", **options: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(strip=False, max_length=people.LONGEST_PASSWORD, widget=widget, **options)


class ConsoleForm(ReasonForm):
    """In the look of the product."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.MultipleChoiceField):
                continue
            style = "form-select" if isinstance(field, forms.ChoiceField | forms.ModelChoiceField) else "form-control"
            usual = {"class": style, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
            field.widget.attrs = usual | field.widget.attrs


class PersonForm(ConsoleForm):
    username = PlainField(max_length=people.LONGEST_NAME, label="User name", help_text=_NAMES)
    email = PlainField(required=False, max_length=people.LONGEST_EMAIL, label="E-mail")
    roles = forms.MultipleChoiceField(
        required=False,
        choices=[(role.value, f"{role}: {MEANINGS[role]}") for role in Role],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        label="Roles everywhere",
    )


class NewPasswords(ConsoleForm):
    password = PasswordField(label="Password", help_text="At least 10 characters.")
    again = PasswordField(label="Repeat the password")

    def clean_again(self) -> str:
        if self.cleaned_data["again"] != self.cleaned_data.get("password"):
            raise forms.ValidationError("The two passwords differ.")
        return str(self.cleaned_data["again"])


class NewPersonForm(PersonForm, NewPasswords):
    field_order = ("username", "email", "password", "again", "roles", "reason")


class NewPasswordForm(NewPasswords):
    """Asks for the admin's own password: a computer left unlocked must not give anybody another user's account."""

    own_password = PasswordField(
        autocomplete="current-password", label="Your own password", help_text="Confirms that it is you."
    )

    def __init__(self, data: Any = None, *, request: HttpRequest, by: User) -> None:
        super().__init__(data)
        self._request, self._by = request, by

    def clean_own_password(self) -> str:
        given: str = self.cleaned_data["own_password"]
        name, address = self._by.get_username(), logins.address(self._request)
        seconds = throttle.begin(name, address)
        if seconds:
            raise forms.ValidationError(f"Too many wrong passwords. Wait {seconds} s, then try again.")
        if not self._by.check_password(given):
            logins.failed(self._request, name)
            raise forms.ValidationError("This is not your password.")
        throttle.forget(name, address)
        return given


class TeamForm(ConsoleForm):
    team: Any = forms.ModelChoiceField(queryset=None, empty_label=None, label="Team")
    role = forms.ChoiceField(choices=[(role.value, role.value) for role in sorted(OF_TEAMS, reverse=True)])

    def __init__(self, data: Any = None, *, teams: Any) -> None:
        super().__init__(data)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        if data is not None and "remove" in data:
            self.fields["role"].required = False


class GroupRoleForm(ConsoleForm):
    """A role for a group of hosts."""

    scope = forms.ChoiceField(label="Group of hosts")
    role = forms.ChoiceField(choices=[(role.value, f"{role}: {what}") for role, what in MEANINGS_IN_GROUP.items()])

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="group-%s")
        self.fields["scope"].choices = scopes.choices("group")  # type: ignore[attr-defined]
        if data is not None and "remove" in data:
            self.fields["role"].required = False


class TokenForm(ConsoleForm):
    days = forms.ChoiceField(
        choices=[("30", "30 days"), ("90", "90 days"), ("365", "a year"), ("", "no end")],
        initial="90",
        required=False,
        label="Works for",
    )

    def expires(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class HistoryForm(forms.Form):
    """Filters of the history. What no entry can match is ignored."""

    q = forms.CharField(required=False, max_length=200, label="Text")
    topic = forms.CharField(required=False, max_length=80, label="Topic")
    actor = forms.CharField(required=False, max_length=150, label="User")
