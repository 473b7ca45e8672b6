# Sourced by lint.sh and test.sh: settings and data of their own, whatever this machine's installation of kvmweb uses.
# shellcheck shell=bash
for name in $(compgen -e KVMWEB_); do
  [[ $name == KVMWEB_LAB_* ]] || unset "$name"
done
KVMWEB_DATA_DIR=$(mktemp -d)
trap 'rm -rf "$KVMWEB_DATA_DIR"' EXIT
KVMWEB_CONFIG_FILE=$KVMWEB_DATA_DIR/none.toml # instead of /etc/kvmweb.toml
: >"$KVMWEB_CONFIG_FILE"
export KVMWEB_DATA_DIR KVMWEB_CONFIG_FILE
