#!/usr/bin/env bash
# Takes the figures of docs/performance.md for saving and converting again.
set -euo pipefail

# shellcheck source=bench/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/script.sh"

usage() {
    cat <<'END'
Usage: bench/write.sh [OPTIONS] FOLDER

Makes a file of random weights in a new folder below FOLDER, times saves and conversions of it in rounds, beside
fio's direct writes and tensorizer's saves, all made durable, and writes FOLDER/write.json and FOLDER/write.md. The
files go away at the end.

Options:
  --size SIZE    bytes of tensors (2GB); needs four times as much disk and twice as much memory
  --runs N       rounds (5)
  --help         show this text
END
}

size=2GB
runs=5

main() {
    parse_options "size|runs" "$@"
    check_folder
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    bench/peers/setup
    configure TZ_BENCH=ON
    cmake --build --preset release --target tz tz-bench save_timer
    begin_work tz-write-XXXXXX
    make_key "$work/key"
    build/release/bin/tz-bench make "$work/a.tensors" --size "$size"
    build/release/bin/tz convert --quiet "$work/a.tensors" "$work/a.safetensors"
    build/peers/bin/python bench/write/measure.py "$work" --bin build/release/bin \
        --python build/peers/bin/python --peer bench/write/save_tensorizer.py --runs "$runs" >"$work/write.json"
    mv "$work/write.json" "$folder"
    write_tables write
}

main "$@"
