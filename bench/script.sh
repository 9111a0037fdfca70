# What the scripts of this folder have in common. Sourced; usage() is theirs.
# shellcheck shell=bash

me=$(basename "$0")
folder=
work=

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
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# Of 32 bytes, as hex digits, for its owner alone.
make_key() { # FILE
    (
        umask 077
        od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$1"
    )
}
