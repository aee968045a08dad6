#!/bin/bash
# What the macro `experiment` compiles in, and what a bad config does to a build.
set -euo pipefail
program=$1 tool=$2 config=$3
out=$TEST_TMPDIR/out
fail() { echo "FAILED: $*" >&2; exit 1; }

"$program" > "$out"
[ "$(head -1 "$out")" = "sigmoid_unnorm $config" ] || fail "first line: $(head -1 "$out")"
tail -n +2 "$out" | cmp - "$config" || fail "the embedded text is another"

# A new learning rate leaves the shape's header as it was; a new length does not.
make_header() {
  mkdir -p "$TEST_TMPDIR/$1"
  "$tool" polarize.InductionConfig tiny_experiment tools "$2" "$TEST_TMPDIR/$1"
}
make_header first "$config"
{ cat "$config"; echo "training { lr: 0.5 }"; } > "$TEST_TMPDIR/rate.textproto"
make_header rate "$TEST_TMPDIR/rate.textproto"
cmp "$TEST_TMPDIR"/{first,rate}/tiny_experiment_shape.h || fail "lr changed the shape"
sed 's/seq_length: 7/seq_length: 8/' "$config" > "$TEST_TMPDIR/length.textproto"
make_header length "$TEST_TMPDIR/length.textproto"
! cmp -s "$TEST_TMPDIR"/{first,length}/tiny_experiment_shape.h || fail "the length did not"

# A bad config: no code, a line with the place, not 0.
bad=$TEST_TMPDIR/bad.textproto
sed 's/num_heads: 3/num_haeds: 3/' "$config" > "$bad"
if make_header bad "$bad" 2> "$out"; then fail "accepted a misspelt field"; fi
[ "$(cat "$out")" = "$bad:10:3: model.num_haeds: no such field; did you mean model.num_heads?" ] ||
  fail "said: $(cat "$out")"
[ ! -e "$TEST_TMPDIR/bad/tiny_experiment_shape.h" ] || fail "made code of a bad config"
if make_header bad "$TEST_TMPDIR/missing" 2> "$out"; then fail "accepted no file"; fi
if "$tool" 2> "$out"; then fail "accepted no arguments"; fi
