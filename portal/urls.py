from __future__ import annotations

from django.urls import path

from portal.pages import ask, console, requests, vms

urlpatterns = [
    path("portal/", vms.vm_list, name="portal"),
    path("portal/vms/<uuid:uuid>/", vms.vm, name="portal-guest"),
    path("console/quotas/", console.quota_list, name="console-quotas"),
    path("console/quotas/<int:team_pk>/", console.quota, name="console-quota"),
    path("console/storage/", console.storage_list, name="console-storage"),
    path("console/storage/<int:storage_pk>/remove/", console.storage_remove, name="console-storage-remove"),
    path("portal/vms/<uuid:uuid>/ask/", ask.ask_page, name="portal-ask"),
    path("portal/requests/", requests.request_list, name="request-list"),
    path("portal/requests/<int:pk>/", requests.request_page, name="request"),
    path("portal/requests/<int:pk>/withdraw/", requests.withdraw_page, name="request-withdraw"),
]
