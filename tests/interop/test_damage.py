"""Damaged files: a typed error or exactly the right tensors, never a crash or a hang."""

import random

import pytest
import torch
from conftest import assert_one_line
from pip_reference import KEY, filled, password_encryption, write
from program import DATA_WRONG, LIMIT, NOT_FOUND, OK
from tensorizer import EncryptionParams

HEADERS = 73 + 262144  # where pip's files have the first tensor's header
PROTECTIONS = ["plain", "key", "password"]


@pytest.fixture(scope="module", params=PROTECTIONS)
def small(request, tmp_path_factory, key_file, password_file):
    """A file of few bytes but for pip's region of zeros, and the options with its key."""
    encryption, options = {
        "plain": (None, []),
        "key": (EncryptionParams(KEY), ["--key-file", key_file]),
        "password": (password_encryption(), ["--password-file", password_file]),
    }[request.param]
    path = tmp_path_factory.mktemp("small") / "small.tensors"
    tensors = {
        "a": filled(torch.float32, 2, 9),
        "b": filled(torch.bfloat16, 7),
        "c": filled(torch.int8),
    }
    write(str(path), tensors, encryption=encryption)
    return path, options


def positions(file: bytes, config) -> list[int]:
    """Every byte but the region's zeros."""
    entries = len(file[:HEADERS].rstrip(b"\0")) + 8
    return [*range(entries), *range(HEADERS, len(file))][:: config.getoption("--every")]


def check(tz, path, options, right: bytes) -> str:
    """What is wrong with the way a damaged file is dealt with; empty if nothing."""
    result = tz("checksum", path, *options)
    if result.code == OK:
        return "" if result.out == right else f"wrong tensors:\n{result.out.decode()}"
    if result.code not in (DATA_WRONG, LIMIT):
        return f"exit code {result.code}: {result.error}"
    assert result.out == b""
    assert_one_line(result, path)
    return ""


def io_for(position: int) -> list[str]:
    return ["--io", ["auto", "threads"][position % 2]]


def test_cut_anywhere(tz, small, tmp_path, pytestconfig):
    path, options = small
    right = tz.checksum(path, *options)
    file, cut = path.read_bytes(), tmp_path / "cut.tensors"
    lengths = positions(file, pytestconfig) + list(range(4096, HEADERS, 20000)) + [HEADERS - 1]
    wrong = {}
    for length in lengths:
        cut.write_bytes(file[:length])
        problem = check(tz, cut, [*options, *io_for(length)], right)
        if problem:
            wrong[length] = problem
    assert not wrong


@pytest.mark.parametrize("verify", ["auto", "all"])
def test_flip_anywhere(tz, small, tmp_path, pytestconfig, verify):
    path, options = small
    right = tz.checksum(path, *options)
    file, flipped = path.read_bytes(), tmp_path / "flipped.tensors"
    chance = random.Random(5)
    wrong = {}
    for position in positions(file, pytestconfig):
        bit = chance.randrange(8)
        damaged = bytearray(file)
        damaged[position] ^= 1 << bit
        flipped.write_bytes(damaged)
        options_here = [*options, *io_for(position), "--verify", verify]
        problem = check(tz, flipped, options_here, right)
        if problem:
            wrong[f"byte {position}, bit {bit}"] = problem
    assert not wrong


@pytest.mark.parametrize("verify", ["crc32", "sha256", "all"])
def test_flip_in_data_is_found(tz, tmp_path, verify, io, direct):
    """One bit in a tensor of some MiB, in its first chunk, in the middle, and in its last byte."""
    path = tmp_path / "x.tensors"
    write(str(path), {"x": filled(torch.uint8, 9 * 2**20 + 7)})
    file = bytearray(path.read_bytes())
    for position in (HEADERS + 200, HEADERS + 5 * 2**20, len(file) - 9):
        file[position] ^= 16
        path.write_bytes(file)
        options = ["--verify", verify, "--io", io, "--direct", direct]
        tz.refuses("verify", path, *options, path=path)
        file[position] ^= 16


@pytest.mark.parametrize("command", ["checksum", "verify", "load", "inspect"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"|TZR|",
        b"|TZR|" + bytes(1000),
        b"PK\3\4" + bytes(1000),
        b"GGUF" + bytes(1000),
        b"\x08\0\0\0\0\0\0\0{}",  # safetensors, cut
        b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>",
        b"\xff" * 300000,
        b"|TZR|" + b"\xff" * 300000,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_not_such_a_file(tz, tmp_path, command, content):
    path = tmp_path / "x.tensors"
    path.write_bytes(content)
    tz.refuses(command, path, path=path, code=DATA_WRONG)


@pytest.mark.parametrize("command", ["checksum", "verify", "load", "inspect"])
def test_no_file(tz, tmp_path, command):
    path = tmp_path / "absent.tensors"
    tz.refuses(command, path, path=path, code=NOT_FOUND)
