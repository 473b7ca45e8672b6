from __future__ import annotations

from django.urls import path

from migrations_app.pages import dashboard, migrate, migrations, policies, rollback_copies, search, teams, vms

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("search/", search.search, name="search"),
    path("vms/", vms.vm_list, name="vm-list"),
    path("vms/forget/", vms.forget, name="vm-forget"),
    path("vms/<uuid:uuid>/", vms.vm, name="vm"),
    path("vms/<uuid:uuid>/migrate/", migrate.migrate, name="vm-migrate"),
    path("vms/<uuid:uuid>/preflight/", migrate.check, name="vm-preflight"),
    path("preflights/<int:pk>/", migrate.preflight, name="preflight"),
    path("migrations/", migrations.migration_list, name="migration-list"),
    path("migrations/dismiss/", migrations.dismiss, name="migrations-dismiss"),
    path("migrations/<int:pk>/", migrations.migration, name="migration"),
    path("migrations/<int:pk>/cancel/", migrations.cancel, name="migration-cancel"),
    path("migrations/<int:pk>/orders/", migrations.order, name="migration-order"),
    path("migrations/<int:pk>/look/", migrations.look, name="migration-look"),
    path("migrations/<int:pk>/close/", migrations.close, name="migration-close"),
    path("migrations/<int:pk>/record.json", migrations.record, name="migration-record"),
    path("migrations/<int:pk>/samples.json", migrations.samples, name="migration-samples"),
    path("migrations/<int:pk>/numbers/", migrations.numbers, name="migration-numbers"),
    path("policies/", policies.policy_list, name="policy-list"),
    path("policies/add/", policies.add, name="policy-add"),
    path("policies/<int:pk>/", policies.change, name="policy"),
    path("policies/<int:pk>/remove/", policies.remove, name="policy-remove"),
    path("policies/of-installation/", policies.of_installation, name="policy-of-installation"),
    path("hosts/<int:pk>/policy/", policies.of_host, name="policy-of-host"),
    path("vms/<uuid:uuid>/policy/", policies.of_vm, name="policy-of-vm"),
    path("teams/", teams.team_list, name="team-list"),
    path("teams/add/", teams.add, name="team-add"),
    path("teams/<int:pk>/", teams.team, name="team"),
    path("teams/<int:pk>/change/", teams.change, name="team-change"),
    path("teams/<int:pk>/members/", teams.set_member, name="team-members"),
    path("teams/<int:pk>/vms/", teams.set_guest, name="team-vms"),
    path("teams/<int:pk>/delete/", teams.delete, name="team-delete"),
    path("rollback-copies/", rollback_copies.copy_list, name="rollback-copy-list"),
    path("rollback-copies/<int:pk>/", rollback_copies.copy, name="rollback-copy"),
    path("rollback-copies/<int:pk>/delete/", rollback_copies.delete, name="rollback-copy-delete"),
]
