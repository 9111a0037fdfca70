"""A file system of our own, by /dev/fuse: a folder under another name, whose reads can be held back for ever, as by a
server that is gone. One thread of the tests' process answers; nothing but the kernel is needed, and root."""

import contextlib
import errno
import os
import struct
import threading
from pathlib import Path

import pytest
from kernel import checked, libc, mount

LOOKUP, FORGET, GETATTR, SETATTR, UNLINK, RENAME, OPEN, READ, WRITE, STATFS = 1, 2, 3, 4, 10, 12, 14, 15, 16, 17
RELEASE, FSYNC, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR = 18, 20, 25, 26, 27, 28, 29, 30
CREATE, INTERRUPT, BATCH_FORGET, RENAME2 = 35, 36, 42, 45
SIZE_IS_SET, MODE_IS_SET = 8, 1
UNANSWERED = {FORGET, BATCH_FORGET}
ASYNC_READ = 1  # reads ahead: who waits for them can be killed
REQUEST_BYTES_MAX = (1 << 20) + 4096
WRITE_BYTES_MAX = 128 << 10
MNT_FORCE, MNT_DETACH = 1, 2


class Fuse:
    """After `reads_max` reads none is answered; `held` says that one came. Only the end of who asked ends it."""

    reads_max = 1 << 60

    def __init__(self, folder: Path, place: Path):
        self.paths, self.numbers = {1: folder}, {folder: 1}
        self.reads, self.held = 0, threading.Event()
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        mount("tz-limits", place, "fuse", 0, options)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                request = os.read(self.device, REQUEST_BYTES_MAX)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):  # the second: it was taken back
                    continue
                return  # unmounted
            operation, unique, node = struct.unpack_from("<IQQ", request, 4)
            if operation in UNANSWERED or self.is_held(operation):
                continue
            if operation == INTERRUPT:  # of a read that is held
                self.reply(struct.unpack_from("<Q", request, 40)[0], errno.EINTR)
                continue
            try:
                self.reply(unique, 0, self.answer(operation, node, request[40:]))
            except OSError as error:
                self.reply(unique, error.errno)

    def reply(self, unique, error: int, answer: bytes = b""):
        with contextlib.suppress(OSError):  # nobody waits any more
            os.write(self.device, struct.pack("<IiQ", 16 + len(answer), -error, unique) + answer)

    def is_held(self, operation) -> bool:
        self.reads += operation == READ
        if operation != READ or self.reads <= self.reads_max:
            return False
        self.held.set()
        return True

    def answer(self, operation, node, body: bytes) -> bytes:
        handler = self.handlers.get(operation)
        if handler is None:
            raise OSError(errno.ENOSYS, "")
        return handler(self, node, body)

    def init(self, _, body):
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 20, ASYNC_READ, 16, 12, WRITE_BYTES_MAX, 1, 0, 0, 0)

    # --- files: numbers of nodes stay, whatever becomes of names

    def node(self, path: Path) -> int:
        return self.numbers.setdefault(path, len(self.paths) + 1)

    def child(self, node, name: bytes) -> Path:
        return self.paths[node] / os.fsdecode(name.rstrip(b"\0"))

    def attributes(self, path: Path) -> bytes:
        stat = os.lstat(path)
        times = [stat.st_atime_ns, stat.st_mtime_ns, stat.st_ctime_ns]
        seconds, rest = [time // 10**9 for time in times], [time % 10**9 for time in times]
        owner = (stat.st_mode, stat.st_nlink, stat.st_uid, stat.st_gid, 0, 4096, 0)
        return struct.pack("<6Q10I", stat.st_ino, stat.st_size, stat.st_blocks, *seconds, *rest, *owner)

    def entry(self, path: Path) -> bytes:
        attributes = self.attributes(path)
        number = self.node(path)
        self.paths[number] = path
        return struct.pack("<4Q2I", number, 0, 0, 0, 0, 0) + attributes

    def lookup(self, node, body):
        return self.entry(self.child(node, body))

    def get_attributes(self, node, body):
        return struct.pack("<QII", 0, 0, 0) + self.attributes(self.paths[node])

    def set_attributes(self, node, body):
        valid, size, mode = struct.unpack_from("<I12xQ44xI", body)
        if valid & SIZE_IS_SET:
            os.truncate(self.paths[node], size)
        if valid & MODE_IS_SET:
            os.chmod(self.paths[node], mode & 0o7777)
        return self.get_attributes(node, body)

    def opened(self, path, flags) -> bytes:
        return struct.pack("<QII", os.open(path, flags & ~(os.O_DIRECT | os.O_EXCL | os.O_CREAT)), 0, 0)

    def open(self, node, body):
        return self.opened(self.paths[node], struct.unpack_from("<I", body)[0])

    def create(self, node, body):
        flags, mode = struct.unpack_from("<II", body)
        path = self.child(node, body[16:])
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        self.numbers.pop(path, None)
        return self.entry(path) + self.opened(path, flags)

    def read(self, node, body):
        file, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(file, size, offset)

    def write(self, node, body):
        file, offset, size = struct.unpack_from("<QQI", body)
        return struct.pack("<II", os.pwrite(file, body[40 : 40 + size], offset), 0)

    def sync(self, node, body):
        os.fsync(struct.unpack_from("<Q", body)[0])
        return b""

    def release(self, node, body):
        os.close(struct.unpack_from("<Q", body)[0])
        return b""

    def nothing(self, node, body):
        return b""

    # --- folders

    def open_folder(self, node, body):
        return bytes(16)

    def read_folder(self, node, body):
        offset, size = struct.unpack_from("<QI", body, 8)
        answer = b""
        for at, name in enumerate(sorted(os.listdir(self.paths[node]))):
            text = os.fsencode(name)
            record = struct.pack("<QQII", at + 2, at + 1, len(text), 0) + text
            record += bytes(-len(record) % 8)
            if at >= offset and len(answer) + len(record) <= size:
                answer += record
        return answer

    def unlink(self, node, body):
        path = self.child(node, body)
        os.unlink(path)
        self.numbers.pop(path, None)
        return b""

    def move(self, node, body, names):
        old, new = (self.child(at, name) for at, name in zip((node, struct.unpack_from("<Q", body)[0]), names))
        os.rename(old, new)
        self.numbers[new] = self.numbers.pop(old)
        self.paths[self.numbers[new]] = new
        return b""

    def rename(self, node, body):
        return self.move(node, body, body[8:].split(b"\0")[:2])

    def rename_with_flags(self, node, body):
        if struct.unpack_from("<I", body, 8)[0] != 0:
            raise OSError(errno.EINVAL, "")  # as NFS and others: only what rename() can do
        return self.move(node, body, body[16:].split(b"\0")[:2])

    def space(self, node, body):
        stat = os.statvfs(self.paths[node])
        room = (stat.f_blocks, stat.f_bfree, stat.f_bavail, stat.f_files, stat.f_ffree)
        return struct.pack("<5Q4I24x", *room, stat.f_bsize, 255, stat.f_frsize, 0)

    handlers = {
        INIT: init, LOOKUP: lookup, GETATTR: get_attributes, SETATTR: set_attributes, OPEN: open, CREATE: create,
        READ: read, WRITE: write, FSYNC: sync, RELEASE: release, FLUSH: nothing, OPENDIR: open_folder,
        READDIR: read_folder, RELEASEDIR: nothing, FSYNCDIR: nothing, UNLINK: unlink, RENAME: rename,
        RENAME2: rename_with_flags, STATFS: space,
    }  # fmt: skip


@contextlib.contextmanager
def mounted(folder: Path, place: Path):
    """The folder's files at `place`, until the block ends: then whoever still waits for a read gets an error."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("there is no /dev/fuse")
    fuse = Fuse(folder, place)
    try:
        yield fuse
    finally:
        checked(libc.umount2(os.fsencode(place), MNT_FORCE | MNT_DETACH), "umount")
        fuse.thread.join()
        os.close(fuse.device)
