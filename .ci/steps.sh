# The steps of `./bootstrap test` and how they are run, timed and counted. Sourced by bootstrap.
# shellcheck shell=bash disable=SC2154 # the lists of packages are bootstrap's

# Looks at the signals a program blocks; ThreadSanitizer blocks some itself while it starts.
tsan_leaves_out='ForASignal'
# Counts descriptors after many threads made rings: the symbolizer by which tests/tsan.supp is matched holds some itself.
tsan_leaves_out+='|HttpHedge.LeavesNothingBehindWhenTheLoadIsStopped'
fuzz_seconds=15        # each fuzzer, as many at a time as there are processors
fuzz_inputs=1000000000 # that is, until then
tidy_files_max=8       # about 10 s each
logs=build/logs
interop_options=()
step_table=()
go_on=no # whether steps follow one that failed
steps_beside=() # "NAME PROCESS" of those that run

test_steps() {
    common_steps
    step servers servers venv
}

common_steps() {
    step venv make_venv venv "$interop_pip"
    step release build_and_test release -DTZ_TESTS=ON -DTZ_PYTHON=ON "-DPython_EXECUTABLE=$PWD/build/venv/bin/python"
    step python python_tests
    step interop interop
}

# What fails fast and cheaply comes first.
full_steps() {
    step format formatting
    step layering .ci/check_layering
    common_steps
    step bench-tests bench_tests
    step faults faults
    step limits limits
    step hardening hardening
    step_beside servers full_servers
    step clang build tsan
    join_steps
    step report report # in the environment of servers
    step tidy tidy
    step types types
    step wheel wheel
    step fuzz fuzz
    step tsan run_ctest tsan -E "$tsan_leaves_out" -LE '^format$' # which has no threads
    step asan build_and_test asan
    step interop-asan interop_asan
    step install tests/install/run build/release
    step bench bench
}

# --- running

