#!/bin/sh
# What a build stamps into programs (//experiments/run:build_commit). The prefix
# STABLE_ makes Bazel stamp again when the value changes. Without git, or outside
# a repository, there is no value, which is no error.
commit=$(git describe --always --abbrev=40 --dirty --match= 2> /dev/null) || exit 0
echo "STABLE_COMMIT $commit"
