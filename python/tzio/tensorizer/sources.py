"""What a TensorDeserializer reads: paths, URLs and file objects, as the engine opens them."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
from typing import Any

from . import stream_io
from .naming import name_of

_COPY_BYTES = 8 << 20  # of file objects that only Python can read, at a time


class Source:
    """An address for the engine, and what keeps it alive. `file` is the file object that close() closes, or None;
    `name` what errors call it."""

    def __init__(self, spec: Any) -> None:
        self.network: dict[str, str] = {}
        self.file: Any = None
        self.closed = False
        self._is_copy = False
        self._descriptor: int | None = None
        if isinstance(spec, (str, bytes, os.PathLike)):
            self.address = self._named(os.fsdecode(spec))
        elif isinstance(spec, int):
            self.address = self._opened(spec, None)
        else:
            _check_mode(spec)
            self.address = self._from_object(spec)
            self.file = spec
        by_descriptor = self._descriptor is not None
        self.name = name_of(self.file if self.file is not None else spec) if by_descriptor else self.address

    def _named(self, name: str) -> str:
        scheme = stream_io.scheme_of(name)
        if scheme == "redis":
            self.file = stream_io.open_stream(name)
            return self._from_object(self.file)
        if scheme == "s3":
            self.network = stream_io.s3_network(read=True)
        if scheme is None and not os.path.exists(name):  # whatever patterns and folders are to tzio elsewhere
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        if scheme is None and os.path.isdir(name):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        return name

    def _from_object(self, file: Any) -> str:
        if isinstance(file, stream_io.CURLStreamFile):
            found = file.address_for_engine()
            if found is None:
                return self._copied(file)
            address, self.network = found
            return address
        with contextlib.suppress(AttributeError, OSError, TypeError):
            return self._opened(file.fileno(), file)
        return self._copied(file)

    def _opened(self, descriptor: int, file: Any) -> str:
        """A regular file by way of /proc: the same file, whatever its name means by now."""
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            self._descriptor = os.dup(descriptor)
            return f"/proc/self/fd/{self._descriptor}"
        if file is not None:
            return self._copied(file)
        with open(descriptor, "rb", closefd=False) as pipe:
            return self._copied(pipe)

    def _copied(self, file: Any) -> str:
        """Pipes, io.BytesIO and whatever only Python can read: a copy in memory that has a name."""
        self._is_copy = True
        self._descriptor = os.memfd_create("tensors", os.MFD_CLOEXEC)
        with open(self._descriptor, "wb", closefd=False) as copy:
            shutil.copyfileobj(file, copy, _COPY_BYTES)
        return f"/proc/self/fd/{self._descriptor}"

    def finish(self) -> None:
        """Closes the file object, and lets go of a copy in memory. What has a name can still be read."""
        if self.file is not None:
            self.file.close()
        if self._is_copy:
            self.close()

    def close(self) -> None:
        self.closed = True
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        if self.file is not None:
            self.file.close()


def _check_mode(file: Any) -> None:
    readable = getattr(file, "readable", lambda: True)()
    if isinstance(file, io.TextIOBase) or not readable:
        mode = getattr(file, "mode", "")
        found = f', current mode="{mode}"' if mode else ""
        raise ValueError(f'TensorDeserializer\'s file_obj must be readable and in binary mode (mode="rb"{found})')
