"""A file per part of kvmweb that is looked at; each has `rows`."""
