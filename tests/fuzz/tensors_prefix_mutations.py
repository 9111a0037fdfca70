"""Changes to the file header of a `.tensors` file, and to what is around index and tensors."""

from __future__ import annotations

from tensors_mutation import LARGE, encrypted, mutation, region_bytes, untagged_region_bytes
from verdicts import LOADS, refused


@mutation
def version_unknown(file, lots):
    file.version = lots.choice([0, 6, 7, 255, 2**31, 2**32 - 1])
    return refused("unsupported")


@mutation
def version_other(file, lots):
    """Below 5 what differs is only whether the file is encrypted, and whether its flags mean anything."""
    if file.flags[0] & 2:
        file.version = lots.randrange(1, 5)
        return refused("unsupported")
    meta = any(not tensor.data and 0 not in tensor.shape for tensor in file.tensors)
    file.version = lots.choice([version for version in (1, 2, 3, 4, 5) if version != file.version])
    now_encrypted = file.version == 3 or (file.version >= 4 and file.flags[0] & 1)
    if encrypted(file):  # a key is given, for a file that counts as plain
        return LOADS if now_encrypted else refused("auth")
    if now_encrypted:  # and no key is given
        return refused("auth", "format") if meta else refused("auth")
    return refused("format") if meta and file.version < 4 else LOADS


@mutation
def flag_unknown(file, lots):
    bit = lots.randrange(2, 256)
    file.flags = (int.from_bytes(file.flags, "little") | 1 << bit).to_bytes(32, "little")
    return refused("unsupported")


@mutation
def flag_of_entries(file, lots):
    """The entries have no versions, or the version of the file has none."""
    if file.flags[0] & 2 or file.version >= 5:
        return None
    file.changed["region_bytes"] = untagged_region_bytes(file)
    file.flags = bytes([file.flags[0] | 2]) + file.flags[1:]
    return refused("unsupported")


@mutation
def flag_encrypted(file, lots):
    """Before version 4 it means nothing."""
    if file.flags[0] & 1:
        return None
    file.flags = bytes([file.flags[0] | 1]) + file.flags[1:]
    return LOADS if file.version < 4 else refused("auth")


@mutation
def sum_of_data(file, lots):
    file.total = lots.choice([0, 1, *LARGE])
    return LOADS


@mutation
def reserved(file, lots):
    file.reserved = lots.choice([lots.randbytes(8), bytes(8), b"tzappend"])
    return LOADS


@mutation
def count_too_small(file, lots):
    file.changed["count"] = lots.randrange(len(file.tensors))
    return refused("format")


@mutation
def count_too_large(file, lots):
    count = len(file.tensors)
    file.changed["count"] = lots.choice([count + 1, count + 2, count + 1000, *LARGE])
    # what is behind the entries may be taken for the version of another one
    return refused("format", "limit", "unsupported") if file.version >= 5 else refused("format", "limit")


@mutation
def region_too_small(file, lots):
    used = region_bytes(file) - len(file.unused)
    file.changed["region_bytes"] = lots.randrange(used)
    return refused("format")


@mutation
def region_too_large(file, lots):
    left = len(file.write()) - 73
    file.changed["region_bytes"] = lots.choice([left + 1, left + 2, *LARGE])
    return refused("format", "limit")


@mutation
def region_over_headers(file, lots):
    used = region_bytes(file)
    file.changed["region_bytes"] = used + lots.randrange(1, 60)
    return refused("format")


@mutation
def behind_the_entries(file, lots):
    file.unused = bytes(lots.randrange(5)) + bytes([lots.randrange(1, 256)]) + lots.randbytes(lots.randrange(40))
    return refused("format")


@mutation
def more_zeros_behind_the_entries(file, lots):
    file.unused = bytes(lots.randrange(3000))
    return LOADS


@mutation
def end_of_the_file(file, lots):
    """What is behind the last tensor says nothing."""
    file.end = lots.choice([b"", b"\0", lots.randbytes(8), bytes(8) + lots.randbytes(lots.randrange(50))])
    return LOADS


@mutation
def cut(file, lots):
    whole = len(file.write()) - len(file.end)
    if not file.tensors[-1].data:
        return None
    file.length = lots.randrange(whole)
    return refused("format")
