"""How kvmweb itself is: the health page and `GET /health`."""
