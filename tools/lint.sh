#!/bin/bash
# lint.sh [--fix]: the layout of every source file, as .clang-format and
# buildifier have it. What is not installed is left out, with a notice. Exit
# code 0: good; 1: not good; 77: nothing was checked.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
fix=${1:-}
folders=(experiments kernels protos tests tools)
checked= failed=

# Releases of clang-format differ in what they want: only Debian 12's counts.
for format in clang-format-14 clang-format; do
  "$format" --version 2> /dev/null | grep -q 'version 14\.' || continue
  checked=1
  find "${folders[@]}" \( -name '*.h' -o -name '*.cc' -o -name '*.proto' \) -print0 |
    if [ "$fix" = --fix ]; then
      xargs -0 "$format" -i
    else
      xargs -0 "$format" --dry-run -Werror
    fi || failed=1
  break
done
[ -n "$checked" ] || echo "lint.sh: no clang-format 14 here: C++ not checked" >&2

if command -v buildifier > /dev/null; then
  checked=1
  mode=check
  [ "$fix" != --fix ] || mode=fix
  buildifier -mode="$mode" -r BUILD WORKSPACE third_party "${folders[@]}" >&2 || failed=1
else
  echo "lint.sh: no buildifier here: BUILD files not checked" >&2
fi

[ -z "$failed" ] || exit 1
[ -n "$checked" ] || exit 77
