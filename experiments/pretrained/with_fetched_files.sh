#!/bin/bash
# with_fetched_files.sh PROGRAM TOKENIZER PROMPTS [flags]: the program with the
# tokenizer and the prompts that Bazel fetched. Paths are relative to where
# `bazel run` starts a program; flags that the user gives come later and win.
set -euo pipefail
exec "$PWD/$1" --tokenizer="$PWD/$2" --prompts="$PWD/$3" "${@:4}"
