"""Roles become grants, each everywhere or for a scope; until now they were three groups."""

from django.conf import settings
from django.db import migrations, models
import django.db.models.deletion

OLD_ROLES = ("viewer", "operator", "admin")


def grants_of_groups(apps, schema_editor):
    group, grant = apps.get_model("auth", "Group"), apps.get_model("accounts", "Grant")
    for role in group.objects.filter(name__in=OLD_ROLES):
        grant.objects.bulk_create(
            [grant(user_id=pk, role=role.name, scope="") for pk in role.user_set.values_list("pk", flat=True)],
            ignore_conflicts=True,
        )
        role.delete()


def groups_of_grants(apps, schema_editor):
    group, grant = apps.get_model("auth", "Group"), apps.get_model("accounts", "Grant")
    for name in OLD_ROLES:
        role = group.objects.get_or_create(name=name)[0]
        role.user_set.add(*grant.objects.filter(role=name, scope="").values_list("user_id", flat=True))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_roles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("viewer", "viewer"),
                            ("member", "member"),
                            ("lead", "lead"),
                            ("operator", "operator"),
                            ("auditor", "auditor"),
                            ("admin", "admin"),
                        ],
                        max_length=10,
                    ),
                ),
                ("scope", models.CharField(blank=True, max_length=100)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="grants", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ["scope", "role"]},
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.UniqueConstraint(fields=("user", "role", "scope"), name="grant_once"),
        ),
        migrations.AddIndex(model_name="grant", index=models.Index(fields=["scope"], name="grant_scope")),
        migrations.RunPython(grants_of_groups, groups_of_grants),
    ]
