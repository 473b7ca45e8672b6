from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_teams")]

    operations = [
        migrations.AddField(model_name="team", name="claims_metadata", field=models.BooleanField(default=False)),
        migrations.AddField(model_name="ownership", name="by_metadata", field=models.BooleanField(default=False)),
    ]
