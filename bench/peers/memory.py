"""Memory and page cache, as every loader here finds them just before it is timed."""

import mmap


def touch_and_free(size: int):
    populate_write = 23  # not among mmap's names yet
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
            memory.madvise(populate_write)
        except OSError:  # an old kernel: benchmark without
            pass


def warm(path):
    """Reads a file into the page cache: what writes past it leaves it empty, and what is not there tzio reads past it."""
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass
