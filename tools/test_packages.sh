#!/bin/bash
# Installs the Debian packages that some tests run beside our own programs: a
# browser for the report, Slurm for its job arrays. Without root or apt-get it
# says so and leaves those tests to be skipped.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")"

missing=()
command -v chromium > /dev/null || missing+=(chromium)
if ! command -v slurmctld > /dev/null || ! command -v munged > /dev/null; then
  mapfile -t packages < <(grep -v '^#' slurm/packages.txt)
  missing+=("${packages[@]}")
fi
[ "${#missing[@]}" -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" != 0 ]; then
  sudo=(sudo -n)
  "${sudo[@]}" true 2> /dev/null || missing_root=1
fi
if [ -n "${missing_root:-}" ] || ! command -v apt-get > /dev/null; then
  echo "test_packages: cannot install ${missing[*]}: the tests that need them are skipped"
  exit 0
fi
echo "test_packages: installing ${missing[*]}"
"${sudo[@]}" apt-get -qq update
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
  install -y --no-install-recommends "${missing[@]}" > /dev/null ||
  echo "test_packages: that failed: the tests that need them are skipped"
