"""What runs in the background: a migration from its claim to its verified end."""
