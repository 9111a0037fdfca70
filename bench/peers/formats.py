"""The same tensors in the formats that other loaders read, made from a .tensors or a safetensors file.

What is made stands complete or not at all: it is written under another name first. `made.json` beside it holds size and
time of the file it was made from, so that a later call keeps what still fits and makes anew what doesn't.
"""

import argparse
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

FORMATS = ("tensors", "safetensors", "pt", "dcp", "transformers")
MAGIC = b"|TZR|"  # of .tensors files


def format_of(file: Path) -> str:
    with open(file, "rb") as opened:
        return "tensors" if opened.read(len(MAGIC)) == MAGIC else "safetensors"


def read_key(path: str) -> bytes:
    key = Path(path).read_bytes()
    return key if len(key) == 32 else bytes.fromhex(key.decode())


def read_password(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").rstrip("\n")


def safetensors_names(file: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as tensors:
        return list(tensors.keys())


def tensorizer_source(file: str):
    """A path, or for s3:// a stream, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from AWS_ENDPOINT_URL."""
    if not file.startswith("s3://"):
        return file
    from tensorizer.stream_io import open_stream

    secrets = {"s3_access_key_id": "AWS_ACCESS_KEY_ID", "s3_secret_access_key": "AWS_SECRET_ACCESS_KEY"}
    return open_stream(file, **{name: os.environ[variable] for name, variable in secrets.items()})


def read_tensors(file: Path) -> dict:
    """All tensors of a file that is not encrypted, checked where it has hashes."""
    if format_of(file) == "safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    try:
        from tensorizer import TensorDeserializer
    except ImportError:
        import tzio

        return tzio.load_file(str(file), framework="torch")
    with TensorDeserializer(str(file), device="cpu", verify_hash=True) as reader:
        return {name: tensor.detach() for name, tensor in reader.items()}


def write_tensors(tensors: dict, target: Path, _source: Path, encryption=None):
    from tensorizer import TensorSerializer

    writer = TensorSerializer(str(target), encryption=encryption)
    writer.write_state_dict(tensors)
    writer.close()


def write_safetensors(tensors: dict, target: Path, _source: Path):
    from safetensors.torch import save_file

    save_file(tensors, target, metadata={"format": "pt"})  # without it from_pretrained refuses the file


def write_pt(tensors: dict, target: Path, _source: Path):
    import torch

    torch.save(tensors, target)


def write_dcp(tensors: dict, target: Path, _source: Path):
    import warnings

    from torch.distributed import checkpoint

    warnings.filterwarnings("ignore", message="torch.distributed is disabled")  # one process is what is meant
    checkpoint.save(tensors, checkpoint_id=target, no_dist=True)


def write_transformers(tensors: dict, target: Path, source: Path):
    """A folder for from_pretrained, which needs the model's config.json."""
    config = source.parent / "config.json"
    if not config.exists():
        raise FileNotFoundError(f"no config.json beside {source.name}, which from_pretrained needs")
    target.mkdir()
    shutil.copy(config, target)
    beside = target.parent / f"{source.stem}.safetensors"
    if beside.exists():
        os.link(beside, target / "model.safetensors")  # made before of the same tensors
    else:
        write_safetensors(tensors, target / "model.safetensors", source)


WRITERS: dict[str, Callable] = {
    "tensors": write_tensors,
    "safetensors": write_safetensors,
    "pt": write_pt,
    "dcp": write_dcp,
    "transformers": write_transformers,
}


def remove(path: Path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def place(folder: Path, source: Path, kind: str) -> Path:
    return folder / f"{source.stem}.{kind}"


def identity(source: Path) -> dict:
    status = source.stat()
    return {"file": source.name, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def make_one(kind: str, source: Path, folder: Path, tensors: Callable[[], dict]) -> Path:
    target = place(folder, source, kind)
    unfinished = folder / f"unfinished-{os.getpid()}.{kind}"
    try:
        WRITERS[kind](tensors(), unfinished, source)
        remove(target)
        unfinished.rename(target)
    finally:
        remove(unfinished)
    return target


def make(source: Path, folder: Path, kinds: list[str]) -> dict:
    """Makes what is missing. Says where each format is, which were made now, and why one can't be."""
    folder.mkdir(parents=True, exist_ok=True)
    made_of = folder / f"{source.stem}.made.json"
    kept = made_of.exists() and json.loads(made_of.read_text()) == identity(source)
    if not kept:
        for kind in FORMATS:
            if place(folder, source, kind).resolve() != source.resolve():
                remove(place(folder, source, kind))
        made_of.write_text(json.dumps(identity(source)))
    read: list[dict] = []  # once, and only if something is to be made

    def tensors() -> dict:
        if not read:
            read.append(read_tensors(source))
        return read[0]

    said: dict = {"files": {}, "made": [], "not_made": {}}
    for kind in kinds:
        target = place(folder, source, kind)
        if kind == format_of(source):
            target = source
        elif not target.exists():
            try:
                make_one(kind, source, folder, tensors)
            except Exception as error:  # noqa: BLE001: the other formats are worth having without it
                said["not_made"][kind] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            said["made"].append(str(target))
        said["files"][kind] = str(target)
    return said


def make_command(options: argparse.Namespace):
    source = Path(options.file).resolve()
    folder = Path(options.folder).resolve() if options.folder else Path(f"{source}.peers")
    kinds = options.formats.split(",")
    if unknown := sorted(set(kinds) - set(FORMATS)):
        raise ValueError(f"unknown format {unknown[0]}; there are {', '.join(FORMATS)}")
    print(json.dumps({"schema": "tz-bench-peer-files/1", **make(source, folder, kinds)}))


def convert_command(options: argparse.Namespace):
    """One file, where it is wanted; for .tensors also encrypted with a password, by tensorizer with its default cost."""
    source, target = Path(options.file), Path(options.target)
    tensors = read_tensors(source)
    if options.password_file:
        from tensorizer import EncryptionParams

        encryption = EncryptionParams.from_string(read_password(options.password_file))
        write_tensors(tensors, target, source, encryption)
    else:
        WRITERS[target.suffix[1:]](tensors, target, source)


def add_commands(commands):
    command = commands.add_parser("make", help="the tensors of FILE in the formats that loaders need; prints JSON")
    command.add_argument("file", metavar="FILE", help=".tensors or safetensors, not encrypted")
    command.add_argument("--folder", help="where they are put (FILE.peers)")
    command.add_argument("--formats", default=",".join(FORMATS), help="of %(default)s")
    command.set_defaults(run=make_command)
    command = commands.add_parser("convert", help="the tensors of FILE as TARGET, whose ending says the format")
    command.add_argument("file", metavar="FILE")
    command.add_argument("target", metavar="TARGET")
    command.add_argument("--password-file", help="encrypt with this password: .tensors alone")
    command.set_defaults(run=convert_command)
