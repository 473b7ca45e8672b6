from __future__ import annotations

from django.contrib import admin

from hosts.models import Guest, Host, Sighting
from kvmweb.accounts.admin_site import ReadOnly

admin.site.register([Host, Guest, Sighting], ReadOnly)
