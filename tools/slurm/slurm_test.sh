#!/bin/bash
# submit.sh on a real Slurm: a sweep in three shards that is cancelled, submitted
# again, and then has one task killed, one requeued and one told to stop. Skipped
# where Slurm is not installed, or not as root.
#   slurm_test.sh submit.sh SWEEP_PROGRAM CONFIG
set -euo pipefail
submit=$(readlink -f "$1") program=$(readlink -f "$2") config=$(readlink -f "$3")
. "$(dirname "$0")/local_cluster.sh"
if why=$(why_no_cluster); then
  echo "slurm_test.sh: skipped: $why here (packages: tools/slurm/packages.txt)"
  exit 0
fi

work=$(mktemp -d /tmp/slurm_testXXXXXX) # a socket's path must be short
chmod 755 "$work"                       # and open, says munged
finish() {
  local code=$?
  trap '' INT TERM
  [ $code -eq 0 ] || {
    cluster_logs "$work/cluster"
    tail -n 100 "$work"/sweep.slurm/logs/* >&2 || true
  }
  stop_cluster
  rm -rf "$work"
  exit $code
}
trap finish EXIT
trap 'exit 1' INT TERM
fail() { echo "FAILED: $*" >&2; exit 1; }
say() { echo "$SECONDS s: $*"; }
# All of it takes half a minute; on a busy machine, never more than three.
soon() { wait_until $((120 - SECONDS)) "$@"; }

# The CPUs of a real node have nothing to do with these: they are a number.
start_cluster "$work/cluster" 3 || fail "Slurm did not start"
say "Slurm is up"

sweep="$work/sweep"
submitted() { # runs submit.sh; sets job
  (cd "$work" && timeout 20 "$submit" --shards=3 --cores=1 --out=sweep --program="$program" \
    --collect --config="$config") > "$work/said" || fail "submit.sh: $(cat "$work/said")"
  job=$(sed -n 's/^job \([0-9]*\): 3 tasks of 1 cores; job .*/\1/p' "$work/said")
  [ -n "$job" ] || fail "no job's number: $(cat "$work/said")"
}
over() { grep -lE '"state": ?"finished"' "$sweep"/runs/*/summary.json 2> /dev/null || true; }
over_count() { over | wc -l; }
at_least() { [ "$(over_count)" -ge "$1" ]; }
queue() { squeue --noheader --array --format="%F_%K %T" "$@"; }
said() { cat "$sweep.slurm/logs/${job}_$1.log" 2> /dev/null; }
says() { said "$1" | grep -q "$2"; }
# The sweep's own process in a task; each of its runs is a process too.
sweep_pid() { pgrep -o -f "^$sweep.slurm/sweep-.* --shard=$1/3 "; }

# Cancelled means cancelled: it does not come back.
submitted
soon at_least 1 || fail "no run was over in 30 seconds"
scancel --full "$job" "$((job + 1))" 2> /dev/null || scancel "$job"
soon eval '[ -z "$(queue)" ]' || fail "still there: $(queue)"
! grep "start 2" "$sweep.slurm/logs/${job}"_*.log || fail "a cancelled task came back"
first=$(over_count)
say "job $job cancelled with $first runs over"

# The same command again goes on. Three tasks, ended in three ways in the middle.
submitted
soon eval 'says 1 start && says 2 start && says 3 start' || fail "not started: $(queue)"
soon at_least $((first + 1)) || fail "nothing is done"
total=$(wc -l < "$sweep/runs.tsv")
for task in 1 2 3; do
  sweep_pid $task > /dev/null || fail "task $task ended too soon: $(over_count) of $total runs are over"
done
over | xargs stat -c '%i %Y %n' > "$work/before"
kill -9 "$(sweep_pid 2)"
scontrol requeue "${job}_1"
# The last task has the array's own number as its job's number.
scancel --signal=TERM --batch "${job}_3"
say "job $job: tasks ended with $(over_count) of $total runs over"

soon eval '[ -z "$(queue)" ]' || fail "not done: $(queue)"
say "done"
says 3 "stopped by signal 15" || fail "task 3 was not told to stop: $(said 3)"
says 2 "stopped by signal 9" || fail "task 2 was not killed: $(said 2)"
for task in 1 2 3; do
  says $task "start 2" || fail "task $task did not start again: $(said $task)"
  ! says $task "start 3" || fail "task $task started too often: $(said $task)"
  says $task "all runs of the shard are over" || fail "task $task is not done: $(said $task)"
done
[ "$(over_count)" = "$total" ] || fail "$(over_count) of $total runs are over"
[ "$(ls "$sweep/runs" | wc -l)" = "$total" ] || fail "runs that are not in the list"
cut -f1 "$sweep/runs.tsv" | sort | cmp - <(ls "$sweep/runs") || fail "other runs than the list's"
cut -d' ' -f3- "$work/before" | xargs stat -c '%i %Y %n' | cmp "$work/before" - ||
  fail "a run that was over has run again"

# One process on one machine gives the same bits, and the job that waited for all
# tasks the same CSV.
alone=$work/alone
timeout $((170 - SECONDS)) "$program" --config="$config" --out="$alone" --jobs=2 > "$work/said" 2>&1 ||
  fail "the sweep without Slurm: $(cat "$work/said")"
for run in $(cut -f1 "$sweep/runs.tsv"); do
  cmp "$sweep/runs/$run/attention.safetensors" "$alone/runs/$run/attention.safetensors" ||
    fail "another result than without Slurm"
done
"$program" collect "$alone" > "$work/said" 2>&1 || fail "collect: $(cat "$work/said")"
cmp "$sweep/induction_data.csv" "$alone/induction_data.csv" ||
  fail "another CSV than without Slurm"
[ "$(wc -l < "$alone/induction_data.csv")" = $((total + 1)) ] || fail "a CSV of other runs"
say "$total runs, each over once"
