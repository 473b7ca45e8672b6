"""Why libvirt gave a migration up, in our words. Its own are kept beside them: a pattern may say less than they do."""

from __future__ import annotations

import re

#: characters of a message that has no meaning here
MOST = 500

#: libvirt has no codes for most of these: (what its message contains, what that means)
_MEANINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (
            r"unsafe|may lead to data corruption",
            "libvirt calls this migration unsafe: it sees no shared storage, or a cache mode that may lose writes.",
        ),
        (
            r"unable to connect to server|connection refused|no route to host|unable to resolve|service not known",
            "The source could not connect to the destination.",
        ),
        (
            r"client socket is closed|end of file while reading|write to socket|connection reset|broken pipe"
            r"|keepalive timeout|lost connection to destination",
            "A connection broke during the migration.",
        ),
        (r"cannot assign requested address", "The VM listens on an address that the destination does not have."),
        (r"failed to reserve port|address already in use", "A port that the VM fixes is in use on the destination."),
        (r"does not support video model", "QEMU on the destination does not have the VM's video model."),
        (r"graphics are not supported", "QEMU on the destination does not have the VM's graphics type."),
        (r"tpm version .* not supported", "The destination has no TPM emulator for the VM (swtpm)."),
        (r"secret not found|no secret with matching", "The destination does not have a secret that the VM names."),
        (r"referenced filter|network filter not found", "The destination does not have a network filter of the VM."),
        (r"size mismatch: \S*flash", "The destination has firmware of another size."),
        (
            r"migration is disabled|non-migratable|state blocked by|does(n't yet| not) support (live )?migration",
            "QEMU refuses to migrate a device of the VM.",
        ),
        (r"security driver model", "The destination does not use the security driver of the VM's labels."),
        (r"cannot set cpu affinity", "The VM is pinned to CPUs that the destination does not have."),
        (r"operation aborted|cancell?ed by client|migration (job|was) .*cancel", "The job was aborted."),
        (r"no space left on device|disk quota exceeded", "A storage pool is full: the copy of a disk did not fit."),
        (r"migration of disk .* failed", "The copy of a disk failed."),
        (r"cannot allocate memory|cannot set up guest memory", "A host did not have enough memory for the VM."),
        (r"state change lock", "libvirt was busy with the VM and did not start in time."),
        (r"cpu (doesn't match|incompatible)|host cpu are not compatible", "The destination's CPU cannot run the VM."),
        (
            r"cannot access storage file|could not open|no such file or directory|failed to (open|create) file",
            "A host could not open a file of the VM.",
        ),
        (
            r"userfault|postcopy (is )?not supported|not capable of postcopy",
            "A host cannot do post-copy. Where QEMU does not run as root, the kernel must allow it (sysctl"
            " vm.unprivileged_userfaultfd).",
        ),
        (r"in post-copy (phase|mode)", "Post-copy was interrupted."),
        (r"unexpectedly failed", "QEMU ended the migration without saying why."),
        (r"unexpectedly (exited|closed)|exited unexpectedly", "A QEMU process ended during the migration."),
        (r"timed out", "libvirt waited too long for an answer."),
        (r"authentication", "A login between the two hosts was refused."),
        (r"permission denied", "A host was not allowed to open something that the migration needs."),
    )
)


def meaning(said: str) -> str:
    """One sentence for libvirt's message; "" for none. What has no meaning here yet is shown as it is."""
    if not said:
        return ""
    found = (words for pattern, words in _MEANINGS if pattern.search(said))
    return next(found, f"libvirt says: {said[:MOST].rstrip('.')}.")
