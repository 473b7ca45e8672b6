from __future__ import annotations

import subprocess
import sys

CODE = "import sys, {module}; print([name for name in ('libvirt', 'django', 'lxml') if name in sys.modules])"


def loaded(module: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(module=module)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_door_costs_the_web_process_nothing() -> None:
    assert loaded("hosts.gateway") == "[]"


def test_the_child_that_meets_hosts_starts_light() -> None:
    assert loaded("hosts.gateway._first_contact_child") == "[]"
