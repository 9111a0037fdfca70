"""Room on the disk before it is written to."""

from __future__ import annotations

import errno
import os


def has_fallocate() -> bool:
    return hasattr(os, "posix_fallocate")


def try_fallocate(fd: int, offset: int, length: int, suppress_all_errors: bool = False) -> bool:
    """Takes room for a range of a file. False where the filesystem can't, or nothing may be raised; else OSError."""
    try:
        os.posix_fallocate(fd, offset, length)
    except OSError as error:
        if suppress_all_errors or error.errno == errno.EOPNOTSUPP:
            return False
        raise
    return True
