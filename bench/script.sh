# What the scripts of this folder have in common. Sourced; usage() is theirs.
# shellcheck shell=bash

me=$(basename "$0")
folder=
work=
endings=()

trap run_endings EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# At the script's end, however that comes; what was asked for last is done first.
at_end() { # COMMAND ARGUMENT...
    endings=("$(printf '%q ' "$@")" "${endings[@]}")
}

run_endings() {
    local ending
    for ending in "${endings[@]}"; do
        eval "$ending" || true
    done
}

parse_options() { # NAME|NAME... ARGUMENT...: sets the variables that are called so, and `folder`
    local names=$1
    shift
    while (($#)); do
        case $1 in
        --help | -h)
            usage
            exit
            ;;
        -*)
            [[ $1 =~ ^--($names)$ ]] || wrong_usage "unknown option: $1"
            (($# > 1)) || wrong_usage "$1 needs a value"
            printf -v "${1#--}" %s "$2"
            shift
            ;;
        *)
            [[ -z $folder ]] || wrong_usage "one folder"
            folder=$1
            ;;
        esac
        shift
    done
}

check_folder() {
    [[ -d $folder ]] || wrong_usage "no folder given that exists"
    folder=$(realpath "$folder")
}

wrong_usage() {
    echo "$me: $1; see bench/$me --help" >&2
    exit 2
}

# Makes the folder `work`, which goes away with the script.
begin_work() { # TEMPLATE
    work=$(mktemp -d "$folder/$1")
    at_end rm -rf "$work"
}

# Has build/release built with these options. One that is there is changed only where it has to be, and configured as
# it was at the script's end: people build and test in it.
configure() { # NAME=VALUE...
    local cache=build/release/CMakeCache.txt option name was changed=() before=()
    if [[ ! -f $cache ]]; then
        cmake --preset release "${@/#/-D}" >/dev/null
        return
    fi
    for option; do
        name=${option%%=*}
        was=$(sed -n "s/^$name:[A-Z]*=//p" "$cache")
        [[ $was != "${option#*=}" ]] || continue
        changed+=("-D$option")
        if [[ -n $was ]]; then
            before+=("-D$name=$was")
        else
            before+=("-U$name")
        fi
    done
    ((${#changed[@]})) || return 0
    at_end configure_again "${before[@]}"
    cmake build/release "${changed[@]}" >/dev/null
}

configure_again() { # CHANGE...
    cmake build/release "$@" >/dev/null
}

# FOLDER/NAME.md of FOLDER/NAME.json, which is there.
write_tables() { # NAME
    /usr/bin/python3 bench/markdown.py "$folder/$1.json" >"$folder/$1.md"
    echo "wrote $folder/$1.json and $folder/$1.md"
}

# Of 32 bytes, as hex digits, for its owner alone.
make_key() { # FILE
    (
        umask 077
        od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$1"
    )
}
