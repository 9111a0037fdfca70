"""Files fresh from pip: `tz` delivers the bytes that pip's reader delivers, however it reads."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from contents import ENCRYPTED, MIB, PLAIN
from pip_reference import (
    KEY,
    PASSWORD,
    checksum_lines,
    checksum_of,
    filled,
    password_encryption,
    read,
    write,
)
from program import DATA_WRONG, OK
from tensorizer import DecryptionParams, EncryptionParams

SAMPLES = [("plain", name) for name in PLAIN]
SAMPLES += [("key", name) for name in ENCRYPTED] + [("password", "dtypes")]


@dataclass
class Sample:
    path: Path
    tensors: list  # tuples of module index, kind, name and tensor
    expected: bytes  # from `tz checksum`
    options: list  # the key
    encrypted: bool


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda sample: ", ".join(sample))
def sample(request, tmp_path_factory, key_file, password_file) -> Sample:
    protection, name = request.param
    encryption = decryption = None
    options = []
    if protection == "key":
        encryption, decryption = EncryptionParams(KEY), DecryptionParams.from_key(KEY)
        options = ["--key-file", key_file]
    elif protection == "password":
        encryption, decryption = password_encryption(), DecryptionParams.from_string(PASSWORD)
        options = ["--password-file", password_file]
    path = tmp_path_factory.mktemp(protection) / "sample.tensors"
    contents = PLAIN[name]() if protection == "plain" else ENCRYPTED[name]()
    write(str(path), *contents, encryption=encryption)
    tensors = list(read(str(path), decryption))
    expected = checksum_lines((name, tensor) for _, _, name, tensor in tensors)
    return Sample(path, tensors, expected, options, encryption is not None)


def test_bytes(tz, sample, io, direct):
    out = tz.checksum(sample.path, "--io", io, "--direct", direct, *sample.options)
    assert out == sample.expected


@pytest.mark.parametrize("verify", ["auto", "none", "sha256", "all"])
def test_stored_hashes(tz, sample, io, verify):
    options = ["--verify", verify, "--io", io, *sample.options]
    assert tz.checksum(sample.path, *options) == sample.expected
    result = tz("verify", sample.path, *options)
    assert result.code == OK, result


def test_stored_crc32(tz, sample):
    """Encrypted data has none."""
    result = tz("verify", sample.path, "--verify", "crc32", *sample.options)
    assert result.code == (DATA_WRONG if sample.encrypted else OK), result


@pytest.mark.parametrize("memory", ["owned", "none"])
def test_load(tz, sample, io, direct, memory):
    options = ["--memory", memory, "--io", io, "--direct", direct, *sample.options]
    result = tz("load", sample.path, *options)
    assert result.code == OK, result


def test_inspect(tz, sample, io):
    """Needs no key."""
    result = tz("inspect", sample.path, "--json", "--io", io)
    assert result.code == OK, result
    facts = json.loads(result.out)
    assert facts["encrypted"] == sample.encrypted
    assert len(facts["tensors"]) == len(sample.tensors)
    for fact, (_, kind, name, tensor) in zip(facts["tensors"], sample.tensors, strict=True):
        assert fact["path"] == ([name] if isinstance(name, str) else list(name))
        assert fact["kind"] == ["parameter", "buffer", "state"][kind]
        assert f"torch.{fact['dtype']}" == str(tensor.dtype)
        assert fact["shape"] == list(tensor.shape)
        assert fact["bytes"] == tensor.nbytes


@pytest.mark.parametrize("concurrency", [1, 3, 40])
@pytest.mark.parametrize("chunk", ["64KiB", "1MiB"])
def test_small_chunks(tz, sample, io, chunk, concurrency):
    options = ["--chunk-size", chunk, "--concurrency", concurrency, "--io", io]
    out = tz.checksum(sample.path, *options, *sample.options)
    assert out == sample.expected


@pytest.fixture(scope="module", params=["plain", "key"])
def large(request, tmp_path_factory, key_file):
    """A file with a tensor larger than the memory limit, its checksums, and its options."""
    encryption, options = None, []
    if request.param == "key":
        encryption, options = EncryptionParams(KEY), ["--key-file", key_file]
    path = tmp_path_factory.mktemp("large") / "large.tensors"
    tensors = {"large": filled(torch.uint8, 96 * MIB + 5), "small": filled(torch.int8, 5)}
    write(str(path), tensors, encryption=encryption)
    return path, checksum_lines(tensors.items()), [*options, "--memory-limit", "16MiB"]


@pytest.mark.parametrize("verify", ["auto", "all"])
def test_larger_than_staging(tz, large, io, direct, verify):
    path, expected, options = large
    options = [*options, "--verify", verify, "--io", io, "--direct", direct]
    assert tz.checksum(path, *options, seconds=60) == expected
    if b"__asan_init" not in tz.program.read_bytes():
        assert peak_bytes(tz.program, "load", path, "--memory", "none", *options) < 80 * MIB


def peak_bytes(*command) -> int:
    """The most memory that a program occupies. Runs it from a small process: a child counts the
    memory of the process that started it."""
    script = (
        "import resource, subprocess as s, sys; s.run(sys.argv[1:], check=True, stdout=s.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"
    )
    return int(subprocess.check_output([sys.executable, "-c", script, *map(str, command)]))


def test_costly_password(tz, tmp_path, io):
    """pip's default: 256 MiB, three passes. And a password that is not ASCII."""
    path, password = tmp_path / "x.tensors", tmp_path / "password"
    password.write_text("pässword 123", encoding="utf-8")
    tensors = {"x": filled(torch.float32, 1000), "y": filled(torch.int8, 1)}
    write(str(path), tensors, encryption=password_encryption("pässword 123", "MODERATE"))
    out = tz.checksum(path, "--password-file", password, "--io", io)
    assert out == checksum_lines(tensors.items())


def test_derived_key(tz, tmp_path):
    """A file made with a password opens with the key itself, too."""
    path, key = tmp_path / "x.tensors", tmp_path / "key"
    encryption = password_encryption()
    key.write_text(encryption.key.hex() + "\n")
    tensors = {"x": filled(torch.float32, 1000)}
    write(str(path), tensors, encryption=encryption)
    assert tz.checksum(path, "--key-file", key) == checksum_lines(tensors.items())


@pytest.mark.filterwarnings("ignore")
def test_opaque_without_data(tz, tmp_path, io):
    """pip writes these files, but its own reader fails on them."""
    path = tmp_path / "x.tensors"
    first, meta = filled(torch.bfloat16, 0, 3), torch.empty(5, dtype=torch.bfloat16, device="meta")
    write(str(path), {"first": first, "meta": meta, "last": filled(torch.int8, 3)})
    with pytest.raises(TypeError):
        checksum_of(str(path))
    zeros = torch.zeros_like(meta, device="cpu")
    tensors = {"first": first, "meta": zeros, "last": filled(torch.int8, 3)}
    assert tz.checksum(path, "--io", io) == checksum_lines(tensors.items())
