"""A program whose system calls that change files or send are seen one by one, before they
happen: a seccomp filter hands each to this process, which lets it go on or kills the program there. What io_uring writes is seen as its `enter`."""

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from kernel import ALLOW, EQUAL, LOAD, PR_SET_NO_NEW_PRIVS, RETURN, checked, filter_of, instruction, libc

#: Numbers of x86-64, by which `available()` goes.
CALLS = {
    "write": 1, "pwrite64": 18, "writev": 20, "sendto": 44, "flock": 73, "fsync": 74, "fdatasync": 75, "ftruncate": 77,
    "rename": 82, "link": 86, "unlink": 87, "fchmod": 91, "exit_group": 231, "unlinkat": 263, "renameat": 264, "linkat": 265,
    "sync_file_range": 277, "fallocate": 285, "pwritev": 296, "renameat2": 316, "pwritev2": 328, "io_uring_enter": 426,
}  # fmt: skip
OPENAT, SECCOMP = 257, 317
NAMES = {number: name for name, number in CALLS.items()} | {OPENAT: "openat"}

SECCOMP_SET_MODE_FILTER, NEW_LISTENER, ASKS = 1, 8, 0x7FC00000
RECEIVE, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1
ANY_BIT, THIRD_ARGUMENT = 0x45, 32


def available() -> bool:
    return platform.machine() == "x86_64"


def asking_filter():
    """`openat` is seen where it may make a file."""
    numbers = list(CALLS.values())
    begin = [instruction(LOAD, 0), instruction(EQUAL, OPENAT, 0, 2)]
    making = [instruction(LOAD, THIRD_ARGUMENT), instruction(ANY_BIT, os.O_CREAT, len(numbers) + 1, len(numbers))]
    tests = [instruction(EQUAL, number, len(numbers) - at, 0) for at, number in enumerate(numbers)]
    return filter_of(*begin, *making, *tests, instruction(RETURN, ALLOW), instruction(RETURN, ASKS))


@dataclass
class Call:
    """Of thread `thread`, on its way to the kernel."""

    name: str
    thread: int
    first: int  # argument: the descriptor, where there is one

    @property
    def file(self) -> str:
        return f"/proc/{self.thread}/fd/{self.first}"


@dataclass
class Ended:
    code: int
    calls: int
    seconds: float  # since the first call
    error: str


class Watched:
    """One run. `killed_at`: the number of the call before which it is killed; `killed_after`: so many seconds after the
    first call. `look` is told of each call, and says whether it has done it itself."""

    def __init__(self, killed_at=None, killed_after=None, look: Callable[[Call], bool] | None = None):
        self.killed_at, self.killed_after, self.look = killed_at, killed_after, look
        self.calls, self.first = 0, None

    def run(self, command, environment, seconds=60) -> Ended:
        ours, theirs = socket.socketpair()
        given, program = asking_filter()

        def prepare():
            assert program
            checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
            listener = checked(
                libc.syscall(SECCOMP, SECCOMP_SET_MODE_FILTER, NEW_LISTENER, ctypes.byref(given)), "seccomp"
            )
            socket.send_fds(theirs, [b"."], [listener])

        with ours, theirs:
            process = subprocess.Popen(
                list(map(str, command)),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                preexec_fn=prepare,
            )
            _, (listener, *_), _, _ = socket.recv_fds(ours, 1, 1)
        try:
            self.serve(process, listener, time.monotonic() + seconds)
        finally:
            os.close(listener)
            _, error = process.communicate()
        passed = time.monotonic() - self.first if self.first else 0
        return Ended(process.returncode, self.calls, passed, error.decode(errors="replace"))

    def serve(self, process, listener, end):
        events = select.poll()
        events.register(listener, select.POLLIN)
        while True:
            now = time.monotonic()
            due = end
            if self.killed_after is not None and self.first is not None:
                due = min(end, self.first + self.killed_after)
            if now >= due:
                process.send_signal(signal.SIGKILL)
                assert due < end, f"still running: {process.args}"
                return
            for _, event in events.poll(max(0, due - now) * 1000):
                if not event & select.POLLIN:
                    return  # nobody is left to ask
                if self.answer(process, listener):
                    return

    def answer(self, process, listener) -> bool:
        """True where that was the end of it."""
        question = bytearray(80)
        try:
            fcntl.ioctl(listener, RECEIVE, question)
        except OSError as error:
            assert error.errno in (errno.ENOENT, errno.EINTR), error  # it has gone meanwhile
            return False
        number, thread, _, call, _, _, first = struct.unpack_from("<QIIiIQQ", question)
        self.calls += 1
        self.first = self.first or time.monotonic()
        if self.calls == self.killed_at:
            process.send_signal(signal.SIGKILL)
            return True
        done = self.look is not None and self.look(Call(NAMES[call], thread, first))
        with contextlib.suppress(FileNotFoundError):
            fcntl.ioctl(listener, SEND, bytearray(struct.pack("<QqiI", number, 0, 0, 0 if done else CONTINUE)))
        return False
