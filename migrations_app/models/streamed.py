"""The part of a migration's row about disks that kvmweb copies itself, because the source could not start the VM."""

from __future__ import annotations

from django.db import models


class Streamed(models.Model):
    #: {"because": what the source said, "helper" of the call that follows, "sizes" in bytes and "modified" by disk,
    #: "bandwidth_mib" once somebody set it}; {} when libvirt copies
    stream = models.JSONField(default=dict)

    class Meta:
        abstract = True
