"""`manage.py serve`: all processes of kvmweb. docs/architecture.md describes them."""
