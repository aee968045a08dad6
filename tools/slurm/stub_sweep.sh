#!/bin/bash
# The sweep program's command line, for submit_test.sh: refuses --filter=bad, and
# ends as $STUB has it: an exit code, a signal's name, or "until told to stop".
for argument; do
  case $argument in
    --filter=bad) echo "filter: no such field: bad" >&2; exit 1 ;;
    --dry_run) echo "48 runs"; exit 0 ;;
  esac
done
printf '<%s>' "$@"
echo
case $STUB in
  [0-9]*) exit "$STUB" ;;
  wait)
    trap 'exit 143' TERM
    echo "waiting as $$"
    for ((i = 0; i < 600; ++i)); do sleep 0.05; done ;;
  *) kill "-$STUB" $$ ;;
esac
