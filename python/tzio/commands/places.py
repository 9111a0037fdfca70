"""Where a model goes: a folder, or a prefix in a bucket of S3. Each shows up whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ..errors import UsageError


class Place(Protocol):
    address: str  # what can be read from afterwards
    network: dict[str, str]  # options of the engine for that

    def check(self) -> None:
        """Before anything is done: UsageError where something is in the way."""

    def staging(self) -> contextlib.AbstractContextManager[Path]:
        """An empty folder to write into, which is gone afterwards."""

    def publish(self, staged: Path, last: str) -> contextlib.AbstractContextManager[None]:
        """Puts all files of a staging folder there, `last` after the others. If what is done in the context fails,
        files that replaced nothing are removed."""


def files_of(folder: Path, last: str) -> list[str]:
    """Relative names of all files, sorted, but with `last` at the end."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return sorted(names, key=lambda name: (name == last, name))


class Folder:
    """A local folder. With `force` its files of the same names are replaced, one after another, and others stay."""

    def __init__(self, path: str, force: bool) -> None:
        self.address = path
        self.network: dict[str, str] = {}
        self._path = Path(os.path.abspath(path))
        self._force = force

    def check(self) -> None:
        if self._path.exists() and not self._path.is_dir():
            raise UsageError(f"{self.address}: is a file; --output names a folder")
        if not self._force and self._path.is_dir() and any(self._path.iterdir()):
            raise UsageError(f"{self.address}: has files already; --force replaces those of the same names")

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """Beside the folder, so that it can become it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        staged = self._path.parent / f".{self._path.name}.{secrets.token_hex(4)}.partial"
        staged.mkdir()
        try:
            yield staged
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    @contextlib.contextmanager
    def publish(self, staged: Path, last: str) -> Iterator[None]:
        names = files_of(staged, last)
        for folder in {staged, *((staged / name).parent for name in names)}:
            _sync(folder)
        for name in names:
            _sync(staged / name)
        self.check()  # what has come meanwhile
        try:
            os.rename(staged, self._path)
        except OSError:
            if not self._force or not self._path.is_dir():
                raise
            for name in names:
                target = self._path / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged / name, target)
                _sync(target.parent)
        _sync(self._path.parent)
        yield


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Prefix:
    """Keys in a bucket of S3: by way of a temporary folder, encrypted where the model is. With `force`, objects of the
    same keys are replaced, one after another, and others stay."""

    def __init__(self, bucket: str, prefix: str, force: bool, endpoint: str | None) -> None:
        from .bucket import Bucket

        self._bucket = Bucket(bucket, endpoint)
        self._prefix = prefix
        self._force = force
        self.address = f"s3://{bucket}/{prefix}"
        self.network = self._bucket.network

    def check(self) -> None:
        if not self._force and self._bucket.has_keys(self._prefix + "/"):
            raise UsageError(f"{self.address}: has objects already; --force replaces those of the same keys")

    def staging(self) -> contextlib.AbstractContextManager[Path]:
        return _temporary_folder()

    @contextlib.contextmanager
    def publish(self, staged: Path, last: str) -> Iterator[None]:
        self.check()
        written: list[str] = []
        try:
            for name in files_of(staged, last):
                written.append(f"{self._prefix}/{name}")
                self._bucket.upload(staged / name, written[-1])
            yield
        except BaseException:
            if not self._force:
                self._bucket.remove(written)
            raise


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tzio-serialize-") as name:
        yield Path(name)


def split_bucket(text: str) -> tuple[str, str]:
    """`--dest-bucket`: a bucket's name or s3://BUCKET/PREFIX, as bucket and prefix, which may be empty."""
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not bucket or "://" in text.removeprefix("s3://"):
        raise UsageError(f"--dest-bucket {text}: is neither a bucket's name nor s3://BUCKET/PREFIX")
    return bucket, prefix.strip("/")
