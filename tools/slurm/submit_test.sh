#!/bin/bash
# submit.sh without a Slurm: what it refuses, what it gives to sbatch, and what
# the job it submits does when the sweep ends in one way or another.
set -euo pipefail
submit=$(readlink -f "$1") stub=$(readlink -f "$2")
work=$(mktemp -d "${TEST_TMPDIR:-/tmp}/submitXXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*" >&2; exit 1; }
# has FILE TEXT: a whole line.
has() { grep -qxF -e "$2" "$1" || { cat "$1" >&2; fail "no line: $2"; }; }

# sbatch keeps arguments and script; scontrol says $STATE, and notes a requeue.
mkdir bin
cat > bin/sbatch << 'END'
#!/bin/bash
n=$(ls submitted.* 2> /dev/null | wc -l)
cat > submitted.$n
printf '%s\n' "$@" > arguments.$n
[ ! -e refuse ] || { echo "sbatch: error: no" >&2; exit 1; }
echo "$((70 + n));cluster"
END
cat > bin/scontrol << 'END'
#!/bin/bash
case $1 in
  show) echo "JobId=71 ArrayJobId=70 JobState=${STATE:-RUNNING} Reason=None" ;;
  requeue) echo "$2" >> requeued ;;
esac
END
chmod +x bin/*
export PATH=$work/bin:$PATH

# Refusals: one line that names the option, and nothing submitted or written.
refuses() {
  local line=$1
  shift
  ! "$submit" "$@" > out 2> err || fail "accepted: $*"
  grep -qF -e "$line" err || { cat err >&2; fail "$*: did not say: $line"; }
  [ ! -e submitted.0 ] || fail "submitted: $*"
  [ ! -e sweeps.slurm ] || fail "wrote: $*"
}
good=(--shards=3 --out=sweeps --program="$stub")
refuses "submit.sh: the shards of a sweep"
refuses "--shards=N is needed" --out=sweeps --program="$stub" induction
refuses "--shards=0: must be a whole number, at least 1" "${good[@]}" --shards=0 induction
refuses "--shards=x1: must be" "${good[@]}" --shards x1 induction
refuses "--cores=2.5: must be" "${good[@]}" --cores=2.5 induction
refuses "--retries=-1: must be" "${good[@]}" --retries=-1 induction
refuses "--grace=0: must be" "${good[@]}" --grace=0 induction
refuses "--time wants a value" "${good[@]}" --time= induction
refuses "--shards wants a value" --shards
refuses "--out=FOLDER is needed" --shards=3 --program="$stub" induction
refuses "--out=a%j: Slurm's paths" "${good[@]}" --out=a%j induction
touch file
refuses "--out=$work/file is not a folder" "${good[@]}" --out=file induction
refuses "no program at $work/none" "${good[@]}" --program=none induction
refuses "no program at $work/file" "${good[@]}" --program=file induction
refuses "no such option: --mem=3G" "${good[@]}" --mem=3G induction
refuses "which sweep" "${good[@]}"
refuses "must come before --" "${good[@]}" -- --mem=3G
refuses "no config at 'none.textproto'" "${good[@]}" --config=none.textproto
refuses "no config at ''" "${good[@]}" --config
refuses "'a/b' is no sweep's name" "${good[@]}" a/b
refuses "--shard is set for each task" "${good[@]}" induction --shard=1/2
refuses "--jobs is set for each task" "${good[@]}" induction --jobs 3
refuses "--out is set for each task" "${good[@]}" induction --out=there
refuses "--cores=4 goes before the sweep's name" "${good[@]}" induction --cores=4
refuses "filter: no such field: bad" "${good[@]}" induction --filter=bad
PATH=/usr/bin:/bin command -v sbatch > /dev/null ||
  PATH=/usr/bin:/bin refuses "no sbatch here" "${good[@]}" induction
"$submit" --help | grep -q "tools/slurm/submit.sh --shards=N" || fail "--help"

# --dry_run: the script on standard output, nothing else anywhere.
"$submit" "${good[@]}" --dry_run --collect induction -- --mem=3G > out
has out "# 48 runs"
has out "#SBATCH --array=1-3"
has out "# sbatch --parsable --mem=3G << END"
has out "# sbatch --parsable --dependency=afterany:JOB << END"
[ ! -e submitted.0 ] && [ ! -e sweeps.slurm ] || fail "--dry_run did something"

# Every option off its default, and names with spaces.
echo "# a config" > "my.textproto"
STUB=0 "$submit" --shards 4 --cores=2 --out="my sweeps" --program="$stub" --collect --retries=1 \
  --grace=30 --partition=p --time=1:00:00 --account=a --qos=q \
  --config my.textproto --filter 'a = "b c"' --verbose -- --mem=3G '--comment=x y' > out
support="$work/my sweeps.slurm"
copy=$support/sweep-$(sha256sum < "$stub" | cut -c1-12)
config=$support/my-$(sha256sum < my.textproto | cut -c1-12).textproto
cmp "$copy" "$stub" || fail "another program was copied"
cmp "$config" my.textproto || fail "another config was copied"
[ "$(cat arguments.0)" = $'--parsable\n--mem=3G\n--comment=x y' ] || fail "array: $(cat arguments.0)"
[ "$(cat arguments.1)" = $'--parsable\n--dependency=afterany:70' ] || fail "collect: $(cat arguments.1)"
for line in --job-name=sweep-my --array=1-4 --nodes=1 --ntasks=1 --cpus-per-task=2 --requeue \
  --open-mode=append --signal=B:TERM@30 "--output=\"$support/logs/%A_%a.log\"" \
  --partition=p --time=1:00:00 --account=a --qos=q; do
  has submitted.0 "#SBATCH $line"
done
for line in --job-name=sweep-my-collect "--output=\"$support/logs/%j_collect.log\"" --partition=p; do
  has submitted.1 "#SBATCH $line"
done
has out "job 70: 4 tasks of 2 cores; job 71 collects when they have ended"
has out "watch:   squeue --array --jobs=70,71"
STUB=0 bash submitted.1 > out
has out "<collect><$work/my sweeps>"

# The job. ends CODE REQUEUED LINE: runs the script, which must leave with CODE
# and have sent its own task, not the whole array, to the queue, or not.
export SLURM_ARRAY_JOB_ID=70 SLURM_ARRAY_TASK_ID=2 SLURM_CPUS_PER_TASK=2 SLURM_JOB_ID=70
ends() {
  rm -f requeued
  local code=0
  bash submitted.0 > out 2>&1 || code=$?
  [ "$code" = "$1" ] || { cat out >&2; fail "STUB=$STUB: exit code $code, not $1"; }
  [ "$(cat requeued 2> /dev/null)" = "$2" ] || fail "STUB=$STUB: requeued: $(cat requeued)"
  grep -qF -e "$3" out || { cat out >&2; fail "STUB=$STUB: did not say: $3"; }
}
failures="$support/logs/70_2.failures"
STUB=0 ends 0 "" "all runs of the shard are over"
has out "<--config=$config><--filter><a = \"b c\"><--verbose><--shard=2/4><--jobs=2><--out=$work/my sweeps>"
STUB=1 ends 1 "" "an error, exit code 1"
# Slurm is ending the job itself.
STATE=COMPLETING STUB=KILL ends 137 "" "JobState=COMPLETING"
[ ! -e "$failures" ] || fail "counted what Slurm did"
# Killed, and then killed again: --retries=1.
STUB=KILL ends 137 70_2 "stopped by signal 9"
STUB=SEGV ends 1 "" "given up: see $failures"
[ "$(wc -l < "$failures")" = 2 ] || fail "failures: $(cat "$failures")"
rm "$failures"
# Told to stop: the signal reaches the sweep, and its code decides.
STUB=wait bash submitted.0 > out 2>&1 &
job=$!
until grep -q "waiting as" out; do sleep 0.05; done
kill -TERM $job
code=0
wait $job || code=$?
[ $code = 143 ] || fail "told to stop: exit code $code"
[ "$(cat requeued 2> /dev/null)" = 70_2 ] || fail "told to stop: not requeued"
[ -s "$failures" ] || fail "told to stop in its first minute: not counted"

# The same again: the copies stay. A new program: another name.
inode=$(stat -c %i "$copy")
again=(--shards=4 --out="my sweeps" --config=my.textproto)
"$submit" "${again[@]:0:2}" --program="$stub" "${again[2]}" > /dev/null
[ "$(stat -c %i "$copy")" = "$inode" ] || fail "the program was copied over itself"
{ cat "$stub"; echo "# newer"; } > newer
chmod +x newer
"$submit" "${again[@]:0:2}" --program=newer "${again[2]}" > /dev/null
cmp "$copy" "$stub" || fail "the program of a running task was changed"
[ "$(ls "$support" | grep -c '^sweep-')" = 2 ] || fail "$(ls "$support")"
[ -z "$(ls "$support" | grep -F .$$)" ] || fail "left-overs"

touch refuse
! "$submit" "${good[@]}" induction > out 2> err || fail "did not see sbatch fail"
grep -q "sbatch took no job" err || fail "said: $(cat err)"
