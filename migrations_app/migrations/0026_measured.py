from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_app', '0025_stream'),
    ]

    operations = [
        migrations.AddField(
            model_name='preflight',
            name='measured',
            field=models.JSONField(default=dict),
        ),
    ]
