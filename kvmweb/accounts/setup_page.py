"""The page behind the set-up link. It exists only as long as there is no user."""

from __future__ import annotations

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from kvmweb.accounts import first_admin


def _password() -> forms.PasswordInput:
    return forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "new-password"})


class FirstAdmin(forms.Form):
    username = forms.CharField(
        max_length=150,
        label="User name",
        validators=[User.username_validator],
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
    )
    password = forms.CharField(max_length=1000, strip=False, widget=_password())
    again = forms.CharField(max_length=1000, strip=False, label="Password again", widget=_password())

    def clean(self) -> dict[str, str]:
        found = self.cleaned_data
        password = found.get("password", "")
        if password:
            try:
                validate_password(password, User(username=found.get("username", "")))
            except ValidationError as error:
                self.add_error("password", error)
        if password and found.get("again") and found["again"] != password:
            self.add_error("again", "The two passwords are different.")
        return found


@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    token = request.POST.get("token", "") if request.method == "POST" else request.GET.get("token", "")
    if not first_admin.holds(token):
        raise Http404
    form = FirstAdmin(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if not first_admin.make(token, form.cleaned_data["username"], form.cleaned_data["password"]):
            raise Http404
        return redirect("account_login")
    return render(request, "account/setup.html", {"form": form, "token": token}, status=422 if form.is_bound else 200)
