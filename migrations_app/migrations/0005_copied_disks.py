from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_app', '0004_suspended_and_run'),
    ]

    operations = [
        migrations.AddField(
            model_name='migration',
            name='copied_disks',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='preflight',
            name='copied_disks',
            field=models.JSONField(null=True),
        ),
    ]
