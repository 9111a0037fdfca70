#!/usr/bin/env python3
"""Other loaders, each an adapter of a few lines, and the files that they need.

`list` tells which adapters this Python can import. `load` loads one file once in this process, times itself and prints
one JSON object as its last line (see README.md in this folder). `make` writes the same tensors in the formats that
other loaders read. `make-opt` writes a model shaped like OPT-30B, scaled. Errors end with exit code 1 and one line on
stderr; a password or key is only ever read from a file.
"""

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

import formats
import opt
from adapters import ADAPTERS, Adapter


def why_not(one: Adapter) -> str | None:
    """Why it can't be used here. Whatever an import raises is a reason."""
    try:
        import torch

        if one.cuda and not torch.cuda.is_available():
            return "no CUDA device"
        importlib.import_module(one.module)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return getattr(sys.modules.get(package), "__version__", None)


def described(one: Adapter) -> dict:
    with contextlib.redirect_stdout(sys.stderr):  # some print when they are imported
        why = why_not(one)
    return {
        "name": one.name,
        "importable": why is None,
        "version": None if why else version_of(one.package),
        "reads": one.reads,
        "cache": one.cache,
        "secret": one.secret,
        "why_not": why,
    }


def list_adapters(options):
    rows = [described(one) for one in ADAPTERS.values()]
    if options.json:
        print(json.dumps({"schema": "tz-bench-peers/1", "peers": rows}))
        return
    for row in rows:
        says = row["version"] or "" if row["importable"] else f"not importable: {row['why_not']}"
        encrypted = f", with a {row['secret']}" if row["secret"] else ""
        print(f"{row['name']:<26}{row['reads'] + encrypted:<26}{says}")


def load(options):
    import peer

    chosen = ADAPTERS[options.name]
    if chosen.secret and not getattr(options, f"{chosen.secret}_file"):
        raise ValueError(f"{chosen.name} needs --{chosen.secret}-file")
    peer.measure(options, chosen.prepare(options))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("list", help="which adapters can be imported, and what they read")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=list_adapters)
    command = commands.add_parser("load", help="one load in this process")
    command.add_argument("name", choices=ADAPTERS, metavar="NAME")
    command.add_argument("file", metavar="FILE")
    command.add_argument("--bytes", type=int, help="as many as it has, where it is not a file of this machine")
    command.add_argument("--num-readers", type=int, help="threads of tensorizer that read (its own choice)")
    command.add_argument("--key-file", help="32 bytes, or 64 hex digits")
    command.add_argument("--password-file")
    command.set_defaults(run=load)
    formats.add_commands(commands)
    opt.add_command(commands)
    return parser.parse_args()


def main():
    options = parse_arguments()
    try:
        options.run(options)
    except Exception as error:  # noqa: BLE001
        sys.exit(f"peers.py: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
