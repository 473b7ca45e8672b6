"""The part of a migration's row that is only for whoever reads about it afterwards."""

from __future__ import annotations

from django.db import models


class Recorded(models.Model):
    #: {"kvmweb": "0.1.0", "source": {"libvirt": "9.0.0", "qemu": "7.2.19"}, "target": {…}} when it started; "" is not
    #: known
    versions = models.JSONField(default=dict)
    #: the VM's definition at the destination when the migration was done: the saved one where there is one
    target_xml = models.TextField(blank=True)

    class Meta:
        abstract = True
