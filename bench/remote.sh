#!/usr/bin/env bash
# Takes the figures of docs/performance.md for remote files: our loads beside curl, wrk and other loaders, from servers
# on this machine, some over a link of a fixed rate.
set -euo pipefail

# shellcheck source=bench/script.sh
source "$(dirname "${BASH_SOURCE[0]}")/script.sh"

usage() {
    cat <<'END'
Usage: bench/remote.sh [OPTIONS] FOLDER

Makes files of random weights in a new folder below FOLDER, serves them on this machine, times loads of them beside
other clients, and writes FOLDER/remote.json and FOLDER/remote.md. The files go away at the end. Builds tz and
installs the other loaders below build/ where they are missing. Use an idle machine, as root or where users may make
network namespaces.

Options:
  --size SIZE       bytes of tensors in each file (1GiB); needs three times as much disk, six times as much memory
  --runs N          rounds; each takes one sample of everything (7; of the faults 3)
  --sections LIST   which figures, of
                      body      what receiving costs, from memory (http_bench)
                      http      nginx
                      https     nginx with TLS
                      shaped10  nginx over a link of 10 Gbit/s
                      shaped1   nginx over a link of 1 Gbit/s
                      verified  checked and decrypted, over 4 Gbit/s
                      s3        Ceph's gateway
                      faults    8 objects over 1 Gbit/s from a server that fails by chance
                    (all)
  --help            show this text
END
}

all=body,http,https,shaped10,shaped1,verified,s3,faults
sections=$all
size=1GiB
runs=7

main() {
    parse_options "size|runs|sections" "$@"
    [[ $sections =~ ^(${all//,/|})(,(${all//,/|}))*$ ]] || wrong_usage "--sections takes $all"
    check_folder

    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    prepare
    begin_work tz-XXXXXX
    chmod 755 "$work" # nginx's workers may be someone else
    make_files
    measure "$folder"
}

prepare() {
    local program missing=()
    for program in nginx curl wrk ip tc unshare openssl; do
        [[ -n $(type -P "$program") ]] || missing+=("$program")
    done
    ((${#missing[@]} == 0)) || wrong_usage "not installed: ${missing[*]}"
    bench/peers/setup
    configure TZ_BENCH=ON
    cmake --build --preset release --target tz tz-bench http_bench
}

# The same weights three times: plain, encrypted with a key, and as safetensors for Run:ai's loader.
make_files() {
    local bench=build/release/bin/tz-bench
    make_key "$work/key"
    $bench make "$work/model.tensors" --size "$size"
    [[ $sections != *verified* ]] || $bench make "$work/sealed.tensors" --size "$size" --encrypt-key-file "$work/key"
    [[ $sections != *s3* ]] ||
        build/peers/bin/python bench/peers.py convert "$work/model.tensors" "$work/model.safetensors"
}

measure() { # FOLDER
    local section chosen parts=() failed=() own_network=(unshare --net)
    ((EUID == 0)) || own_network=(unshare --map-root-user --net)
    IFS=, read -ra chosen <<<"$sections"
    for section in "${chosen[@]}"; do
        echo "$section"
        if "${own_network[@]}" build/peers/bin/python bench/remote/measure.py "$section" "$work" --runs "$runs" \
            >"$work/$section.json"; then
            parts+=("$work/$section.json")
        else
            failed+=("$section")
        fi
    done
    ((${#parts[@]})) || exit 1
    /usr/bin/python3 bench/remote/report.py --file-bytes "$(stat -c %s "$work/model.tensors")" "$1" "${parts[@]}"
    echo "wrote $1/remote.json and $1/remote.md"
    ((${#failed[@]} == 0)) || {
        echo "remote.sh: without the sections that failed: ${failed[*]}" >&2
        exit 1
    }
}

main "$@"
