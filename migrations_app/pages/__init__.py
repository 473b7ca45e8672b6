"""The pages of dashboard, VMs and migrations. Thin: one call each."""
