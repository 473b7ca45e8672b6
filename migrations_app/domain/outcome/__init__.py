"""What both hosts say about a guest, judged: where it is, and whether its migration has ended. A table per kind."""
