"""For admins: the rules, one to change, and four eyes."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from approvals.models import Rule
from approvals.pages.rule_form import RuleForm
from approvals.reading.rules import four_eyes, journal, rules
from approvals.usecases.four_eyes import set_four_eyes
from approvals.usecases.rules import RuleFields, change_rule, make_rule, remove_rule
from approvals.words.rule import rule_words
from kvmweb.accounts.permissions import Right
from kvmweb.web.page import page, person
from kvmweb.web.plain import ReasonForm, isolated
from kvmweb.web.refused import RefusalsIn


class FourEyesForm(ReasonForm):
    unsafe = forms.BooleanField(required=False, label="Unsafe migrations")
    closing = forms.BooleanField(required=False, label="Closing a migration by hand")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("unsafe", "closing"):
            self.fields[name].widget.attrs["class"] = "form-check-input"
        self.fields["reason"].widget.attrs |= {"class": "form-control", "autocomplete": "off"}


@require_GET
@page(Right.MANAGE_APPROVALS)
def rule_list(request: HttpRequest) -> HttpResponse:
    on = four_eyes()
    values = {
        "rows": [(rule, rule_words(rule)) for rule in rules()],
        "form": FourEyesForm(initial={"unsafe": on.unsafe, "closing": on.closing}),
        "journal": journal(),
    }
    return render(request, "approvals/rules.html", values)


@require_POST
@page(Right.MANAGE_APPROVALS)
def set_eyes(request: HttpRequest) -> HttpResponse:
    form = FourEyesForm(request.POST)
    if form.is_valid():
        set_four_eyes(**form.cleaned_data, by=person(request))
        messages.info(request, "Saved.")
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect("rule-list")


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_APPROVALS)
def add(request: HttpRequest) -> HttpResponse:
    form = RuleForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with RefusalsIn(form):
            made = make_rule(cast("RuleFields", form.given()), by=person(request), reason=form.cleaned_data["reason"])
            messages.info(request, f"The rule {isolated(made.name)} is made. It counts for what is asked from now on.")
            return redirect("rule-list")
    return _form(request, form, None)


@require_http_methods(["GET", "POST"])
@page(Right.MANAGE_APPROVALS)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    rule: Rule = get_object_or_404(rules(), pk=pk)
    form = RuleForm(request.POST if request.method == "POST" else None, rule=rule)
    if form.is_valid():
        with RefusalsIn(form):
            wanted = cast("RuleFields", form.given())
            changed = change_rule(rule, wanted, by=person(request), reason=form.cleaned_data["reason"])
            messages.info(request, f"The rule {isolated(changed.name)} is saved.")
            return redirect("rule-list")
    return _form(request, form, rule)


def _form(request: HttpRequest, form: RuleForm, rule: Rule | None) -> HttpResponse:
    values = {"form": form, "rule": rule}
    return render(request, "approvals/rule.html", values, status=422 if form.errors else 200)


@require_POST
@page(Right.MANAGE_APPROVALS)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    rule: Rule = get_object_or_404(rules(), pk=pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["reason"])))
        return redirect("rule", pk)
    remove_rule(rule, by=person(request), reason=form.cleaned_data["reason"])
    messages.info(request, f"The rule {isolated(rule.name)} is removed. What it asked for stays asked.")
    return redirect("rule-list")
