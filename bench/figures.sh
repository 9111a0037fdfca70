#!/usr/bin/env bash
# Takes all figures of docs/performance.md but those of GPUs again, in one go.
set -euo pipefail

# shellcheck source=bench/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/script.sh"

usage() {
    cat <<'END'
Usage: bench/figures.sh [OPTIONS] FOLDER

Runs local.sh, remote.sh, write.sh, manifest.sh, python.sh and impact.sh of this folder one after the other. Each leaves
its JSON and its tables in FOLDER (local.json, local.md and so on); all tables, with the machine's facts, go to
FOLDER/figures.md, which is written anew after each part. A part that fails stops no other; the exit code is 1 then.
It takes hours, and installs and needs what these scripts do. Use an idle machine.

Options:
  --size SIZE    bytes of tensors in each file (1GB); needs five times as much disk and six times as much memory
  --runs N       rounds of each (7)
  --only LIST    of local, remote, write, manifest, python and impact (all)
  --busy WHAT    where others use the machine when this begins: refuse or warn (refuse)
  --help         show this text
END
}

all=local,remote,write,manifest,python,impact
only=$all
size=1GB
runs=7
busy=refuse

main() {
    parse_options "size|runs|only|busy" "$@"
    [[ $only =~ ^(${all//,/|})(,(${all//,/|}))*$ ]] || wrong_usage "--only takes $all"
    [[ $busy =~ ^(refuse|warn)$ ]] || wrong_usage "--busy takes refuse and warn"
    check_folder
    exec /usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/figures/take.py" "$folder" \
        --size "$size" --runs "$runs" --only "$only" --busy "$busy"
}

main "$@"
