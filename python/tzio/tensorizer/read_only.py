"""What the streams of HTTP and Redis have in common as file objects."""

from __future__ import annotations

import io
from typing import Any


class ReadOnlyStream(io.BufferedIOBase):
    """Bytes to be read and sought. Those who inherit from it give read() and seek(), and keep `_curr`, the place."""

    _curr: int

    def readinto(self, ba: Any) -> int:
        view = memoryview(ba).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def tell(self) -> int:
        return self._curr

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return True

    def readline(self, size: int | None = -1) -> bytes:
        raise io.UnsupportedOperation("readline")
