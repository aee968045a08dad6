#!/bin/bash
set -euo pipefail
usage() {
  cat << 'END'
submit.sh: the shards of a sweep as a Slurm job array.

  tools/slurm/submit.sh --shards=N --out=FOLDER [options] SWEEP [its arguments] [-- sbatch's options]

  tools/slurm/submit.sh --shards=32 --cores=8 --out=/shared/sweeps/induction --collect \
    --partition=cpu --time=12:00:00 induction --filter aux_loss_weight=0.2 -- --mem=16G

SWEEP is what the sweep program takes: induction, classification or --config=FILE.
Its further arguments are handed on as they are.

  --shards=N        tasks of the array; each does one N-th of the runs
  --cores=N         cores of a task, and its runs at a time (default 1)
  --out=FOLDER      the sweep's folder, which every node must see
  --program=FILE    the sweep program (default: the one Bazel built in this tree)
  --collect         one more job, which writes the CSV when all tasks have ended
  --retries=N       how often a task that was killed starts again (default 10)
  --grace=SECONDS   a task is told to stop that long before its time limit (default 120)
  --partition= --time= --account= --qos=
                    as sbatch has them, for the array and for --collect's job
  --dry_run         prints what would be submitted; writes and submits nothing
  --help

Program and config are copied to FOLDER.slurm, and so are the logs: building again
while the sweep runs changes nothing. Run the same command again to go on with a
sweep: finished runs are skipped. More in tools/slurm/README.md.
END
}
die() { echo "submit.sh: $*" >&2; exit 1; }

top=$(dirname "$(readlink -f "$0")")/../..
program=$top/bazel-bin/experiments/sweep/sweep
shards= cores=1 out= retries=10 grace=120 collect= dry_run=
common=()  # sbatch's options for both jobs
sweep=()   # arguments of the sweep program
options=() # sbatch's options after --

[ $# -gt 0 ] || { usage >&2; exit 1; }
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage; exit 0 ;;
    --collect | --dry_run) printf -v "${1#--}" yes; shift; continue ;;
    --shards=* | --cores=* | --out=* | --program=* | --retries=* | --grace=* | \
      --partition=* | --time=* | --account=* | --qos=*) option=${1%%=*} value=${1#*=} ;;
    --shards | --cores | --out | --program | --retries | --grace | \
      --partition | --time | --account | --qos)
      [ $# -gt 1 ] || die "$1 wants a value"
      option=$1 value=$2
      shift ;;
    --config | --config=* | [!-]*) break ;;
    --) die "the sweep's name (induction, classification or --config=FILE) must come before --" ;;
    *) die "no such option: $1 (sbatch's own options go after --, the sweep's after its name)" ;;
  esac
  shift
  [ -n "$value" ] || die "$option wants a value"
  case $option in
    --partition | --time | --account | --qos) common+=("$option=$value") ;;
    *) printf -v "${option#--}" %s "$value" ;;
  esac
done
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    --shard | --shard=* | --jobs | --jobs=* | --out | --out=*)
      die "${1%%=*} is set for each task by submit.sh, from --shards, --cores and --out before the sweep's name" ;;
    --shards* | --cores* | --program* | --collect | --dry_run | --partition* | --time* | --account*)
      die "$1 goes before the sweep's name" ;;
  esac
  sweep+=("$1")
  shift
