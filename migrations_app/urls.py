from __future__ import annotations

from django.urls import path

from migrations_app import views, views_migrate

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("vms/", views.vm_list, name="vm-list"),
    path("vms/<uuid:uuid>/", views.vm, name="vm"),
    path("vms/<uuid:uuid>/migrate/", views_migrate.migrate, name="vm-migrate"),
    path("vms/<uuid:uuid>/preflight/", views_migrate.check, name="vm-preflight"),
    path("preflights/<int:pk>/", views_migrate.preflight, name="preflight"),
    path("migrations/", views.migration_list, name="migration-list"),
    path("migrations/<int:pk>/", views.migration, name="migration"),
    path("migrations/<int:pk>/cancel/", views.cancel, name="migration-cancel"),
    path("migrations/<int:pk>/close/", views.close, name="migration-close"),
    path("migrations/<int:pk>/record.json", views.record, name="migration-record"),
    path("migrations/<int:pk>/samples.json", views.samples, name="migration-samples"),
]
