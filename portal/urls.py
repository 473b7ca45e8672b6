from __future__ import annotations

from django.urls import path

from portal.pages import vms

urlpatterns = [
    path("portal/", vms.vm_list, name="portal"),
    path("portal/vms/<uuid:uuid>/", vms.vm, name="portal-guest"),
]
