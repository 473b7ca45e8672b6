import migrations_app.domain.lifecycle
from django.db import migrations, models


BUILT_IN = {
    "name": "post-copy", "start_downtime_ms": 100, "ladder_ms": [150, 200], "stall_window_s": 10, "patience_s": 10,
    "deadline_s_per_gib": 800, "deadline_max_s": 604_800, "last_resort": "post_copy", "resume_post_copy": True,
}  # fmt: skip


def make_built_in(apps, schema_editor):
    """Beside a policy of that name which an admin has made."""
    policy = apps.get_model("migrations_app", "Policy")
    taken = policy.objects.filter(name__iexact=BUILT_IN["name"]).exists()
    policy.objects.create(built_in=True, **{**BUILT_IN, "name": "post-copy of kvmweb" if taken else BUILT_IN["name"]})


class Migration(migrations.Migration):

    dependencies = [
        ('migrations_app', '0021_stop_move_start'),
    ]

    operations = [
        migrations.AddField(
            model_name='migration',
            name='post_copy_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='policy',
            name='resume_post_copy',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='decision',
            name='action',
            field=models.CharField(choices=[('raise', 'raise'), ('finish', 'finish'), ('suspend', 'suspend'), ('post_copy', 'post_copy'), ('abort', 'abort'), ('restart', 'restart')], max_length=10),
        ),
        migrations.AlterField(
            model_name='migration',
            name='state',
            field=models.CharField(choices=[('requested', 'requested'), ('checking', 'checking'), ('blocked', 'blocked'), ('queued', 'queued'), ('starting', 'starting'), ('shutting_down', 'shutting_down'), ('copying_disks', 'copying_disks'), ('copying_memory', 'copying_memory'), ('switching_over', 'switching_over'), ('post_copy', 'post_copy'), ('post_copy_failed', 'post_copy_failed'), ('arriving', 'arriving'), ('verifying', 'verifying'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled'), ('needs_attention', 'needs_attention')], default=migrations_app.domain.lifecycle.State['REQUESTED'], max_length=20),
        ),
        migrations.RunPython(make_built_in, migrations.RunPython.noop),
    ]
