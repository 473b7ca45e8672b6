"""`make test` runs pytest three times: the last run is tried as scripts/test.sh calls it, or nobody does before CI."""

import os
import pickle
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
HERE = "import time\ndef test_here(): assert {here}\ndef test_last(): time.sleep({wait})\n"
THERE = """
import pathlib, time, pytest
@pytest.fixture
def lab():
    pathlib.Path("up").touch()
    yield
    pathlib.Path("up").rename("down")
def test_there(lab):
    time.sleep({wait})
    assert {there}
"""


def environment(**wanted: str) -> dict[str, str]:
    left_out = {name for name in os.environ if name.startswith("PYTEST_")}
    return {name: value for name, value in os.environ.items() if name not in left_out} | wanted


def test_the_runs_leave_nothing_out_and_hand_on(tmp_path: Path) -> None:
    """The first is left away: it takes long to collect, and nothing is handed on to it."""
    (tmp_path / "done").write_bytes(pickle.dumps({}))
    script = (ROOT / "scripts/test.sh").read_text()
    first, *others = re.findall(r"^python -m pytest .*$", script[script.index("\nalone=") :], re.MULTILINE)
    names = re.findall(r"^(?:alone|beside|browser|done|labs)=.*$", script, re.MULTILINE)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = environment(PATH=path, KVMWEB_DATA_DIR=str(tmp_path), PYTEST_ADDOPTS="--collect-only -qq -m ''")
    tell = 'printf "%s\\n" "${alone[@]}" "${beside[@]}"'
    run = subprocess.run(
        ["bash", "-ec", "\n".join([*names, tell, *others])],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "alone" in first
    found = [line.partition(":")[0] for line in run.stdout.splitlines() if line.startswith("tests/")]
    assert len(found) == len(set(found))
    in_folders = tuple(f"{name}/" for name in found if (ROOT / name).is_dir())
    files = {str(file.relative_to(ROOT)) for file in ROOT.glob("tests/*/**/test_*.py")}
    assert {file for file in files if not file.startswith(in_folders)} == {
        name for name in found if name.endswith(".py")
    }


def two_runs(folder: Path, *, here: bool = True, there: bool = True, here_s: int = 0, there_s: int = 0) -> Path:
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p tests.stages -ra\n")
    (folder / "conftest.py").write_text("from tests.conftest import pytest_configure")
    (folder / "there").mkdir()
    (folder / "test_here.py").write_text(HERE.format(here=here, wait=here_s))
    (folder / "there/test_there.py").write_text(THERE.format(there=there, wait=there_s))
    return folder


def started(folder: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "test_here.py",
        "--beside=there",
        "-p",
        "no:django",
        "-p",
        "no:cacheprovider",
    ]
    env = environment(PYTHONPATH=str(ROOT), PYTEST_ADDOPTS="-p no:django", DJANGO_SETTINGS_MODULE="kvmweb.settings")
    return subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # also in the background of a shell
    )


@pytest.mark.parametrize(
    ("here", "there", "line"),
    [(True, True, "3 passed"), (True, False, "1 failed, 2 passed"), (False, False, "2 failed, 1 passed")],
)
def test_a_run_beside_counts(tmp_path: Path, here: bool, there: bool, line: str) -> None:
    run = started(two_runs(tmp_path, here=here, there=there))
    output, _ = run.communicate(timeout=PATIENCE)
    assert re.search(rf"=+ {line} in .* =+$", output.strip().splitlines()[-1]), output
    assert run.returncode == (0 if here and there else 1)
    assert ("FAILED there/test_there.py::test_there" in output.rpartition("short test summary info")[2]) is not there


@pytest.mark.parametrize("here_s", [60, 0])
def test_ctrl_c_lets_the_run_beside_tear_its_fixtures_down(tmp_path: Path, here_s: int) -> None:
    """Also while the first waits for the other."""
    run = started(two_runs(tmp_path, here_s=here_s, there_s=60))
    try:
        while not (tmp_path / "up").exists():
            assert run.poll() is None
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=PATIENCE)
    finally:
        run.kill()
    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert (tmp_path / "down").exists()
