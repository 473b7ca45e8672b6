from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hosts", "0006_groups")]

    operations = [
        migrations.AddField(
            model_name="guest", name="team_named", field=models.CharField(blank=True, default="", max_length=100)
        ),
    ]
