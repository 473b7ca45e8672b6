"""`make test` runs pytest twice: the second run is tried as scripts/test.sh calls it, or nobody does before CI."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_second_run_takes_what_the_first_handed_on(tmp_path: Path) -> None:
    (tmp_path / "alone").write_bytes(pickle.dumps({}))
    lines = (ROOT / "scripts/test.sh").read_text().splitlines()
    (names,) = (line for line in lines if line.startswith("alone=("))
    second = lines[-1]
    assert second.startswith("python -m pytest")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    wanted = {"PATH": path, "KVMWEB_DATA_DIR": str(tmp_path), "PYTEST_ADDOPTS": "--collect-only -qq"}
    left_out = {name for name in os.environ if name.startswith("PYTEST_")}
    environment = {name: value for name, value in os.environ.items() if name not in left_out} | wanted
    run = subprocess.run(
        ["bash", "-c", f"{names}\n{second}"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "tests/lab/" in run.stdout
    assert "tests/unit/" not in run.stdout
