#!/usr/bin/env bash
# Checks that run no tests. Runs all of them, then fails if one did.
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
