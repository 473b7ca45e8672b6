"""How long, in seconds, what both hosts say must stay the same before it is judged."""

from __future__ import annotations

#: Two looks in a row: without a call of ours that came back, one look may have hit a gap between two phases.
SETTLED_S = 1.0
#: libvirt waits this long for whoever holds the guest's job before it begins or gives up (QEMU_JOB_WAIT_TIME, 30 s).
JOB_WAIT_S = 35.0
#: libvirt stops the source, starts the destination and tidies up; all of it takes a moment.
HANDOVER_S = 10.0
#: libvirt connects the halves of a post-copy again within a second, when QEMU at the destination answers it.
RECONNECT_S = 15.0
#: A restarting daemon resumes its guest by itself within this time.
RESUME_S = 30.0
#: A destination that hung may still drop its waiting QEMU.
STALE_INCOMING_S = 60.0
#: The last pages and devices never take this long with a job that is alive.
SWITCHOVER_S = 120.0
#: A restarted daemon or a cut network is back within this time, or a user should know.
SILENCE_S = 120.0
#: A definition is sent within seconds. libvirt waits JOB_WAIT_S for the guest's job, and gives up a connection that is
#: dead after 30 s: after this long something hangs that nobody ends, such as a hook.
CALL_S = 120.0
#: Storage that refuses to be read or written for so long does not recover by itself. What was copied in hours waits
#: until then: a server of storage may be restarted.
STORAGE_S = 60.0
#: A storage pool that is being restarted is back within this time.
POOL_S = 10.0
