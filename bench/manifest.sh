#!/usr/bin/env bash
# Takes the figures of docs/performance.md for loads by a manifest again.
set -euo pipefail

# shellcheck source=bench/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/script.sh"

usage() {
    cat <<'END'
Usage: bench/manifest.sh [OPTIONS] FOLDER

Makes files of random weights in a new folder below FOLDER, signs them, times loads of them from the page cache with
and without `--require` in rounds, beside SHA-256 on all cores, and writes FOLDER/manifest.json and FOLDER/manifest.md.
The files go away at the end.

Options:
  --size SIZE    bytes of tensors (2GB); needs four times as much disk
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
    configure TZ_BENCH=ON
    cmake --build --preset release --target tz tz-bench hash_bench
    begin_work tz-manifest-XXXXXX
    make_key "$work/key"
    local bin=build/release/bin
    openssl genpkey -algorithm ed25519 -out "$work/me.pem"
    openssl pkey -in "$work/me.pem" -pubout -out "$work/them.pem"
    "$bin/tz-bench" make "$work/many.tensors" --size "$size"
    "$bin/tz-bench" make "$work/one.tensors" --size "$size" --tensor-size "$size"
    "$bin/tz" encrypt --quiet --key-file "$work/key" "$work/many.tensors" "$work/sealed.tensors"
    "$bin/tz" manifest add --quiet --key-file "$work/key" "$work/sealed.tensors"
    for name in many one; do
        "$bin/tz" convert --quiet "$work/$name.tensors" "$work/$name.safetensors"
        "$bin/tz" manifest add --quiet --sidecar --sign "$work/me.pem" "$work/$name.safetensors"
        rm "$work/$name.tensors"
    done
    python3 bench/manifest/measure.py "$work" --bin "$bin" --runs "$runs" >"$work/manifest.json"
    mv "$work/manifest.json" "$folder"
    write_tables manifest
}

main "$@"
