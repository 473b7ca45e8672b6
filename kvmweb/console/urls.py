from __future__ import annotations

from django.urls import path

from kvmweb.console import history, people, start, tokens

urlpatterns = [
    path("console/", start.start, name="console"),
    path("console/people/", people.person_list, name="console-people"),
    path("console/people/add/", people.add, name="console-person-add"),
    path("console/people/<int:user_pk>/", people.person_page, name="console-person"),
    path("console/people/<int:user_pk>/change/", people.change, name="console-person-change"),
    path("console/people/<int:user_pk>/password/", people.set_password, name="console-person-password"),
    path("console/people/<int:user_pk>/active/", people.set_active, name="console-person-active"),
    path("console/people/<int:user_pk>/teams/", people.set_team, name="console-person-team"),
    path("console/people/<int:user_pk>/groups/", people.set_group, name="console-person-group"),
    path("console/people/<int:user_pk>/tokens/", tokens.add, name="console-token-add"),
    path("console/people/<int:user_pk>/tokens/<int:token_pk>/revoke/", tokens.revoke, name="console-token-revoke"),
    path("console/history/", history.history, name="console-history"),
    path("console/history/export/", history.export, name="console-history-export"),
    path("account/tokens/", tokens.own, name="own-tokens"),
    path("account/tokens/add/", tokens.add_own, name="own-token-add"),
    path("account/tokens/<int:token_pk>/revoke/", tokens.revoke_own, name="own-token-revoke"),
]
