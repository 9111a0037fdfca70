#!/usr/bin/env bash
# Takes the figures of docs/performance.md for servers that start from zero again.
set -euo pipefail

# shellcheck source=bench/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/script.sh"

usage() {
    cat <<'END'
Usage: bench/impact.sh [OPTIONS] FOLDER

Makes a model of random weights in a new folder below FOLDER and sends requests to servers of text generation that
start when the first one comes: one loads with Hugging Face's from_pretrained, one with tzio's. Writes FOLDER/impact.json
and FOLDER/impact.md. The model goes away at the end. Builds tz-bench and the Python package where they are missing.
Use an idle machine.

Options:
  --size SIZE      of the weights (1GB); needs twice as much disk, and four times as much memory with s3
  --runs N         rounds (3)
  --requests N     sent at once (100)
  --from LIST      of local and s3: where the model is (local,s3)
  --cache LIST     of cold and warm: how local files are found (cold)
  --endpoint URL   of S3, with AWS's usual names for credentials; by default a Ceph gateway is started on this machine
  --python PATH    one that has torch, transformers, boto3 and nanobind (build/venv/bin/python: ./bootstrap test makes it)
  --help           show this text
END
}

size=1GB
runs=3
requests=100
from=local,s3
cache=cold
endpoint=
python=build/venv/bin/python

main() {
    parse_options "size|runs|requests|from|cache|endpoint|python" "$@"
    check_folder
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    [[ -n $(type -P "$python") ]] || wrong_usage "no $python: ./bootstrap test makes build/venv, or name one by --python"
    python=$(realpath --no-symlinks "$(type -P "$python")")
    configure TZ_PYTHON=ON Python_EXECUTABLE="$python"
    cmake --build --preset release --target tz-bench tzio_core
    begin_work tz-impact-XXXXXX
    if [[ ,$from, == *,s3,* && -z $endpoint ]]; then
        start_ceph
    fi
    PYTHONPATH=$PWD/build/release/python build/release/bin/tz-bench impact --python "$python" --folder "$work" \
        --size "$size" --runs "$runs" --requests "$requests" --from "$from" --cache "$cache" \
        ${endpoint:+--endpoint "$endpoint"} --export-json "$folder/impact.json" >"$folder/impact.md"
    echo "wrote $folder/impact.json and $folder/impact.md"
}

# Its objects are in memory, twice.
start_ceph() {
    local said
    ceph=$(mktemp -d) # unix sockets want a short name
    at_end rm -rf "$ceph"
    at_end tests/servers/ceph-s3 stop "$ceph"
    said=$(tests/servers/ceph-s3 start "$ceph" 18000)
    endpoint=$(sed -n 's/^url=//p' <<<"$said")
    AWS_ACCESS_KEY_ID=$(sed -n 's/^access=//p' <<<"$said")
    AWS_SECRET_ACCESS_KEY=$(sed -n 's/^secret=//p' <<<"$said")
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1
    export AWS_EC2_METADATA_DISABLED=true
}

main "$@"
