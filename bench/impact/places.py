"""Where a server's model comes from: a folder of this machine, in or out of the page cache, or a copy of it in S3."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)


def make_cold(path: Path) -> None:
    """Drops a file from the page cache, which a filesystem in memory doesn't let happen: ask `cached_share`."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())  # dirty pages can't be dropped
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_warm(path: Path) -> None:
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def cached_share(paths: list[Path]) -> float:
    """Of the files' pages, 0 to 1."""
    cached = total = 0
    for path in paths:
        size = path.stat().st_size
        if size == 0:
            continue
        with open(path, "rb") as file, mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE) as pages:
            count = -(-size // mmap.PAGESIZE)
            resident = (ctypes.c_ubyte * count)()
            first = (ctypes.c_char * size).from_buffer(pages)
            failed = _libc.mincore(ctypes.addressof(first), size, resident)
            del first  # or the mapping can't be closed
            if failed:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
            cached += sum(page & 1 for page in resident)
            total += count
    return cached / total if total else 0.0


def prepare(folder: Path, cache: str) -> float:
    """Puts the folder's files in the state asked for; the share that is in the page cache then."""
    paths = files_of(folder)
    for path in paths:
        make_cold(path) if cache == "cold" else make_warm(path)
    return cached_share(paths)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def in_s3(folder: Path, bucket: str) -> Iterator[str]:
    """The folder's files below a prefix of its own, which goes away; its address. Credentials are AWS's usual names."""
    import boto3
    from botocore.config import Config

    # servers that aren't AWS's needn't know the checksums of newer clients
    config = Config(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    target = boto3.resource("s3", config=config).Bucket(bucket)
    prefix = f"tz-bench-impact-{uuid.uuid4().hex[:12]}"
    try:
        for path in files_of(folder):
            target.upload_file(str(path), f"{prefix}/{path.relative_to(folder)}")
        yield f"s3://{bucket}/{prefix}"
    finally:
        for found in target.objects.filter(Prefix=f"{prefix}/"):
            found.delete()
