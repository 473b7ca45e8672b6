from django.conf import settings
from django.db import migrations, models
import django.db.models.deletion

ENDED = {"done", "failed", "cancelled", "blocked"}


def cancel_flags_to_orders(apps, schema_editor):
    Migration = apps.get_model("migrations_app", "Migration")
    Order = apps.get_model("migrations_app", "Order")
    for row in Migration.objects.exclude(cancel_requested_at=None):
        order = Order(
            migration=row,
            what="cancel",
            asked_by_name=row.cancelled_by_name,
            asked_at=row.cancel_requested_at,
            taken_at=row.cancel_requested_at,
            state="taken",
        )
        if row.state in ENDED:
            order.done_at = row.finished_at
            order.state = "applied" if row.state == "cancelled" else "refused"
            order.text = "The cancel came too late." if row.state == "done" else ""
        order.save()


def volumes_to_steps(apps, schema_editor):
    Migration = apps.get_model("migrations_app", "Migration")
    for row in Migration.objects.exclude(created_volumes=[]):
        row.steps = [_step(dict(volume)) for volume in row.created_volumes]
        row.save(update_fields=["steps"])


def _step(volume):
    made, identity = volume.pop("made", False), volume.pop("identity", None)
    state = "verified" if identity else "done" if made else "begun"
    return {"step": "make volume", "about": volume, "state": state, "evidence": identity}


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("migrations_app", "0006_slot_until"),
    ]

    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.CharField(max_length=40)),
                ("value", models.JSONField(null=True)),
                ("asked_by_name", models.CharField(max_length=150)),
                ("reason", models.TextField(blank=True)),
                ("asked_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("taken", "taken"), ("applied", "applied"), ("refused", "refused")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("taken_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("text", models.TextField(blank=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "migration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="migrations_app.migration",
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.AddField(model_name="migration", name="steps", field=models.JSONField(default=list)),
        migrations.RunPython(cancel_flags_to_orders, migrations.RunPython.noop),
        migrations.RunPython(volumes_to_steps, migrations.RunPython.noop),
    ]
