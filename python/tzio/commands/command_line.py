"""The command line of `python -m tzio`: its options, one line for what goes wrong, and exit codes as those of `tz`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import (
    CancelledError,
    CryptographyError,
    DeniedError,
    Error,
    FormatError,
    HashMismatchError,
    LimitError,
    NotFoundError,
    ObjectChangedError,
    StorageError,
    UsageError,
)

PRECISIONS = ("auto", "float16", "bfloat16", "float32", "float64")
MODEL_TYPES = ("transformers", "diffusers")

#: The first that fits; 1 for all others.
_exit_codes: tuple[tuple[type[BaseException], int], ...] = (
    (UsageError, 2),
    (NotFoundError, 3),
    (DeniedError, 4),
    (ObjectChangedError, 5),
    (FormatError, 6),
    (HashMismatchError, 6),
    (CryptographyError, 6),
    (LimitError, 7),
    (CancelledError, 130),
    (KeyboardInterrupt, 130),
    (FileNotFoundError, 3),
    (PermissionError, 4),
    (TimeoutError, 5),
    (MemoryError, 7),
)


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code. Results go to stdout, all else to stderr."""
    handler = logging.StreamHandler()
    handler.addFilter(_is_unsaid)
    logging.basicConfig(format="tzio: %(message)s", level=logging.WARNING, handlers=[handler])
    arguments = parser().parse_args(words)
    before = signal.signal(signal.SIGTERM, _terminated)  # so that what is half-written is removed
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Error, OSError, MemoryError, KeyboardInterrupt) as error:
        print(f"tzio: {_line_of(error)}", file=sys.stderr)
        return exit_code(error)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def exit_code(error: BaseException) -> int:
    if isinstance(error, StorageError) and error.retryable:
        return 5
    return next((code for kind, code in _exit_codes if isinstance(error, kind)), 1)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tzio", description="Commands of tzio that need Python.", allow_abbrev=False
    )
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    _add_serialize(commands)
    _add_info(commands)
    return made


def _add_serialize(commands: Any) -> None:
    command = commands.add_parser(
        "serialize",
        allow_abbrev=False,
        help="write a model of Hugging Face's as .tensors files",
        description="Writes a model of the package transformers as model.tensors, or the modules of a pipeline of "
        "diffusers as one .tensors file each, with all that loading them again takes. A folder appears whole or not "
        "at all, and so does each object of S3; config.json, or model_index.json, comes last.",
        epilog="Secrets are never arguments. Credentials of S3: docs/network.md. Exit codes: those of `tz`.",
    )
    command.add_argument(
        "--hf-model-id", required=True, metavar="ID|DIR", help="a model of the Hugging Face Hub, or its folder"
    )
    place = command.add_mutually_exclusive_group(required=True)
    place.add_argument("--output", metavar="DIR", help="the folder to be made")
    place.add_argument("--dest-bucket", metavar="BUCKET", help="a bucket of S3, or s3://BUCKET/PREFIX")
    command.add_argument(
        "--dest-prefix", metavar="PREFIX", help="of the keys in the bucket; else ID, or ID/fp16 for float16"
    )
    command.add_argument(
        "--model-type", choices=MODEL_TYPES, help="by default diffusers where there is a model_index.json"
    )
    command.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="of the weights; auto: as config.json says, and float32 for diffusers",
    )
    secret = command.add_mutually_exclusive_group()
    secret.add_argument(
        "--encrypt-key-file", metavar="PATH", help="encrypt with the key in this file: 32 bytes or 64 hex digits"
    )
    secret.add_argument("--encrypt-password-file", metavar="PATH", help="encrypt with the password in this file")
    secret.add_argument(
        "--encrypt-password-env", metavar="NAME", help="encrypt with the password in this environment variable"
    )
    command.add_argument(
        "--validate", action="store_true", help="read all back, check its hashes, compare it with the model"
    )
    command.add_argument("--force", action="store_true", help="replace files that are there")
    command.add_argument("--s3-endpoint", metavar="URL", help="of the server of S3; else what the environment says")
    for name in ("--s3-access-key", "--s3-secret-access-key"):
        command.add_argument(name, action=_NoSecret, help=argparse.SUPPRESS)
    command.set_defaults(run=_serialize)


def _add_info(commands: Any) -> None:
    command = commands.add_parser(
        "info", allow_abbrev=False, help="list the tensors of a file or model; needs no key"
    )
    command.add_argument("address", help="a file, folder, list of shards, or URL")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=_info)


class _NoSecret(argparse.Action):
    """An option of the tutorials' that would show in the list of processes."""

    def __call__(self, of: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None) -> NoReturn:
        of.error(f"{option}: secrets are no arguments; set AWS_KEY and AWS_SECRET, or another way in docs/network.md")


def _serialize(arguments: argparse.Namespace) -> None:
    from .serialize import serialize

    serialize(arguments)


def _info(arguments: argparse.Namespace) -> None:
    from .info import show_info

    show_info(arguments.address, as_json=arguments.json)


def _is_unsaid(record: logging.LogRecord) -> bool:
    """Whether nobody else writes the line: huggingface_hub has a handler of its own, and passes on what that wrote."""
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None and logger.parent is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            return False
        logger = logger.parent
    return True


def _line_of(error: BaseException) -> str:
    """One line. The errors of tzio name the file themselves, and hold no secret."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(error).strip() or type(error).__name__
    return " ".join(text.split())


def _terminated(number: int, _: Any) -> NoReturn:
    sys.exit(128 + number)
