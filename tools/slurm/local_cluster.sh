# local_cluster.sh: a real Slurm of one node on this machine, for tests. To be
# sourced by a program that runs as root, with Debian's packages slurm-wlm and
# munge installed (packages.txt):
#   why_no_cluster                  prints what is missing; fails if nothing is
#   start_cluster FOLDER CPUS       sets SLURM_CONF; FOLDER is for it alone
#   stop_cluster                    also of a cluster that started in part
# Everything (key, socket, state, logs) is in FOLDER, daemons talk on loopback, and
# nothing of a Slurm or munge that is set up on the machine is read or touched.

why_no_cluster() {
  local p
  [ "$(id -u)" = 0 ] || { echo "not root"; return; }
  for p in munged slurmctld slurmd sbatch; do
    PATH=$PATH:/usr/sbin:/sbin command -v $p > /dev/null || { echo "no $p"; return; }
  done
  return 1
}

cluster_pids=() # of the daemons, in the order they started

# free_ports: the first of two neighbours that nobody listens on. Below 32768, where
# the kernel takes ports for outgoing connections from.
free_ports() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    listens $port || listens $((port + 1)) || break
  done
  echo $port
}
listens() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# wait_until SECONDS COMMAND...: runs the command until it succeeds.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}

start_cluster() {
  local dir=$1 cpus=$2 host port
  PATH=$PATH:/usr/sbin:/sbin
  host=$(hostname -s)
  port=$(free_ports)
  mkdir -p -m 755 "$dir"/{munge,state,spool}
  chmod 755 "$dir" "$dir"/munge # clients reach the socket as any user; munged checks
  (umask 077 && head -c 128 /dev/urandom > "$dir/munge/key")
  # cred_expire: how long a job that was requeued waits before it starts again.
  cat > "$dir/slurm.conf" << END
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=/dev/null
SlurmdLogFile=/dev/null
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0,sched_min_interval=0
KillWait=5
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
  export SLURM_CONF=$dir/slurm.conf

  munged --foreground --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
    --pid-file="$dir/munge/pid" --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" \
    --num-threads=2 > "$dir/munged.out" 2>&1 &
  cluster_pids+=($!)
  wait_until 10 test -S "$dir/munge/socket" || { cluster_logs "$dir"; return 1; }
  slurmctld -D -i > "$dir/slurmctld.out" 2>&1 &
  cluster_pids+=($!)
  slurmd -D > "$dir/slurmd.out" 2>&1 &
  cluster_pids+=($!)
  wait_until 30 node_is_idle || { cluster_logs "$dir"; return 1; }
}

node_is_idle() { [ "$(sinfo --noheader --format=%T)" = idle ]; }

# What the daemons had to say, for a failure's report.
cluster_logs() {
  local f
  for f in "$1"/*.out; do
    echo "--- ${f##*/}"
    tail -40 "$f"
  done >&2
}

# cluster_processes: all that Slurm started, jobs included; daemons too.
cluster_processes() {
  grep -lzxF "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ 2> /dev/null | cut -d/ -f3 |
    grep -vxF $$
}

stop_cluster() {
  [ -n "${cluster_pids:-}" ] || return 0
  if [ -n "$(timeout 5 squeue --noheader 2> /dev/null)" ]; then
    timeout 5 scancel --user=root --signal=KILL --full || true
    timeout 5 scancel --user=root || true
    wait_until 10 eval '[ -z "$(squeue --noheader)" ]' || true
  fi
  local i
  for ((i = ${#cluster_pids[@]} - 1; i >= 0; i--)); do
    kill "${cluster_pids[i]}" 2> /dev/null || continue
    wait_until 5 eval "! kill -0 ${cluster_pids[i]}" || kill -9 "${cluster_pids[i]}"
  done
  # Jobs whose step daemon went first, say.
  local left
  left=$(cluster_processes) || true
  [ -z "$left" ] || kill -9 $left 2> /dev/null || true
  wait "${cluster_pids[@]}" 2> /dev/null || true
  cluster_pids=()
}
