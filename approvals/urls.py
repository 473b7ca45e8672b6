from __future__ import annotations

from django.urls import path

from approvals.pages import approvals, rules

urlpatterns = [
    path("approvals/", approvals.approval_list, name="approval-list"),
    path("approvals/<int:pk>/", approvals.approval, name="approval"),
    path("approvals/rules/", rules.rule_list, name="rule-list"),
    path("approvals/rules/add/", rules.add, name="rule-add"),
    path("approvals/rules/<int:pk>/", rules.change, name="rule"),
    path("approvals/rules/<int:pk>/remove/", rules.remove, name="rule-remove"),
    path("approvals/four-eyes/", rules.set_eyes, name="four-eyes"),
]
