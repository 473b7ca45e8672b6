"""Self-service for teams: requests for migrations, quotas, windows, and what a team wants for its VMs."""
