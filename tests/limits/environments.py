"""The environments: what a process is denied before it begins, and on what its files lie."""

import contextlib
import errno
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from fuse import mounted
from kernel import IO_URING, group_files, memory_group, read_only_root, refusing, without_proc
from limits import as_nobody, both, descriptors, locked_memory

HALF_GIB = 512 << 20


@contextlib.contextmanager
def as_it_is(prepare=None):
    yield prepare


def need_groups():
    try:
        with memory_group(1 << 30):
            pass
    except OSError as error:
        pytest.skip(f"no control groups can be made here: {error}")


@contextlib.contextmanager
def in_a_group():
    need_groups()
    with memory_group(HALF_GIB) as enter:
        yield enter


@contextlib.contextmanager
def beside(samples: Path, folder: Path):
    yield samples, folder


def output_of(*command) -> str:
    """Of a command that not every machine allows, or has."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{command[0]} is refused here: {error.stderr.strip()}")
    except FileNotFoundError as error:
        pytest.skip(str(error))


@contextlib.contextmanager
def mount_of(kind: str, options: str, place: Path, device: str = "none"):
    place.mkdir()
    output_of("mount", "-t", kind, "-o", options, device, place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def copied(samples: Path, place: Path):
    subprocess.run(["cp", "-r", f"{samples}/.", place], check=True)


@contextlib.contextmanager
def on_tmpfs(samples: Path, folder: Path):
    with mount_of("tmpfs", "size=200m", folder / "tmpfs") as place:
        copied(samples, place)
        yield place, place


@contextlib.contextmanager
def on_overlay(samples: Path, folder: Path):
    """What is read lies in the lower layer, as a model in an image does; what is written goes to the upper one."""
    with mount_of("tmpfs", "size=200m", folder / "layers") as layers:
        for name in ("upper", "work"):
            (layers / name).mkdir()
            (layers / name).chmod(0o777)
        options = f"lowerdir={samples},upperdir={layers}/upper,workdir={layers}/work"
        with mount_of("overlay", options, folder / "overlay") as place:
            yield place, place


@contextlib.contextmanager
def on_fuse(samples: Path, folder: Path):
    own, place = folder / "behind", folder / "fuse"
    own.mkdir()
    place.mkdir()
    copied(samples, own)
    with mounted(own, place):
        yield place, place


def on_device_of(sector_bytes: int):
    """A disk whose sectors have this size, which direct reads must keep to."""

    @contextlib.contextmanager
    def on_device(samples: Path, folder: Path):
        image = folder / "image"
        with image.open("wb") as file:
            file.truncate(200 << 20)
        device = output_of("losetup", "--find", "--show", "--sector-size", str(sector_bytes), image)
        try:
            output_of("mkfs.ext4", "-q", device)
            with mount_of("ext4", "noatime", folder / "disk", device) as place:
                copied(samples, place)
                yield place, place
        finally:
            subprocess.run(["losetup", "--detach", device], check=True)

    return on_device


@dataclass
class Environment:
    """`process` gives what happens in a process before it begins, `files` the folders to load from and to save to."""

    process: Callable = as_it_is
    files: Callable = beside
    says: str = ""  # what `tz` warns of
    variables: tuple = ()  # these are not set
    proc: bool = True
    saves_in: Callable | None = None  # a call with the folder to save to, in place of `process`


def prepared(*calls, **fields) -> Environment:
    return Environment(process=lambda: as_it_is(both(*calls)), **fields)


def without_calls(error, *names):
    return refusing([IO_URING[name] for name in names or IO_URING], error)


#: As containers limit memory: by version 2, by version 1 with the group's own path, and by it seen from outside.
V2 = {"memory.max": f"{HALF_GIB}\n", "memory.current": "9000000\n", "memory.stat": "anon 9000000\n"}
V1 = {
    f"memory/{name}": text
    for name, text in {
        "memory.limit_in_bytes": f"{HALF_GIB}\n",
        "memory.usage_in_bytes": "9000000\n",
        "memory.stat": "total_active_file 0\n",
    }.items()
}

REFUSED, UNTOLD = "seccomp profile", "does not tell what its io_uring can do (seccomp profile)"
ENVIRONMENTS = {
    "as it is": Environment(),
    "io_uring: EPERM": prepared(without_calls(errno.EPERM), says=REFUSED),
    "io_uring: ENOSYS": prepared(without_calls(errno.ENOSYS), says=REFUSED),
    "io_uring entered: EPERM": prepared(without_calls(errno.EPERM, "enter"), says=REFUSED),
    "io_uring entered: ENOSYS": prepared(without_calls(errno.ENOSYS, "enter"), says=REFUSED),
    "io_uring registers: EPERM": prepared(without_calls(errno.EPERM, "register"), says=UNTOLD),
    "io_uring registers: ENOSYS": prepared(without_calls(errno.ENOSYS, "register"), says=UNTOLD),
    "nobody": prepared(as_nobody),
    "nobody, memlock 64 KiB": prepared(locked_memory(64 << 10), as_nobody),
    "nobody, memlock 0": prepared(locked_memory(0), as_nobody, says="RLIMIT_MEMLOCK"),
    "64 descriptors": prepared(descriptors(64)),
    "20 descriptors": prepared(descriptors(20)),
    "512 MiB": Environment(process=in_a_group),
    "512 MiB, version 2": prepared(group_files(V2, "0::/\n")),
    "512 MiB, version 1": prepared(group_files(V1, "4:memory:/docker/0123\n1:cpu,cpuacct:/docker/0123\n")),
    "tmpfs": Environment(files=on_tmpfs),
    "overlayfs": Environment(files=on_overlay),
    "FUSE": Environment(files=on_fuse),
    "sectors of 512 bytes": Environment(files=on_device_of(512)),
    "sectors of 4096 bytes": Environment(files=on_device_of(4096)),
    "root read-only": Environment(saves_in=read_only_root),
    "no /proc": prepared(without_proc, proc=False),
    "no HOME": prepared(variables=("HOME", "TMPDIR")),
    "a strict container": Environment(
        files=on_overlay,
        says=REFUSED,
        process=lambda: as_it_is(
            both(descriptors(64), locked_memory(64 << 10), as_nobody, without_calls(errno.EPERM))
        ),
    ),
}
