from __future__ import annotations

from django.urls import path

from portal.pages import ask, requests, vms

urlpatterns = [
    path("portal/", vms.vm_list, name="portal"),
    path("portal/vms/<uuid:uuid>/", vms.vm, name="portal-guest"),
    path("portal/vms/<uuid:uuid>/ask/", ask.ask_page, name="portal-ask"),
    path("portal/requests/", requests.request_list, name="request-list"),
    path("portal/requests/<int:pk>/", requests.request_page, name="request"),
    path("portal/requests/<int:pk>/withdraw/", requests.withdraw_page, name="request-withdraw"),
]
