#!/usr/bin/env bash
# Takes the figures of docs/performance.md for local files again: one interleaved run of our loads, the other loaders
# of bench/peers and this machine's ceilings.
set -euo pipefail

# shellcheck source=bench/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/script.sh"

usage() {
    cat <<'END'
Usage: bench/local.sh [OPTIONS] FOLDER

Makes files of random weights in a new folder below FOLDER, times loads of them beside other loaders and the
machine's ceilings, and writes FOLDER/local.json and FOLDER/local.md. The files go away at the end. Builds tz-bench
and installs the other loaders below build/ where they are missing. Use an idle machine.

Options:
  --size SIZE    bytes of tensors in each file (2GB); needs five times as much disk and twice as much memory
  --runs N       rounds; each takes one sample of everything (7)
  --modes LIST   loads of ours (plain,crc32,sha256,mapped,drop)
  --files LIST   of plain, key and password: which files are loaded (plain,key,password)
  --help         show this text
END
}

size=2GB
runs=7
modes=plain,crc32,sha256,mapped,drop
files=plain,key,password

main() {
    parse_options "size|runs|modes|files" "$@"
    [[ $files =~ ^(plain|key|password)(,(plain|key|password))*$ ]] || wrong_usage "--files takes plain, key and password"
    check_folder

    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    prepare
    begin_work tz-local-XXXXXX
    make_files
    measure "$folder/local.json"
    write_tables local
}

prepare() {
    [[ -n $(type -P fio) ]] || echo "local.sh: no fio (apt-get install fio): cold loads are held against pread alone" >&2
    bench/peers/setup
    configure TZ_BENCH_PROGRAM=ON
    cmake --build --preset release --target tz-bench
    PATH=$PWD/build/release/bin:$PATH
    # the folder may be anywhere; ours may hold spaces
    python=$(printf %q "$PWD/build/peers/bin/python")
    peers=$(printf %q "$PWD/bench/peers.py")
}

# The same weights four times: plain, as safetensors, encrypted with a key, and with a password by tensorizer.
make_files() {
    local python=build/peers/bin/python
    make_key "$work/key"
    (umask 077 && echo 'a password of a benchmark' >"$work/password")
    tz-bench make "$work/plain.tensors" --size "$size"
    tz-bench make "$work/key.tensors" --size "$size" --encrypt-key-file "$work/key"
    $python bench/peers.py convert "$work/plain.tensors" "$work/plain.safetensors"
    $python bench/peers.py convert --password-file "$work/password" "$work/plain.tensors" "$work/password.tensors"
}

# Who reads past the page cache by default is compared cold, who doesn't, warm.
measure() { # RESULT
    local load="$python $peers load" chosen
    IFS=, read -ra chosen <<<"$files"
    chosen=("${chosen[@]/#/$work/}")
    tz-bench load "${chosen[@]/%/.tensors}" \
        --key-file "$work/key" --password-file "$work/password" \
        --modes "$modes" --runs "$runs" --sources-once --export-json "$1" \
        --warm-peer "safetensors, pread=$load safetensors-pread {safetensors}" \
        --warm-peer "safetensors, mmap and clone=$load safetensors-clone {safetensors}" \
        --warm-peer "safetensors, mmap touched=$load safetensors-mmap {safetensors}" \
        --warm-peer "fastsafetensors, buffered=$load fastsafetensors-buffered {safetensors}" \
        --cold-peer "fastsafetensors=$load fastsafetensors {safetensors}" \
        --cold-peer "Run:ai streamer=$load runai {safetensors}" \
        --peer "tensorizer=$load tensorizer {file}" \
        --peer "tensorizer, verify_hash=$load tensorizer-verified {file}" \
        --peer "tensorizer=$load tensorizer-key --key-file {key_file} {file}" \
        --peer "tensorizer=$load tensorizer-password --password-file {password_file} {file}"
}

main "$@"
