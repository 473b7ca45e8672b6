"""What procedures change on hosts, a file per step: each is written down before it is done, verified, and undone."""
