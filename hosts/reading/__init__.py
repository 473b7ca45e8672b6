"""What pages and API read about hosts."""
