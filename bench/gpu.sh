#!/usr/bin/env bash
# Measures what a machine with a GPU can do, and how near loads come to it. Needs no network and nothing built there.
set -euo pipefail

me=gpu.sh
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'END'
Usage: bench/gpu.sh pack FOLDER
       bench/gpu.sh [OPTIONS] FOLDER

The first puts the programs of build/release, their libraries and this script into FOLDER, which may be copied to a
machine with a GPU. The second measures there: files are made in a new folder below FOLDER and go away at the end.
Tables are printed and stand in the report.

Where there is no GPU, or with --fake, programs that were built with the tests' runtime in place of CUDA do the same with
little data. That shows that everything runs, and the tables say that nothing was measured.

Options:
  --parts LIST    what is measured (facts,probe,cores,host,check,device,disk,peers; also tune)
  --size SIZE     bytes of tensors in the files for host loads (4GB; without a GPU 64MB, of all files)
  --layers N      of the model for loads to the GPU: 0.44 GB each, and 2.1 GB more (32)
  --tmpfs FOLDER  where files are in memory (/dev/shm)
  --report FOLDER where tables and logs go ($OUT, or build/gpu-report)
  --fake          leave a GPU alone that is there
  --help          show this text
END
}

wrong_usage() {
    echo "$me: $1; see bench/$me --help" >&2
    exit 2
}

programs=(tz tz-bench gpu_probe seal_bench hash_bench)
parts=facts,probe,cores,host,check,device,disk,peers
size=
fake=
layers=32
tmpfs=/dev/shm
report=${OUT:-build/gpu-report}
folder=