done
[ $# -eq 0 ] || options=("${@:2}")

# number OPTION LOWEST
number() {
  local name=${1#--}
  [[ ${!name} =~ ^[0-9]{1,6}$ ]] && [ "$((10#${!name}))" -ge "$2" ] ||
    die "$1=${!name}: must be a whole number, at least $2"
  printf -v "$name" %d "$((10#${!name}))"
}
[ "${#sweep[@]}" -gt 0 ] || die "which sweep: induction, classification or --config=FILE?"
[ -n "$shards" ] || die "--shards=N is needed"
[ -n "$out" ] || die "--out=FOLDER is needed: a folder that every node sees"
number --shards 1
number --cores 1
number --retries 0
number --grace 1
case $out in
  *[%\"\\]* | *[[:cntrl:]]*) die "--out=$out: Slurm's paths cannot hold %, quotes, backslashes or line ends" ;;
esac
out=$(realpath -m -- "$out")
[ ! -e "$out" ] || [ -d "$out" ] || die "--out=$out is not a folder"
if [ ! -f "$program" ] || [ ! -x "$program" ]; then
  die "no program at $(realpath -m -- "$program"): ./bazelw build //experiments/sweep, or --program=FILE"
fi
program=$(realpath -- "$program")
[ -n "$dry_run" ] || command -v sbatch > /dev/null ||
  die "no sbatch here: run this where jobs are submitted from, or with --dry_run"

# The config as a file and as an argument, whichever way it was written.
config=
if [[ ${sweep[0]} == --config=* ]]; then
  config=${sweep[0]#--config=}
elif [ "${sweep[0]}" = --config ]; then
  config=${sweep[1]:-}
  sweep=(--config "${sweep[@]:2}")
fi
name=${sweep[0]}
if [[ $name == --config* ]]; then
  [ -f "$config" ] || die "no config at '$config'"
  name=$(basename "$config" .textproto)
  sweep[0]=--config=$config
fi
[[ $name =~ ^[A-Za-z0-9_.+-]+$ ]] || die "'$name' is no sweep's name"

# The program itself judges its arguments, before anything is submitted.
said=$("$program" "${sweep[@]}" --shard="1/$shards" --jobs="$cores" --out="$out" --dry_run 2>&1) || {
  echo "$said" >&2
  die "the sweep program does not take these arguments: ${sweep[*]}"
}

# Names with the contents' hash: a copy that a running task uses is never changed.
support=$out.slurm
hashed() { sha256sum < "$1" | cut -c1-12; }
program_copy=$support/sweep-$(hashed "$program")
if [ -n "$config" ]; then
  config_copy=$support/$name-$(hashed "$config").textproto
  sweep[0]=--config=$config_copy
fi
keep() {
  [ ! -e "$2" ] || return 0
  cp -- "$1" "$2.$$"
  chmod a+r,u+w "$2.$$"
  mv -- "$2.$$" "$2"
}

quoted() { [ $# -eq 0 ] || printf ' %q' "$@"; }
directives() { [ $# -eq 0 ] || printf '#SBATCH %s\n' "$@"; }

array_script() {
  cat << END
#!/bin/bash
#SBATCH --job-name=sweep-$name
#SBATCH --array=1-$shards
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=$cores
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@$grace
#SBATCH --output="$support/logs/%A_%a.log"
$(directives "${common[@]}")
# One task: one shard of the sweep. It ends when every run of the shard is over;
# when it is told to stop or killed before that, it goes to the queue again.
# A task by its array's number: the plain job number of one of them means all.
job=\${SLURM_ARRAY_JOB_ID}_\$SLURM_ARRAY_TASK_ID
say() { echo "\$(date '+%F %T') \$job on \$(hostname): \$*"; }
say "shard \$SLURM_ARRAY_TASK_ID of $shards, start \$((\${SLURM_RESTART_COUNT:-0} + 1))"

$(printf %q "$program_copy")$(quoted "${sweep[@]}") \\
  --shard="\$SLURM_ARRAY_TASK_ID/$shards" --jobs="\$SLURM_CPUS_PER_TASK" \\
  --out=$(printf %q "$out") &
sweep=\$!
# Slurm tells this shell alone that the time limit is near.
told=
trap 'told=yes; kill -TERM \$sweep 2> /dev/null' TERM
wait \$sweep
code=\$?
while kill -0 \$sweep 2> /dev/null; do wait \$sweep; code=\$?; done
trap '' TERM
# When a signal comes as the sweep ends, bash may have lost the exit code.
[ -z "\$told" ] || case \$code in -1 | 127) code=143 ;; esac

[ \$code -ne 0 ] || { say "all runs of the shard are over"; exit 0; }
[ \$code -gt 128 ] || { say "the sweep ended with an error, exit code \$code"; exit \$code; }
say "the sweep was stopped by signal \$((code - 128)) after \$SECONDS seconds"
# Anything but RUNNING: Slurm is ending the job itself, and will start it again
# unless it was cancelled.
state=\$(scontrol show job --oneliner "\$job" | grep -o 'JobState=[A-Z]*')
[ "\$state" = JobState=RUNNING ] || { say "\$state"; exit \$code; }
# Being told to stop may happen any number of times. Crashing, or having less
# than a minute, is likely to happen again for ever.
if { [ \$code -ne 130 ] && [ \$code -ne 143 ]; } || [ \$SECONDS -lt 60 ]; then
  failures=$(printf %q "$support/logs")/\$job.failures
  echo "\$(date '+%F %T') signal \$((code - 128)) after \$SECONDS seconds" >> "\$failures"
  [ "\$(wc -l < "\$failures")" -le $retries ] || { say "given up: see \$failures"; exit 1; }
fi
scontrol requeue "\$job" || { say "could not go to the queue again"; exit 1; }
exit \$code
END
}

collect_script() {
  cat << END
#!/bin/bash
#SBATCH --job-name=sweep-$name-collect
#SBATCH --output="$support/logs/%j_collect.log"
$(directives "${common[@]}")
exec $(printf %q "$program_copy") collect $(printf %q "$out")
END
}

if [ -n "$dry_run" ]; then
  echo "$said" | sed 's/^/# /'
  echo "# copied: $program as $program_copy"
  [ -z "$config" ] || echo "# copied: $config as $config_copy"
  echo "# sbatch --parsable$(quoted "${options[@]}") << END"
  array_script
  [ -z "$collect" ] || {
    echo "# sbatch --parsable --dependency=afterany:JOB << END"
    collect_script
  }
  exit 0
fi

mkdir -p "$support/logs" || die "cannot make $support"
keep "$program" "$program_copy" || die "cannot copy the program to $support"
[ -z "$config" ] || keep "$config" "$config_copy" || die "cannot copy the config to $support"
job=$(array_script | sbatch --parsable "${options[@]}") || die "sbatch took no job"
job=${job%%;*}
if [ -n "$collect" ]; then
  collector=$(collect_script | sbatch --parsable --dependency="afterany:$job") ||
    die "job $job is submitted; sbatch did not take the one that collects"
  collector=${collector%%;*}
fi

cat << END
$said
job $job: $shards tasks of $cores cores${collector:+; job $collector collects when they have ended}
watch:   squeue --array --jobs=$job${collector:+,$collector}
logs:    tail -f$(quoted "$support/logs/")${job}_*.log
stop:    scancel $job${collector:+ $collector}
go on:   the same command again; finished runs are skipped
collect:$(quoted "$program_copy") collect$(quoted "$out")
END
