"""VMs, options, preflights and migrations over the API, a file per subject. Thin: one call each."""
