#!/usr/bin/env bash
# Everything kvmweb needs on this machine: system packages where they are missing, .venv, hashed Python requirements.
#
#   scripts/bootstrap.sh [runtime] [dev] [lab]        runtime is always included
#
# Starts and replaces no service. Safe to repeat, to run twice at once, and after a kill -9 at any point. When nothing is
# missing it needs neither root nor network and takes a moment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
here=$(pwd -P)

# Debian packages, one list per purpose.
runtime_packages=(ca-certificates gcc libc6-dev libvirt-dev openssh-client pkg-config python3 python3-dev python3-venv)
dev_packages=(chromium fonts-dejavu-core)
lab_packages=(gcc iproute2 libc6-dev mmdebstrap mount openssh-client procps util-linux)

unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export PIP_DEFAULT_TIMEOUT=${PIP_DEFAULT_TIMEOUT:-60} PIP_RETRIES=${PIP_RETRIES:-8}

say() { printf 'set-up: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

main() {
  local packages=("${runtime_packages[@]}") sets=(runtime) purpose set
  for purpose in "$@"; do
    case $purpose in
      runtime) ;;
      dev) packages+=("${dev_packages[@]}") sets+=(dev) ;;
      lab)
        ((EUID == 0)) || fail "the lab makes namespaces and bridges and needs root: sudo make ..."
        packages+=("${lab_packages[@]}")
        ;;
      *) fail "unknown purpose '$purpose': choose from runtime, dev, lab" ;;
    esac
  done

  # pip and apt inherit the lock: if this script is killed, the next one waits for what still runs.
  exec 9<scripts/bootstrap.sh
  if ! flock --nonblock 9; then
    say "waiting for another set-up of this checkout"
    flock 9
  fi

  install_packages "${packages[@]}"
  for set in "${sets[@]}"; do
    up_to_date "$set" || install_requirements "$set"
  done
}

# --- system packages --------------------------------------------------------------------------------------------------

missing() {
  local name
  for name in "$@"; do
    # shellcheck disable=SC2016  # a placeholder of dpkg-query
    if [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null) != installed ]]; then
      printf '%s\n' "$name"
    fi
  done | sort -u
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "this is not Debian; please install what these Debian packages contain: $*"
    return
  fi
  local wanted
  mapfile -t wanted < <(missing "$@")
  ((${#wanted[@]})) || return 0
  say "system packages to install: ${wanted[*]}"

  local root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "please run as root: apt-get install --no-install-recommends ${wanted[*]}"
    root=(sudo)
  fi
  # needrestart would restart services that have nothing to do with us
  root+=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1)
  local apt=("${root[@]}" apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3)
  if [[ -n $(dpkg --audit) || -n $(ls -A /var/lib/dpkg/updates) ]]; then
    say "an earlier installation was interrupted; finishing it first"
    "${root[@]}" dpkg --configure --pending
  fi
  "${apt[@]}" update || say "apt-get update failed (see above); continuing without it"
  leave_services_alone "${wanted[@]}"
  # dpkg tells each step on standard output, and what goes wrong on standard error
  "${apt[@]}" --yes --no-install-recommends install "${wanted[@]}" >/dev/null
}

# A package may need a newer version of something installed: libvirt-dev of libvirt0, and with it of libvirt-daemon.
# Libraries may be upgraded for us; what runs as a service, or would have to go, is for the machine's owner to decide.
leave_services_alone() {
  local action name rest
  while read -r action name rest; do
    if [[ $action == Remv ]]; then
      fail "apt would remove $name to install $*. Please resolve that, then run this again."
    elif [[ $action == Inst && $rest == \[* ]] && holds_service "$name"; then
      fail "apt would upgrade $name, which runs as a service, to install $*." \
        "Please upgrade it when it suits you (apt-get upgrade), then run this again."
    fi
  done < <(LC_ALL=C apt-get --simulate --no-install-recommends install "$@")
}

holds_service() {
  dpkg-query --listfiles "$1" 2>/dev/null | grep -E '^(/usr)?/lib/systemd/system/.*\.service$|^/etc/init\.d/.' >/dev/null
}

# --- Python -----------------------------------------------------------------------------------------------------------

find_python() {
  local candidate
  for candidate in /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "kvmweb needs Python 3.11 or newer with its venv module; found $(python3 --version 2>&1 || true)"
}

# What a stamp says: these requirements, this Python, this place (a virtual environment cannot be moved).
key() {
  { .venv/bin/python --version && printf '%s\n' "$here" && cat "requirements/$1.txt"; } | sha256sum
}

up_to_date() {
  [[ ! -e .venv/unfinished && -f .venv/stamp-$1 && $(<".venv/stamp-$1") == "$(key "$1" 2>/dev/null)" ]]
}

make_venv() {
  if [[ ! -e .venv/unfinished ]] && grep -qs -- " -m venv $here/.venv\$" .venv/pyvenv.cfg &&
    .venv/bin/python -m pip --version >/dev/null 2>&1; then
    return
  fi
  [[ ! -e .venv ]] || say "removing .venv: it is incomplete, or made for another place or Python"
  rm -rf .venv
  mkdir .venv
  touch .venv/unfinished
  local python
  python=$(find_python)
  say "creating .venv with $("$python" --version)"
  "$python" -m venv "$here/.venv"
}

install_requirements() {
  make_venv
  say "installing requirements/$1.txt"
  # After a kill, packages may be half unpacked, which pip would not notice: as long as this is there, we start afresh.
  touch .venv/unfinished
  rm -f ".venv/stamp-$1"
  if ! .venv/bin/python -m pip --quiet install --require-hashes --requirement "requirements/$1.txt"; then
    rm .venv/unfinished
    fail "pip could not install requirements/$1.txt"
  fi
  key "$1" >".venv/stamp-$1"
  rm .venv/unfinished
}

main "$@"
