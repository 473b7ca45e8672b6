"""The sentences about hosts: a file per subject."""
