#!/usr/bin/env bash
# After a `dvc push` that was killed, the next one sends a part and reports success.
#
# Packages:  dvc 3.67.1, dvc-data 3.18.3
# Behaviour: dvc-data keeps the list of what is to be sent in an index that outlives the process, and
#            writes it output by output. Killed while it does, it takes the part for the whole: of six
#            files the next push sends two, says "2 files pushed" and exits with 0. The third sends
#            the rest, because a push that sent something drops the index; one that found its part
#            there already says "Everything is up to date", again and again. `dvc pull` does likewise.
# Expected:  Whatever became of an earlier push, the next one sends all that the remote lacks.
#            (`dvc status --cloud` says what that is.)
# Seen on:   2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet dvc==3.67.1 dvc-data==3.18.3
export PATH="$folder/venv/bin:$PATH" DVC_NO_ANALYTICS=1

# The kill comes at a chosen moment instead of by chance: when two of six outputs are in the index.
cat > killed.py <<'PYTHON'
import os
import signal
import sys

from dvc.cli import main
from dvc_data.index import DataIndex

commit, done = DataIndex.commit, []


def commit_and_die(index):
    commit(index)
    done.append(index)
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGKILL)


DataIndex.commit = commit_and_die
main(sys.argv[1:])
PYTHON

mkdir project
cd project
git init --quiet
dvc init --quiet
dvc config core.site_cache_dir "$folder/site"
for number in 1 2 3 4 5 6; do echo "$number" > "file$number"; done
dvc add --quiet file*
dvc remote add --quiet --default store "$folder/remote"

killed=0
python ../killed.py push 2> /dev/null || killed=$?
second=$(dvc push 2> /dev/null)
held=$(find "$folder/remote" -type f | wc -l)
third=$(dvc push 2> /dev/null)

found="killed: $killed
second push: $second
on the remote: $held of 6
third push: $third"
echo "$found"
[ "$found" = "killed: 137
second push: 2 files pushed
on the remote: 2 of 6
third push: 4 files pushed" ]
