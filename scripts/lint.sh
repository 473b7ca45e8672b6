#!/usr/bin/env bash
# Everything that can be said about the code without running it. Goes through all of it, then fails if anything did.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

for name in $(compgen -e KVMWEB_); do unset "$name"; done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export KVMWEB_DATA_DIR=$scratch PYTHONUNBUFFERED=1

failed=()
step() {
  printf '\n== %s\n' "$*"
  ".venv/bin/$1" "${@:2}" || failed+=("$*")
}

step ruff check
step ruff format --check
step lint-imports
step mypy
step python manage.py makemigrations --check --dry-run
KVMWEB_HTTPS=true step python manage.py check --deploy --fail-level WARNING

if ((${#failed[@]})); then
  printf '\nfailed: %s\n' "${failed[@]}"
  exit 1
fi
