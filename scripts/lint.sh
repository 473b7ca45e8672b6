#!/usr/bin/env bash
# What can be said about the code before any of it is put to work. Goes through everything, then fails if anything did.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export PATH="$PWD/.venv/bin:$PATH"
# shellcheck source=scripts/clean_environment.sh
source scripts/clean_environment.sh

failed=()
step() {
  printf '== %s\n' "$*"
  "$@" || failed+=("$*")
}

step ruff check .
step ruff format --check .
step djangofmt --check --quiet templates
step mypy
step lint-imports
step python -m pytest -q tests/unit/test_architecture.py
step python manage.py makemigrations --check --dry-run
step python manage.py check --fail-level WARNING

((${#failed[@]} == 0)) || {
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
}
