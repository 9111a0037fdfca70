"""What a process may ask of the kernel to have less: mounts of its own, calls that are refused, a group with little
memory. Functions for `preexec_fn`: they run in the child alone, and nothing has to be undone."""

import contextlib
import ctypes
import os
import struct
from pathlib import Path

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
GROUPS = Path("/sys/fs/cgroup")

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, doing: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")
    return result


def mount(source, place, kind, flags=0, options=None):
    given = [None if text is None else os.fsencode(text) for text in (source, place, kind)]
    data = None if options is None else options.encode()
    checked(libc.mount(*given, ctypes.c_ulong(flags), data), f"mount on {place}")


def own_mounts():
    """Of what is mounted from now on nobody else sees anything."""
    checked(libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def read_only_root(*writable):
    """Only these folders can be written to; and what is mounted by itself, as /dev and /tmp may be."""

    def prepare():
        own_mounts()
        for folder in writable:
            mount(folder, folder, None, MS_BIND)
        mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY)

    return prepare


def without_proc():
    own_mounts()
    mount("none", "/proc", "tmpfs")


def group_files(files: dict[str, str], own: str):
    """Files in place of those in /sys/fs/cgroup, and of /proc/self/cgroup, as a container would see them."""

    def prepare():
        own_mounts()
        mount("none", GROUPS, "tmpfs")
        for name, text in (files | {"own": own}).items():
            path = GROUPS / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        mount(GROUPS / "own", f"/proc/{os.getpid()}/cgroup", None, MS_BIND)

    return prepare


# --- calls that are refused

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
#: Of every architecture with the same table, x86-64 and aarch64 among them.
IO_URING = {"setup": 425, "enter": 426, "register": 427}


def instruction(code, value, jump_true=0, jump_false=0) -> bytes:
    return struct.pack("<HBBI", code, jump_true, jump_false, value)


def filter_of(*instructions: bytes):
    """A program as the kernel takes it, and the memory in which it is."""
    program = ctypes.create_string_buffer(b"".join(instructions))
    return ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(instructions), ctypes.addressof(program))), program


def refusing(calls, error: int):
    """These system calls fail with this error, as a container's seccomp profile may have it."""
    tests = [instruction(EQUAL, number, len(calls) - at, 0) for at, number in enumerate(calls)]
    ends = [instruction(RETURN, ALLOW), instruction(RETURN, ERRNO | error)]
    given, program = filter_of(instruction(LOAD, 0), *tests, *ends)

    def prepare():
        assert program
        checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        checked(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, given, 0, 0), "seccomp")

    return prepare


# --- groups


def own_group(controller: str) -> str | None:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path
    return None


def place_for_group() -> tuple[Path, str]:
    """Where a group below ours can be made, and the name of its limit: by version 1 or 2."""
    path = own_group("memory")
    if path is not None:
        below = GROUPS / "memory" / path.lstrip("/")
        return (below if below.is_dir() else GROUPS / "memory"), "memory.limit_in_bytes"
    return GROUPS / (own_group("") or "/").lstrip("/"), "memory.max"


@contextlib.contextmanager
def memory_group(size: int):
    """A function by which a process goes into a group of its own that has so much memory, with the files it caches."""
    above, limit = place_for_group()
    group = above / f"tz-limits-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(size))
        yield lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
    finally:
        group.rmdir()
