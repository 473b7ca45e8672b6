"""Which kvmweb this is. A test compares it with pyproject.toml: kvmweb runs from its folder, not as a package."""

VERSION = "0.1.0"
