from __future__ import annotations

from django.urls import path

from portal.pages import ask, requests, terms, vms, windows

urlpatterns = [
    path("portal/", vms.vm_list, name="portal"),
    path("portal/vms/<uuid:uuid>/", vms.vm, name="portal-guest"),
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
