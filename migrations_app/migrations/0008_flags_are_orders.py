from django.db import migrations, models

STATES = (
    "requested", "checking", "blocked", "queued", "starting", "copying_disks", "copying_memory",
    "switching_over", "post_copy", "arriving", "verifying", "done", "failed", "cancelled", "needs_attention",
)


class Migration(migrations.Migration):
    """Of its own: PostgreSQL alters no table in a transaction that has changed its rows."""

    dependencies = [("migrations_app", "0007_orders_and_steps")]

    operations = [
        migrations.RemoveField(model_name="migration", name="cancel_requested_at"),
        migrations.RemoveField(model_name="migration", name="cancelled_by_name"),
        migrations.RemoveField(model_name="migration", name="created_volumes"),
        migrations.AlterField(
            model_name="migration",
            name="state",
            field=models.CharField(choices=[(state, state) for state in STATES], default="requested", max_length=20),
        ),
    ]
