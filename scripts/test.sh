#!/usr/bin/env bash
# All checks, the quick ones first. Ends with pytest's summary line.
# With arguments: only the tests they name to pytest, as in `scripts/test.sh tests/lab -k ssh`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"

if ((EUID != 0)); then
  echo "The tests create network namespaces and libvirt hosts. Run them as root (sudo make test)." >&2
  exit 2
fi
# shellcheck source=scripts/clean_environment.sh
source scripts/clean_environment.sh
unset PYTHONDONTWRITEBYTECODE # every run of pytest would prepare all test files again

# The hosts' root file system takes a while to make when there is none yet, mostly waiting for the network.
python -m lab root >"$KVMWEB_DATA_DIR/root.log" 2>&1 &
root=$!
root_is_there() {
  wait "$root" || {
    cat "$KVMWEB_DATA_DIR/root.log" >&2
    exit 1
  }
}

if (($#)); then
  root_is_there
  python -m pytest "$@"
  exit
fi

scripts/lint.sh
# What needs no lab shares the cores. Labs end as they should only in a run of their own: pytest-xdist gives its workers
# seconds to do so. They mostly wait, so there are two such runs at the same time. Alone at the end is what measures
# moments, and a browser: Chromium gives up what it loads when an interface of this machine comes or goes, as labs' do.
alone=(tests/unit tests/db tests/web tests/ws)
beside=(tests/lab/test_[a-eg-o]*.py)
last=(tests/lab/test_felt.py tests/lab/test_footprint.py tests/browser)
done=$KVMWEB_DATA_DIR/done
echo "== pytest ${alone[*]}"
python -m pytest "${alone[@]}" --numprocesses=auto --dist=loadfile --no-loadscope-reorder --hand-on="$done"
root_is_there
echo "== pytest, what needs a lab"
labs=("${alone[@]/#/--ignore=}" "${last[@]/#/--ignore=}" "${beside[@]/#/--ignore=}")
python -m pytest "${labs[@]}" "${beside[@]/#/--beside=}" --after="$done" --hand-on="$done"
echo "== pytest ${last[*]}"
python -m pytest "${last[@]}" --after="$done"
