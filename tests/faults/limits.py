"""What a process may be denied before it begins: functions to run in it."""

import os
import resource

import pytest

NOBODY = 65534


def limit(kind, size):
    return lambda: resource.setrlimit(kind, (size, size))


def descriptors(count):
    return limit(resource.RLIMIT_NOFILE, count)


def locked_memory(size):
    return limit(resource.RLIMIT_MEMLOCK, size)


def address_space(size):
    return limit(resource.RLIMIT_AS, size)


def file_size(size):
    return limit(resource.RLIMIT_FSIZE, size)


def as_nobody():
    """Root may read everything and lock any memory. For `preexec_fn`, last of several."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def both(*calls):
    def all_of_them():
        for call in calls:
            call()

    return all_of_them


def let_pass(*folders):
    """Everybody may pass these, as nobody must to come to what is in them."""
    for folder in folders:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)


def need_root():
    if os.getuid() != 0:
        pytest.skip("only root can become nobody, or mount")
