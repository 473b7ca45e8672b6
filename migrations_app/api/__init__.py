"""VMs, options, preflights and migrations in the API, a file per subject. Thin: one call each."""