begin_steps() {
    mkdir -p "$logs"
    rm -f "$logs"/*.xml
    if [[ -n $(type -P ccache) ]]; then
        export CMAKE_CXX_COMPILER_LAUNCHER=ccache CMAKE_C_COMPILER_LAUNCHER=ccache
        # another checkout finds the same objects: paths are hashed as seen from the build folder
        export CCACHE_BASEDIR=/ CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
    fi
    trap end_steps EXIT
}

# Runs a command as one step: output shown and kept, time taken. The first that fails ends the script, unless $go_on.
# (Never call this in a condition: that would switch off `set -e` inside the command.)
step() { # NAME COMMAND...
    local name=$1 began=$SECONDS status
    shift
    printf '\n=== %s\n' "$name"
    set +e
    (set -e && "$@") </dev/null 2>&1 | tee "$logs/$name.log"
    status=${PIPESTATUS[0]}
    set -e
    if ((status == 0)); then
        step_table+=("$name $((SECONDS - began)) ok")
    else
        step_table+=("$name $((SECONDS - began)) failed")
        [[ $go_on == yes ]] || exit 1
    fi
}

# Begins a step that mostly waits, to run beside those that follow until `join_steps`. Its output is kept, and shown
# there.
step_beside() { # NAME COMMAND...
    local name=$1
    shift
    printf '\n=== %s, beside what follows\n' "$name"
    set -m # a group of processes of its own, to be ended as one
    (
        set -e
        began=$SECONDS
        trap 'echo $((SECONDS - began)) >"$logs/$name.seconds"' EXIT
        "$@"
    ) </dev/null >"$logs/$name.log" 2>&1 &
    set +m
    steps_beside+=("$name $!")
}

# Waits for them; the first that failed ends the script.
join_steps() {
    local row name process status
    while ((${#steps_beside[@]})); do
        read -r name process <<<"${steps_beside[0]}"
        status=0
        wait "$process" || status=$?
        steps_beside=("${steps_beside[@]:1}")
        printf '\n=== %s, which ran beside\n' "$name"
        cat "$logs/$name.log"
        row="$name $(<"$logs/$name.seconds")"
        if ((status != 0)); then
            step_table+=("$row failed")
            exit 1
        fi
        step_table+=("$row beside")
    done
}

# Where another step failed; servers that tests have started are stopped by these.
end_steps_beside() {
    local row name process
    for row in "${steps_beside[@]}"; do
        read -r name process <<<"$row"
        kill -TERM -- "-$process" 2>/dev/null || true
        wait "$process" || true
        step_table+=("$name - ended")
    done
}

end_steps() {
    local status=$? row passed failed skipped
    end_steps_beside
    printf '\n'
    for row in "step seconds result" "${step_table[@]}" "total $SECONDS -"; do
        # shellcheck disable=SC2086 # a row is three words
        printf '%-12s %7s  %s\n' $row
    done
    read -r passed failed skipped < <(count_tests)
    # a step can fail without a failing test: a build, a report of a sanitizer
    if ((status != 0 && failed == 0)); then
        failed=1
    fi
    ((skipped == 0)) || printf '%d skipped\n' "$skipped"
    printf '%d passed, %d failed\n' "$passed" "$failed"
}

# Prints tests passed, failed and skipped, over all reports of this run.
count_tests() {
    local reports=("$logs"/*.xml)
    if [[ -f ${reports[0]} ]]; then
        /usr/bin/python3 .ci/count_tests.py "${reports[@]}"
    else
        echo 0 0 0
    fi
}

# --- the steps

# Twice as many at a time as there are processors: a quarter to a half of their time is waiting.
run_ctest() { # PRESET [ARGUMENT...]
    local jobs
    jobs=$(nproc)
    [[ $1 != release ]] || jobs=$((2 * jobs)) # tests mostly wait, but for those with sanitizers
    ctest --preset "$1" -j "$jobs" --output-junit "$PWD/$logs/$1.xml" "${@:2}"
}

build_and_test() { # PRESET [OPTION...]
    cmake --preset "$@"
    cmake --build --preset "$1"
    run_ctest "$1"
}

python_tests() {
    PYTHONPATH=build/release/python build/venv/bin/python -m pytest -q -p no:cacheprovider -n "$(nproc)" \
        --junitxml="$logs/python.xml" tests/python
}

interop() {
    build/venv/bin/python -m pytest -q -p no:cacheprovider -n "$(nproc)" \
        --junitxml="$logs/interop.xml" tests/interop "${interop_options[@]}" --tz build/release/bin/tz
}

# All faults of a table, from outside. As root: it mounts folders, and becomes nobody.
faults() {
    build/venv/bin/python -m pytest -q -p no:cacheprovider -n "$(nproc)" \
        --junitxml="$logs/faults.xml" tests/faults --build build/release
}

# Loads and saves where a process is denied something, and saves that are killed. As root, which makes the places.
limits() {
    build/venv/bin/python -m pytest -q -p no:cacheprovider -n "$(nproc)" \
        --junitxml="$logs/limits.xml" tests/limits --build build/release
}

# Changed files, read by tzio and by the packages; the tests of what shows the promises with numbers; and some of the
# parsers' checks switched off.
hardening() {
    local folder
    for folder in fuzz mutants promises; do
        PYTHONPATH=build/release/python build/venv/bin/python -m pytest -q -p no:cacheprovider -n "$(nproc)" \
            --junitxml="$logs/hardening-$folder.xml" "tests/$folder"
    done
    build/venv/bin/python tests/mutants/run --scope format --sample 12 --seed 5 --report "$logs/mutants.json"
}

# The benchmarks' own programs, with loaders that are in the environment.
bench_tests() {
    PYTHONPATH=build/release/python build/venv/bin/python -m pytest -q -p no:cacheprovider -n "$(nproc)" \
        --junitxml="$logs/bench-tests.xml" tests/bench
}

# nginx alone, or with --full Ceph and others too.
servers() { # VENV [ARGUMENT...]
    "build/$1/bin/python" -m pytest -q -p no:cacheprovider --junitxml="$logs/servers.xml" tests/servers "${@:2}" \
        --tz build/release/bin/tz
}

full_servers() {
    make_venv servers "$servers_pip"
    servers servers --full
}

# Pages of results in a browser; screenshots stay in build/report.
report() {
    build/servers/bin/python -m pytest -q -p no:cacheprovider --junitxml="$logs/report.xml" tests/report
}

# The same with sanitizers, which are slow: damage at every 40th byte.
interop_asan() {
    build/venv/bin/python -m pytest -q -p no:cacheprovider -n "$(nproc)" --every 40 \
        --junitxml="$logs/interop-asan.xml" --tz build/asan/bin/tz \
        tests/interop/test_golden.py tests/interop/test_keys.py tests/interop/test_damage.py
}

formatting() {
    make_venv lint "$lint_pip"
    find format engine protocols cuda python tools bench tests examples -regex '.*\.[ch]\(pp\)?' -print0 |
        xargs -0 build/lint/bin/clang-format --dry-run --Werror
    shellcheck bootstrap .ci/run .ci/steps.sh .ci/check_layering bench/figures.sh bench/gpu.sh bench/local.sh bench/manifest.sh bench/python.sh bench/remote.sh bench/script.sh bench/write.sh \
        bench/peers/setup tests/install/run .ci/promises.sh python/make_wheels tools/make_man bench/impact.sh \
        tests/c/check_symbols tests/examples/check tests/servers/ceph-s3 tests/servers/web-server
}

# The files that changed most since the commit before; a first commit changes them all.
tidy() {
    local git=(git -c "safe.directory=$PWD") base files
    if ! "${git[@]}" rev-parse --git-dir >/dev/null 2>&1; then
        echo "not a git checkout: no changes to look at"
        return
    fi
    base=$("${git[@]}" rev-parse -q --verify HEAD~1 || "${git[@]}" hash-object -t tree /dev/null)
    mapfile -t files < <("${git[@]}" diff --numstat --diff-filter=d "$base" -- \
        'format/*.cpp' 'engine/*.cpp' 'protocols/*.cpp' 'examples/*.cpp' 'tools/*.cpp' | sort -rn | cut -f 3)
    if ((${#files[@]} > tidy_files_max)); then
        echo "not looked at: ${files[*]:tidy_files_max}"
    fi
    ((${#files[@]})) || return 0
    cmake --preset dev # its commands have no precompiled headers
    printf '%s\0' "${files[@]:0:tidy_files_max}" |
        xargs -0 -n 1 -P "$(nproc)" build/lint/bin/clang-tidy --quiet -p build/dev --extra-arg=-Wno-unknown-warning-option
}

# mypy wants the package's files in one folder with the stubs of what is built.
types() {
    rm -rf build/typed
    mkdir build/typed
    cp -rL build/release/python/tzio build/typed
    MYPYPATH=build/typed build/lint/bin/mypy --python-executable build/venv/bin/python --cache-dir build/typed/cache \
        --config-file pyproject.toml -p tzio
}

# From the objects that are there; what is installed from the wheel is tested instead of the build folder.
wheel() {
    PATH=$PWD/build/lint/bin:$PATH python/make_wheels --reuse build/release build/venv/bin/python
    build/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index \
        --target build/wheels/installed build/wheels/*.whl
    PYTHONPATH=build/wheels/installed build/venv/bin/python -m pytest -q -p no:cacheprovider -n "$(nproc)" \
        --junitxml="$logs/wheel.xml" tests/python/test_files.py tests/python/test_open.py tests/python/test_process.py
}

# Each fuzzer for a while.
fuzz() {
    tests/fuzz/run --inputs "$fuzz_inputs" --seconds "$fuzz_seconds" --timeout 10 --report "$logs/fuzz.json"
}

# Every benchmark once, briefly: that they run, not how fast.
bench() {
    local binary
    for binary in build/release/bin/*_bench; do
        [[ -x $binary ]] || die "no benchmarks were built"
        "$binary" --benchmark_min_time=0.01 --benchmark_filter=-KiB:16384
    done
    build/release/bin/tz-bench --demo
}