main() {
    if [[ ${1-} == pack ]]; then
        [[ $# == 2 ]] || wrong_usage "pack takes one folder"
        pack "$2"
        return
    fi
    parse_options "$@"
    [[ -d $folder ]] || wrong_usage "no folder given that exists"
    find_programs
    find_gpu
    mkdir -p "$report"
    : >"$report/tables.md"
    [[ -z $fake ]] || echo "No GPU: the tests' runtime stands in for CUDA. No figure below is a measurement." |
        tee -a "$report/tables.md"
    work=$(mktemp -d "$folder/tz-gpu-XXXXXX")
    memory=$(mktemp -d "$tmpfs/tz-gpu-XXXXXX")
    trap 'rm -rf "$work" "$memory"' EXIT
    local part
    for part in ${parts//,/ }; do
        "measure_$part"
    done
    cat "$report/tables.md"
}

parse_options() {
    while (($#)); do
        case $1 in
        --help | -h)
            usage
            exit
            ;;
        --fake) fake=1 ;;
        --parts | --size | --layers | --tmpfs | --report)
            (($# > 1)) || wrong_usage "$1 needs a value"
            printf -v "${1#--}" %s "$2"
            shift
            ;;
        -*) wrong_usage "unknown option: $1" ;;
        *) folder=$1 ;;
        esac
        shift
    done
}

# The programs, and what they need but for the C library, which every machine has.
pack() { # FOLDER
    local program library
    mkdir -p "$1/bin" "$1/lib"
    cp "$here/gpu.sh" "$here/gpu/peers.py" "$1/"
    for program in "${programs[@]}"; do
        cp "$here/../build/release/bin/$program" "$1/bin/"
        strip "$1/bin/$program"
        ldd "$1/bin/$program" | while read -r _ _ library _; do
            [[ $library == /* && ! $library =~ /(libc|libm|ld-linux.*)\.so ]] || continue
            cp -nL "$library" "$1/lib/"
        done
    done
    [[ ! -d $here/../build/release/python ]] || cp -rL "$here/../build/release/python" "$1/"
}

find_programs() {
    if [[ -d $here/bin ]]; then
        bin=$here/bin
        libraries=$here/lib
        peers=$here/peers.py
        package=$here/python
    else
        bin=$here/../build/release/bin
        libraries=
        peers=$here/gpu/peers.py
        package=$here/../build/release/python
    fi
}

# Whether there is one, and how much is done with it.
find_gpu() {
    if [[ -z $fake ]] && ! LD_LIBRARY_PATH=$libraries "$bin/tz" info --json |
        python3 -c 'import json, sys; sys.exit(not json.load(sys.stdin)["gpu"]["devices"])'; then
        fake=1
    fi
    if [[ -n $fake && ! ( -x $bin/tz_fake_gpu && -x $bin/tz_bench_fake_gpu && -x $bin/gpu_probe_fake ) ]]; then
        echo "$me: there is no GPU, and no program that does without: build with TZ_TESTS and TZ_BENCH" >&2
        exit 1
    fi
    size=${size:-${fake:+64MB}}
    size=${size:-4GB}
    rounds=${fake:+1}
    rounds=${rounds:-3}
}

# A program of ours, with the libraries that came along.
ours() {
    local program=$1
    shift
    if [[ -n $fake ]]; then
        case $program in
        tz) program=tz_fake_gpu ;;
        tz-bench) program=tz_bench_fake_gpu ;;
        gpu_probe) program=gpu_probe_fake && set -- --brief "$@" ;;
        esac
    fi
    LD_LIBRARY_PATH=$libraries "$bin/$program" "$@"
}

begin_section() { # TITLE
    printf '\n## %s (%s%s s)\n\n' "$1" "${fake:+not measured: no GPU; }" "$SECONDS" | tee -a "$report/tables.md"
}

# At most so long, into the tables and not in the way of what follows.
table() { # SECONDS COMMAND...
    local limit=$1
    shift
    export -f ours
    export bin libraries fake
    timeout "$limit" bash -c '"$@"' table "$@" >>"$report/tables.md" 2>>"$report/log.txt" ||
        echo "($* ended with $?)" >>"$report/tables.md"
}

measure_facts() {
    begin_section "The machine"
    {
        uname -r
        lscpu | grep -E '^(Model name|CPU\(s\)|Thread|Core|Socket|NUMA|L[123]|Hypervisor)' || true
        lscpu | grep -oE '\b(sha_ni|avx2|avx512f|avx512_vbmi|vaes|gfni|amx_tile)\b' | sort -u | paste -sd' ' || true
        grep -E '^(MemTotal|MemFree|Cached|Hugepagesize)' /proc/meminfo
        cat /sys/kernel/mm/transparent_hugepage/enabled
        df -hT "$folder" "$tmpfs" | cat
        ulimit -l
        cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || true
        nvidia-smi --query-gpu=name,driver_version,memory.total,pcie.link.gen.current,pcie.link.gen.max,pcie.link.width.current --format=csv || true
    } >>"$report/tables.md" 2>>"$report/log.txt"
}

measure_probe() {
    make_models
    begin_section "The GPU"
    table 60 ours gpu_probe "$work" copies
    table 60 ours gpu_probe "$work" pinning
    table 90 ours gpu_probe "$work" completion
    table 90 ours gpu_probe "$work" page-cache
    table 60 ours gpu_probe "$memory" page-cache
    table 60 ours gpu_probe "$work" mapped
    table 40 ours gpu_probe "$memory" mapped
    table 60 ours gpu_probe "$work" disk
    table 80 ours gpu_probe "$memory"/model/model-00001-*.safetensors cached-file
}

measure_cores() {
    begin_section "One core"
    core_table seal_bench 'open_(piece|by).*2048'
    core_table hash_bench 'crc32_update|copy_memcpy/KiB:2048|streams|openssl_sha256/KiB:4096'
}

core_table() { # PROGRAM BENCHMARKS
    printf '\n| %s | GB/s |\n|---|---|\n' "$1" >>"$report/tables.md"
    ours "$1" --benchmark_min_time=0.1 --benchmark_repetitions=3 --benchmark_report_aggregates_only=true \
        --benchmark_filter="$2" --benchmark_format=json 2>>"$report/log.txt" | python3 -c '
import json, sys
for run in json.load(sys.stdin)["benchmarks"]:
    if run.get("aggregate_name") == "median":
        print("| %s | %.2f |" % (run["run_name"], run["bytes_per_second"] / 1e9))' >>"$report/tables.md" || true
}

# Loads to host memory, warm, and how many lanes pay.
measure_host() {
    begin_section "Loads to host memory"
    make_key
    ours tz-bench make "$work/plain.tensors" --size "$size" 2>>"$report/log.txt"
    ours tz-bench make "$work/key.tensors" --size "$size" --encrypt-key-file "$work/key" 2>>"$report/log.txt"
    lanes_table plain none
    lanes_table plain sha256
    lanes_table key none
    table 120 ours tz-bench load "$work/plain.tensors" "$work/key.tensors" --key-file "$work/key" --warm --runs "$((rounds > 1 ? 2 : 1))" \
        --modes plain,crc32,sha256,drop --no-fio --sources-once
}

# GB/s (CPU s/GB, of them the loop) of warm loads to nowhere and to memory, by the number of lanes.
lanes_table() { # FILE VERIFY
    local lanes chunk target
    local keys=()
    [[ $1 != key ]] || keys=(--key-file "$work/key")
    printf '\n%s, --verify %s, warm: GB/s (CPU s/GB, loop)\n\n| | 8 lanes | 16 | 32 | 64 |\n|---|---|---|---|---|\n' \
        "$1" "$2" >>"$report/tables.md"
    for target in none owned; do
        for chunk in 1MiB 4MiB; do
            printf '| %s, %s ' "$target" "$chunk" >>"$report/tables.md"
            for lanes in 8 16 32 64; do
                median_load "$work/$1.tensors" "${keys[@]}" --verify "$2" --memory "$target" --chunk-size "$chunk" \
                    --concurrency "$lanes" --memory-limit 1GiB >>"$report/tables.md"
            done
            echo '|' >>"$report/tables.md"
        done
    done
}

median_load() { # OPTIONS...
    for ((run = 0; run < rounds; ++run)); do
        ours tz load --json "$@" 2>>"$report/log.txt" | tr -d '\n' || true
        echo
    done | python3 -c '
import json, sys
loads = sorted((json.loads(line) for line in sys.stdin if line.strip()), key=lambda load: load["gb_per_s"])
if loads:
    load = loads[len(loads) // 2]
    gb = load["bytes"] / 1e9
    print("| %.1f (%.2f, %.3f) " % (load["gb_per_s"], load["cpu_seconds"] / gb, load["loop_cpu_seconds"] / gb), end="")
else:
    print("| failed ", end="")'
}

# A model as transformers writes it, the same size as .tensors, plain and encrypted; all in memory.
make_models() {
    [[ ! -d $memory/model ]] || return 0
    local bytes
    make_key
    if [[ -n $fake ]]; then
        make_small_model
    else
        python3 "$peers" make "$memory/small" --layers 1 >>"$report/log.txt" 2>&1
        python3 "$peers" make "$memory/model" --layers "$layers" >>"$report/log.txt" 2>&1
    fi
    bytes=$(cat "$memory"/model/*.safetensors | wc -c)
    ours tz-bench make "$memory/plain.tensors" --size "$bytes" 2>>"$report/log.txt" &
    ours tz-bench make "$memory/key.tensors" --size "$bytes" --encrypt-key-file "$work/key" 2>>"$report/log.txt" &
    wait
    begin_section "Models of $bytes bytes"
}

# Without PyTorch, which has no use for the tests' runtime.
make_small_model() {
    mkdir "$memory/model"
    ours tz-bench make "$work/model.tensors" --size "$size" 2>>"$report/log.txt"
    ours tz convert "$work/model.tensors" "$memory/model/model-00001-of-00001.safetensors" >>"$report/log.txt" 2>&1
    rm "$work/model.tensors"
}

make_key() {
    [[ ! -f $work/key ]] || return 0
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$work/key"
    chmod 600 "$work/key"
}

# What is on the device, read back, against what is in the files.
measure_check() {
    make_models
    begin_section "What is on the device"
    local file
    local keys=()
    for file in model plain.tensors key.tensors; do
        [[ $file != key* ]] || keys=(--key-file "$work/key")
        ours tz checksum "${keys[@]}" "$memory/$file" >"$report/host.sha256" 2>>"$report/log.txt" || true
        ours tz checksum "${keys[@]}" --device cuda:0 --decrypt-on cpu "$memory/$file" >"$report/device.sha256" 2>>"$report/log.txt" || true
        if [[ -s $report/host.sha256 ]] && cmp -s "$report/host.sha256" "$report/device.sha256"; then
            echo "$file: all $(($(wc -l <"$report/host.sha256") - 1)) tensors as in the file" >>"$report/tables.md"
        else
            echo "$file: NOT AS IN THE FILE" >>"$report/tables.md"
        fi
    done
    ours tz checksum "${keys[@]}" --device cuda:0 --decrypt-on gpu "$memory/$file" >"$report/opened.sha256" 2>>"$report/log.txt" || true
    if [[ -s $report/host.sha256 ]] && cmp -s "$report/host.sha256" "$report/opened.sha256"; then
        echo "$file, decrypted on the GPU: as in the file" >>"$report/tables.md"
    else
        echo "$file, decrypted on the GPU: NOT AS IN THE FILE" >>"$report/tables.md"
    fi
}

measure_device() {
    make_models
    begin_section "Loads to the GPU"
    table 60 ours gpu_probe "$work" ceiling setup
    head_of_rows
    device_row "safetensors" 0 "$memory/model"
    device_row "tensors" 0 --verify none "$memory/plain.tensors"
    device_row "crc32" 0 --verify crc32 "$memory/plain.tensors"
    device_row "sha256" 0 --verify sha256 "$memory/plain.tensors"
    device_row "decrypted by the CPU" 0 --decrypt-on cpu --key-file "$work/key" "$memory/key.tensors"
    device_row "decrypted by the GPU" 0 --decrypt-on gpu --key-file "$work/key" "$memory/key.tensors"
    ours tz load --device cuda:0 --trace "$report/trace.json" "$memory/model" >>"$report/log.txt" 2>&1 || true
    gzip -f "$report/trace.json" || true
}

# Which numbers of workers and lanes, and which chunks, suit loads to the GPU; 0: what a load takes by itself.
measure_tune() {
    make_models
    begin_section "Workers, lanes and chunks: GB/s (CPU s/GB, loop), medians of rounds of all of them"
    tune_table "safetensors" "0:0:4 13:24:4 15:24:4 13:32:2" "$memory/model"
    tune_table "CRC-32" "0:0:4 13:24:4 15:24:4" --verify crc32 "$memory/plain.tensors"
    tune_table "SHA-256" "0:0:4 15:24:4 15:48:2" --verify sha256 "$memory/plain.tensors"
    tune_table "decrypted by the CPU" "0:0:4 15:24:4" --decrypt-on cpu --key-file "$work/key" "$memory/key.tensors"
    tune_table "decrypted by the GPU" "0:0:4 13:24:4 13:32:4" --decrypt-on gpu --key-file "$work/key" "$memory/key.tensors"
}

tune_table() { # NAME WORKERS:LANES:MIB OPTIONS...
    local name=$1 setting workers lanes mib settings round
    read -ra settings <<<"$2"
    shift 2
    for ((round = 0; round < (rounds > 1 ? 4 : 1); ++round)); do
        for setting in "${settings[@]}"; do
            IFS=: read -r workers lanes mib <<<"$setting"
            ours tz load --json --device cuda:0 --workers "$workers" --concurrency "$lanes" --chunk-size "${mib}MiB" "$@" \
                2>>"$report/log.txt" | tr -d '\n' || true
            echo " $setting"
        done
    done | python3 -c '
import json, statistics, sys
rows = {}
for line in sys.stdin:
    text, setting = line.rsplit(" ", 1)
    if text:
        load = json.loads(text)
        gb = load["bytes"] / 1e9
        row = (load["gb_per_s"], load["cpu_seconds"] / gb, load["loop_cpu_seconds"] / gb)
        rows.setdefault((setting.startswith("0:"), load["workers"], load["concurrency"], load["chunk_bytes"] >> 20), []).append(row)
print("\n| %s | GB/s | least to most | CPU s/GB | loop |\n|---|---|---|---|---|" % sys.argv[1])
for (own, workers, lanes, mib), values in rows.items():
    rate, cpu, loop = (statistics.median(value[i] for value in values) for i in range(3))
    rates = [value[0] for value in values]
    name = "%s%d workers, %d lanes, %d MiB" % ("by itself: " if own else "", workers, lanes, mib)
    print("| %s | %.1f | %.1f to %.1f | %.2f | %.3f |" % (name, rate, min(rates), max(rates), cpu, loop))' "$name" >>"$report/tables.md"
}

measure_disk() {
    make_models
    cp "$memory/plain.tensors" "$work/"
    sync
    begin_section "Loads from the disk to the GPU"
    head_of_rows
    device_row "tensors, page cache" 0 --verify none "$work/plain.tensors"
    device_row "tensors, disk" 0 --cold --verify none "$work/plain.tensors"
    device_row "sha256, disk" 0 --cold --verify sha256 "$work/plain.tensors"
    rm "$work/plain.tensors"
}

head_of_rows() {
    printf '\n| load to cuda:0 | lanes | GB/s | least to most | CPU s/GB | loop | pinned MiB | bound |\n|---|---|---|---|---|---|---|---|\n' >>"$report/tables.md"
}

device_row() { # NAME LANES OPTIONS...; --cold drops the last one from the page cache before each of two
    local name=$1 lanes=$2 runs=$rounds file=${!#} cold=
    shift 2
    if [[ $1 == --cold ]]; then
        runs=$((rounds > 1 ? 2 : 1)) cold=1
        shift
    fi
    for ((run = 0; run < runs; ++run)); do
        [[ -z $cold ]] || dd of="$file" oflag=nocache conv=notrunc,fdatasync count=0 status=none
        ours tz load --json --device cuda:0 --concurrency "$lanes" "$@" 2>>"$report/log.txt" | tee -a "$report/loads.json" | tr -d '\n' || true
        echo
    done | python3 -c '
import json, sys
loads = sorted((json.loads(line) for line in sys.stdin if line.strip()), key=lambda load: load["gb_per_s"])
if loads:
    load = loads[len(loads) // 2]
    gb = load["bytes"] / 1e9
    print("| %s | %s | %.2f | %.2f to %.2f | %.2f | %.3f | %.0f | %s |" % (
        sys.argv[1], load["concurrency"], load["gb_per_s"], loads[0]["gb_per_s"], loads[-1]["gb_per_s"],
        load["cpu_seconds"] / gb, load["loop_cpu_seconds"] / gb, load["pinned_bytes"] / 2**20, load["bound"]))
else:
    print("| %s | failed |" % sys.argv[1])' "$name" >>"$report/tables.md"
}

measure_peers() {
    if [[ -n $fake ]]; then
        begin_section "Other loaders"
        echo "(left out: they need a GPU)" >>"$report/tables.md"
        return
    fi
    make_models
    begin_section "Other loaders"
    printf '\n| to the GPU, from memory | GB/s | least to most |\n|---|---|---|\n' >>"$report/tables.md"
    loaders_rows 200 copies,safetensors,transformers,fastsafetensors,instanttensor,runai "$memory/model"
    loaders_rows 100 tzio,tzio_copied "$memory/model"
    for file in plain key; do
        printf '\n| %s.tensors to the GPU | GB/s | least to most |\n|---|---|---|\n' "$file" >>"$report/tables.md"
        loaders_rows 150 tensorizer "$memory/$file.tensors"
        loaders_rows 60 tzio "$memory/$file.tensors"
    done
}

loaders_rows() { # SECONDS LOADERS PATH; a small load comes first, for what a process pays once
    local small=$memory/small more=() with=()
    if [[ ! -d $3 ]]; then
        small=$memory/small-${3##*/}
        [[ $3 != *key.tensors ]] || more+=(--key-file "$work/key")
        [[ -f $small ]] ||
            ours tz-bench make "$small" --size 1GB "${more[@]/#--key-file/--encrypt-key-file}" 2>>"$report/log.txt"
    fi
    [[ $2 != tzio* ]] || with=(PYTHONPATH="$package${PYTHONPATH:+:$PYTHONPATH}" LD_LIBRARY_PATH="$libraries")
    env "${with[@]}" timeout "$1" python3 "$peers" time "$3" --small "$small" --runs 3 --loaders "$2" "${more[@]}" \
        >>"$report/tables.md" 2>>"$report/log.txt" || true
}

main "$@"
