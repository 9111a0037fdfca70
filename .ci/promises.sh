# The long runs behind the numbers of docs/reliability.md: what `./bootstrap promises`, `soak` and `fuzz` do. Sourced
# by bootstrap after steps.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # lists of packages are bootstrap's, settings are for steps.sh

reports=build/reports

# All of it within an hour on two cores: each number as large as fits. What fails is recorded, too.
promises() {
    rm -rf "$reports"
    go_on=yes
    interop_options=(--full) # 1,000 state dicts drawn by lot
    test_steps
    step faults faults
    step limits limits
    step schedules build/release/bin/tz_soak --json "$reports/schedules.json" schedules --count 10000
    step cancels build/release/bin/tz_soak --json "$reports/cancels.json" cancels --count 5000
    step failures build/release/bin/tz_soak --json "$reports/failures.json" failures
    step kills build/venv/bin/python tests/limits/kill_saves --kills 1000 --report "$reports/kills.json"
    step mutants build/venv/bin/python tests/mutants/run --report "$reports/mutants.json"
    step differential differential --variants 10000
    step fuzz tests/fuzz/run --inputs 100000 --report "$reports/fuzz_short.json"
    step record tests/promises/promises.py record --all-in "$SECONDS"
    [[ ${step_table[*]} != *' failed'* ]]
}

soak() { # --minutes N and other options of tz_soak
    step build build_tests tz_soak
    step soak build/release/bin/tz_soak --json "$reports/soak.json" run "$@"
    step record tests/promises/promises.py record --results none
}

fuzz_long() { # --inputs N and other options of tests/fuzz/run
    step venv make_venv venv "$interop_pip"
    step fuzz tests/fuzz/run --report "$reports/fuzz.json" "$@"
    step record tests/promises/promises.py record --results none
}

build_tests() { # TARGET
    cmake --preset release -DTZ_TESTS=ON
    cmake --build --preset release --target "$1"
}

differential() { # OPTION...
    PYTHONPATH=build/release/python build/venv/bin/python tests/fuzz/differential --report "$reports/differential.json" "$@"
}
