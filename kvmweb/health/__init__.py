"""How kvmweb itself is: the health page, `GET /health`, and the support bundle."""
