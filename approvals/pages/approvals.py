"""Approvals: what waits for whom, and one of them with its plan, its votes and the form to vote."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from approvals.domain.decision import Ballot
from approvals.models import Approval
from approvals.reading.approvals import those_open, visible_approvals, waiting_for
from approvals.reading.page import shown
from approvals.usecases.vote import CannotVote, PlanChanged, refusal, vote
from kvmweb.accounts.permissions import Denied, Right
from kvmweb.web.page import page, person
from kvmweb.web.plain import LONGEST_REASON, PlainField

MOST_ENDED = 50


class VoteForm(forms.Form):
    comment = PlainField(
        required=False,
        max_length=LONGEST_REASON,
        label="Comment",
        help_text="Everybody who sees this reads it, and who asked is told.",
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    plan = forms.CharField(max_length=64, widget=forms.HiddenInput)
    vote = forms.ChoiceField(
        choices=[(one.value, one.value) for one in Ballot],
        error_messages={"required": "Approve or deny it.", "invalid_choice": "Approve or deny it."},
    )


@require_GET
@page(Right.ENTER)
def approval_list(request: HttpRequest) -> HttpResponse:
    rows = visible_approvals(request.user)
    waiting = [shown(row, request.user) for row in waiting_for(request.user).order_by("id")]
    mine = {one.row.pk for one in waiting}
    opened = [shown(row, request.user) for row in those_open(rows).exclude(pk__in=mine).order_by("id")]
    ended = [shown(row, request.user) for row in those_open(rows, are=False)[:MOST_ENDED]]
    values = {"waiting": waiting, "opened": opened, "ended": ended, "most": MOST_ENDED}
    return render(request, "approvals/list.html", values)


@require_http_methods(["GET", "POST"])
@page(Right.ENTER)
def approval(request: HttpRequest, pk: int) -> HttpResponse:
    found: Approval = get_object_or_404(visible_approvals(request.user), pk=pk)
    if request.method != "POST":
        return _one(request, found, VoteForm(initial={"plan": found.plan_hash}))
    if why_not := refusal(found, person(request)):
        raise Denied(why_not, shown=True)
    form, status = VoteForm(request.POST), 422
    if form.is_valid():
        given = form.cleaned_data
        try:
            vote(found, Ballot(given["vote"]), by=person(request), plan=given["plan"], comment=given["comment"])
        except PlanChanged as changed:
            messages.warning(request, str(changed))
            found.refresh_from_db()
            form, status = VoteForm(initial={"plan": found.plan_hash, "comment": given["comment"]}), 409
        except CannotVote as cannot:
            messages.warning(request, str(cannot))
            return redirect("approval", pk)
        else:
            messages.info(request, "Your vote is recorded.")
            return redirect("approval", pk)
    return _one(request, found, form, status)


def _one(request: HttpRequest, found: Approval, form: VoteForm, status: int = 200) -> HttpResponse:
    why_not = refusal(found, person(request))
    values = {"page": shown(found, request.user, whole=True), "form": form, "refusal": why_not}
    return render(request, "approvals/approval.html", values, status=status)
