# Sourced by lint.sh and test.sh: their own settings and data, independent of an installation on this machine.
# shellcheck shell=bash
for name in $(compgen -e KVMWEB_); do
  [[ $name == KVMWEB_LAB_* ]] || unset "$name"
done
KVMWEB_DATA_DIR=$(mktemp -d)
trap 'rm -rf "$KVMWEB_DATA_DIR"' EXIT
KVMWEB_CONFIG_FILE=$KVMWEB_DATA_DIR/none.toml # instead of /etc/kvmweb.toml
: >"$KVMWEB_CONFIG_FILE"
export KVMWEB_DATA_DIR KVMWEB_CONFIG_FILE
