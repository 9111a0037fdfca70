"""What a TensorSerializer writes to: paths, descriptors and file objects, as the engine opens them."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
from typing import Any

from . import stream_io
from .naming import name_of

_COPY_BYTES = 8 << 20  # to file objects that only Python can write, at a time


class Target:
    """A path for the engine. `in_place`: the file is to stay the one it is. `file` is the file object, or None; `name`
    what errors call it."""

    def __init__(self, spec: Any) -> None:
        self.file: Any = None
        self.in_place = False
        self._held: int | None = None  # the descriptor that `path` names
        self._is_copy = False  # of what only Python can write
        if isinstance(spec, str) and stream_io.scheme_of(spec) == "s3":
            spec = stream_io.open_stream(spec, "wb+")
        if isinstance(spec, (str, bytes, os.PathLike)):
            self.path = self._named(os.fsdecode(spec))
        elif isinstance(spec, int):
            self.path = self._descriptor(os.dup(spec))
        else:
            _check_mode(spec)
            self.file = spec
            self.path = self._from_object(spec)
        self.name = self.path if self._held is None else name_of(spec)

    def _named(self, name: str) -> str:
        scheme = stream_io.scheme_of(name)
        if scheme not in (None, "file"):
            raise ValueError(f'Only the mode "rb" is valid when opening {scheme}:// streams.')
        name = name.removeprefix("file://")
        folder = os.path.dirname(name)
        if folder:
            os.makedirs(folder, exist_ok=True)
        self.in_place = os.path.lexists(name) and not stat.S_ISREG(os.lstat(name).st_mode)
        return name

    def _from_object(self, file: Any) -> str:
        if not getattr(file, "seekable", lambda: True)():
            raise ValueError("file_obj must support seeking for serialization")
        if file.tell() != 0:
            raise ValueError("file_obj must be at its start: offsets in the file count from there")
        with contextlib.suppress(AttributeError, OSError, TypeError):
            descriptor = os.dup(file.fileno())
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                file.flush()
                return self._descriptor(descriptor)
            os.close(descriptor)
        self._is_copy = True
        return self._descriptor(os.memfd_create("tensors", os.MFD_CLOEXEC))

    def _descriptor(self, descriptor: int) -> str:
        """By way of /proc: the same file, whatever its name means by now."""
        self._held = descriptor
        self.in_place = True
        return f"/proc/self/fd/{descriptor}"

    def written(self) -> None:
        """After a write: the file object has it, and stands behind it."""
        if self.file is None:
            return
        if self._is_copy:
            assert self._held is not None
            self.file.seek(0)
            with open(os.dup(self._held), "rb") as copy:
                copy.seek(0)
                shutil.copyfileobj(copy, self.file, _COPY_BYTES)
        else:
            self.file.seek(0, os.SEEK_END)

    def close(self, failed: bool = False) -> None:
        """Closes the file object; what is for S3 is uploaded unless it `failed`."""
        descriptor, self._held = self._held, None
        if descriptor is not None:
            os.close(descriptor)
        file, self.file = self.file, None
        if file is None:
            return
        if failed and hasattr(file, "abort"):
            file.abort()
        else:
            file.close()


def _check_mode(file: Any) -> None:
    both = getattr(file, "writable", lambda: True)() and getattr(file, "readable", lambda: True)()
    if isinstance(file, io.TextIOBase) or not both:
        mode = getattr(file, "mode", "")
        found = f', current mode="{mode}"' if mode else ""
        raise ValueError(
            f'TensorSerializer\'s file_obj must be readable, writable, and in binary mode (mode="wb+"{found})'
        )
