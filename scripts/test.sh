#!/usr/bin/env bash
# All checks, the quick ones first. Ends with pytest's summary line.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
KVMWEB_DATA_DIR=$(mktemp -d)
export KVMWEB_DATA_DIR
trap 'rm -rf "$KVMWEB_DATA_DIR"' EXIT

step() { echo "== $*"; }

step lint
ruff check .
ruff format --check .
step types
mypy
step imports
lint-imports
step schema
python manage.py makemigrations --check --dry-run
python manage.py check --fail-level WARNING
step "the lab's root"
python -m lab root
step tests
python -m pytest "$@"
