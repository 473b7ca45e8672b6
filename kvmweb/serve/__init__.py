"""`manage.py serve`: everything kvmweb is, as one command. See docs/architecture.md for the processes."""
