from django.db import migrations


class Migration(migrations.Migration):
    """Of its own: PostgreSQL alters no table in a transaction that has changed its rows."""

    dependencies = [("migrations_app", "0007_orders_and_steps")]

    operations = [
        migrations.RemoveField(model_name="migration", name="cancel_requested_at"),
        migrations.RemoveField(model_name="migration", name="cancelled_by_name"),
        migrations.RemoveField(model_name="migration", name="created_volumes"),
    ]
