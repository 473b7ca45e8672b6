#!/usr/bin/env bash
# Everything kvmweb needs on this machine: system packages and the virtual environment. Safe to repeat, safe to kill.
# Usage: scripts/bootstrap.sh runtime|dev [lab]...   Starts and replaces no service.
set -euo pipefail
cd "$(dirname "$0")/.."

runtime_packages=(python3 python3-venv python3-dev gcc libc6-dev pkg-config libvirt-dev openssh-client ca-certificates)
lab_packages=(mmdebstrap iproute2 util-linux procps nftables gcc libc6-dev)
dev_packages=(chromium fonts-dejavu-core)

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "Installing: ${missing[*]}"
  # a machine switched off in the middle of an installation leaves half-configured packages
  if [ -n "$(dpkg --audit)" ]; then as_root dpkg --configure -a; fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
}

find_python() {
  local python
  for python in /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  echo "kvmweb needs Python 3.11 or newer with venv." >&2
  exit 1
}

install_requirements() {
  local name=$1 stamp wanted
  stamp=".venv/.$name.stamp"
  wanted="$(sha256sum "requirements/$name.txt" | cut -d' ' -f1) $(.venv/bin/python -V)"
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  echo "Installing the Python packages of requirements/$name.txt"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "requirements/$name.txt"
  echo "$wanted" >"$stamp"
}

make_environment() {
  # an interrupted attempt leaves an environment without a working pip
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    "$(find_python)" -m venv .venv
  fi
  install_requirements runtime
}

for purpose in "$@"; do
  case "$purpose" in
    runtime)
      install_packages "${runtime_packages[@]}"
      make_environment
      ;;
    dev)
      install_packages "${runtime_packages[@]}" "${dev_packages[@]}"
      make_environment
      install_requirements dev
      ;;
    lab)
      if [ "$(id -u)" != 0 ]; then
        echo "The lab makes namespaces and bridges: run this as root (sudo make ...)." >&2
        exit 1
      fi
      install_packages "${lab_packages[@]}"
      ;;
    *)
      echo "Usage: $0 runtime|dev|lab ..." >&2
      exit 2
      ;;
  esac
done
