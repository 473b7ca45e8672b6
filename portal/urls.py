from __future__ import annotations

from django.urls import path

from portal.pages import ask, console, requests, terms, vms, windows

urlpatterns = [
    path("portal/", vms.vm_list, name="portal"),
    path("portal/vms/<uuid:uuid>/", vms.vm, name="portal-guest"),
    path("console/quotas/", console.quota_list, name="console-quotas"),
    path("console/quotas/<int:team_pk>/", console.quota, name="console-quota"),
    path("console/storage/", console.storage_list, name="console-storage"),
    path("console/storage/<int:storage_pk>/remove/", console.storage_remove, name="console-storage-remove"),
    path("portal/vms/<uuid:uuid>/ask/", ask.ask_page, name="portal-ask"),
    path("portal/vms/<uuid:uuid>/terms/", terms.terms_page, name="portal-terms"),
    path("portal/vms/<uuid:uuid>/go-ahead/", terms.let_go, name="portal-go-ahead"),
    path("portal/requests/", requests.request_list, name="request-list"),
    path("portal/requests/<int:pk>/", requests.request_page, name="request"),
    path("portal/requests/<int:pk>/withdraw/", requests.withdraw_page, name="request-withdraw"),
    path("windows/", windows.window_list, name="window-list"),
    path("windows/add/", windows.add, name="window-add"),
    path("windows/<int:pk>/", windows.change, name="window"),
    path("windows/<int:pk>/remove/", windows.remove, name="window-remove"),
    path("windows/blackouts/add/", windows.add_blackout, name="blackout-add"),
    path("windows/blackouts/<int:pk>/", windows.blackout, name="blackout"),
]
