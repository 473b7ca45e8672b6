#!/usr/bin/env python
"""Django's command line."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kvmweb.settings")
    from django.core.management import execute_from_command_line
    from django.db import Error

    try:
        execute_from_command_line(sys.argv)
    except Error as error:
        from kvmweb.database import trouble

        found = trouble(error)
        if found is None:
            raise
        said = " ".join(str(error).split())
        sys.exit(f"{found.sentence} Details: {said}")


if __name__ == "__main__":
    main()
