from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_app', '0024_recorded'),
    ]

    operations = [
        migrations.AddField(
            model_name='migration',
            name='stream',
            field=models.JSONField(default=dict),
        ),
    ]
