#!/usr/bin/env bash
# Takes the figures of docs/performance.md for the Python package again.
set -euo pipefail

# shellcheck source=bench/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/script.sh"

usage() {
    cat <<'END'
Usage: bench/python.sh [OPTIONS] FOLDER

Makes files of random weights in a new folder below FOLDER, and loads them from Python in rounds: with tzio, its
stand-ins for tensorizer and safetensors, and with these themselves, all from the page cache and every page touched.
Writes FOLDER/python.json and FOLDER/python.md. The files go away at the end.

Options:
  --size SIZE    bytes of tensors (2GB); needs five times as much disk and twice as much memory
  --runs N       rounds (7)
  --help         show this text
END
}

size=2GB
runs=7

main() {
    parse_options "size|runs" "$@"
    check_folder
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    bench/peers/setup
    configure TZ_PYTHON=ON Python_EXECUTABLE="$PWD/build/peers/bin/python"
    cmake --build --preset release --target tz tz-bench tzio_core
    begin_work tz-python-XXXXXX
    make_files build/release/bin
    PYTHONPATH=build/release/python build/peers/bin/python bench/python/measure.py "$work" \
        --tz build/release/bin/tz --runs "$runs" >"$work/python.json"
    mv "$work/python.json" "$folder"
    write_tables python
}

make_files() { # BIN
    make_key "$work/key"
    "$1/tz-bench" make "$work/a.tensors" --size "$size"
    "$1/tz" convert --quiet "$work/a.tensors" "$work/a.safetensors"
    "$1/tz" encrypt --quiet --key-file "$work/key" "$work/a.tensors" "$work/key.tensors"
}

main "$@"
