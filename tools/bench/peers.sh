#!/bin/bash
# peers.sh [--pip | --debian]: installs what compare.py compares with: Debian
# packages with apt-get (as root or through sudo), and PyTorch, JAX, NumPy and
# SciPy with pip in a virtual environment of their own, ~/.cache/polarize/peers.
# pip takes them from where it is configured to; PIP_... variables are obeyed.
# PyPI's PyTorch for x86-64 brings some gigabytes of CUDA libraries, which are not
# used: a configured index with CPU-only wheels saves them.
# To undo: delete the folder, and ~/.cache/polarize/peer_programs.
set -euo pipefail
packages=(g++ python3-dev python3-venv python3-torch libopenblas0-pthread
  libopenblas-dev libdnnl-dev libxnnpack-dev libpthreadpool-dev)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/polarize/peers

install_debian() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  "${sudo[@]}" apt-get -qq update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
    --no-install-recommends "${packages[@]}"
}

install_pip() {
  [ -x "$folder/bin/python" ] || /usr/bin/python3 -m venv "$folder"
  "$folder/bin/python" -m pip install --upgrade torch jax numpy scipy
}

case "${1:-}" in
  "") install_debian && install_pip ;;
  --debian) install_debian ;;
  --pip) install_pip ;;
  *)
    echo "usage: peers.sh [--pip | --debian]" >&2
    exit 2
    ;;
esac
