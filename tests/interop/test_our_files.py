"""Files of our writer: pip reads from them what they were given, and where asked to, they are pip's
own, byte for byte."""

import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from contents import ENCRYPTED, MIB, PLAIN, random_contents, sized
from our_writer import chance_of, data_of, entries
from pip_reference import (
    KEY,
    PASSWORD,
    checksum_lines,
    checksum_of,
    filled,
    password_encryption,
    write,
)
from tensorizer import DecryptionParams, EncryptionParams, TensorDeserializer

CHEAP = {"derivation_passes": 1, "derivation_memory_bytes": 8192}
PROTECTIONS = {
    "plain": {},
    "key": {"key": KEY.hex()},
    "password": {"password": PASSWORD, **CHEAP},
}


def decryption(protection: str) -> DecryptionParams | None:
    if protection == "key":
        return DecryptionParams.from_key(KEY)
    return DecryptionParams.from_string(PASSWORD) if protection == "password" else None


def checksum_of_contents(*contents) -> bytes:
    """What `tz checksum` must print for a file with these contents."""
    return checksum_lines(
        (
            entry.path[0] if entry.path[1:] == () and isinstance(entry.path[0], str) else entry.path,
            torch.zeros_like(entry.tensor, device="cpu") if entry.tensor.is_meta else entry.tensor,
        )
        for content in contents
        for entry in entries(content)
    )


@pytest.fixture
def expect_read(tz, key_file, password_file):
    """Both pip and `tz` find in a file what was put there."""
    options = {
        "plain": [],
        "key": ["--key-file", key_file],
        "password": ["--password-file", password_file],
    }

    def expect(path, protection, *contents):
        expected = checksum_of_contents(*contents)
        assert checksum_of(str(path), decryption(protection)) == expected
        out = tz.checksum(path, "--verify", "all", *options[protection], seconds=60)
        assert out == expected

    return expect


# Like pip ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAIN)
def test_like_pip_is_pips_own_file(ours, tmp_path, name):
    contents = PLAIN[name]()
    theirs = Path(write(str(tmp_path / "theirs"), *contents))
    path = ours(tmp_path / "ours", *contents, like_pip=True)
    assert path.read_bytes() == theirs.read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_like_pip_with_what_pip_cannot_read(ours, tmp_path):
    empty, meta = filled(torch.bfloat16, 0, 3), torch.empty(5, dtype=torch.bfloat16, device="meta")
    contents = {"empty": empty, "meta": meta, "last": filled(torch.int8, 3)}
    theirs = Path(write(str(tmp_path / "theirs"), contents))
    path = ours(tmp_path / "ours", contents, like_pip=True)
    assert path.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("protection", ["key", "password"])
@pytest.mark.parametrize("name", ENCRYPTED)
def test_like_pip_encrypted_with_its_nonces(ours, tmp_path, name, protection):
    contents = ENCRYPTED[name]()
    encryption = EncryptionParams(KEY) if protection == "key" else password_encryption()
    theirs = Path(write(str(tmp_path / "theirs"), *contents, encryption=encryption)).read_bytes()
    path = tmp_path / "ours"
    ours(path, *contents, chance=chance_of(theirs), like_pip=True, **PROTECTIONS[protection])
    assert path.read_bytes() == theirs


# What pip reads ----------------------------------------------------------------------------------

PLACED = {
    "aligned": {},
    "packed": {"alignment": 1},
    "4096": {"alignment": 4096},
    "small region": {"region_bytes_min": 0},
    "reserve": {"region_bytes_min": 0, "region_reserve": 5000},
    "CRC-32 alone": {"sha256": False},
}


@pytest.mark.parametrize("placed", PLACED)
@pytest.mark.parametrize("name", PLAIN)
def test_plain(ours, expect_read, tmp_path, name, placed):
    contents = PLAIN[name]()
    if len(contents) > 1 and placed in ("small region", "reserve"):
        pytest.skip("such a region has no room for a second write")
    path = ours(tmp_path / "ours", *contents, **PLACED[placed])
    expect_read(path, "plain", *contents)


@pytest.mark.parametrize("placed", ["aligned", "packed"])
@pytest.mark.parametrize("protection", ["key", "password"])
@pytest.mark.parametrize("name", ENCRYPTED)
def test_encrypted(ours, expect_read, tmp_path, name, protection, placed):
    contents = ENCRYPTED[name]()
    path = ours(tmp_path / "ours", *contents, **PLACED[placed], **PROTECTIONS[protection])
    expect_read(path, protection, *contents)


@pytest.mark.parametrize("piece", [1024, 65536, 16 * MIB])
def test_encrypted_in_other_pieces(ours, expect_read, tmp_path, piece):
    contents = sized([1, 1023, 1024, 1025, 70000, MIB, 2 * MIB + 1])
    path = ours(tmp_path / "ours", contents, piece_bytes=piece, **PROTECTIONS["key"])
    expect_read(path, "key", contents)


def test_password_as_costly_as_pips(ours, expect_read, tmp_path):
    contents = sized([1, 70000])
    path = ours(tmp_path / "ours", contents, password=PASSWORD)
    theirs = tmp_path / "theirs"
    write(str(theirs), contents, encryption=EncryptionParams.from_string(PASSWORD))
    cost = [file.read_bytes()[derivation_at(file) :][:20] for file in (path, theirs)]
    assert cost[0] == cost[1] == struct.pack("<QQI", 3, 256 * MIB, 2)
    expect_read(path, "password", contents)


def derivation_at(path: Path) -> int:
    """Where the cost of the password stands, of a first tensor whose name, dtype and shape take 2,
    3 and 4 bytes."""
    (header,) = struct.unpack_from("<Q", path.read_bytes(), 73 + 2 + 2 + 1 + 1 + 3 + 1 + 4)
    hashes = header + 8 + 2 + 1 + 2 + 2 + 1 + 3 + 1 + 4
    return hashes + 2 + 35 + 8 + 2 + 8 + 2 + 2


@pytest.mark.parametrize("count", [2600, 4000, 100_000])
@pytest.mark.parametrize("protection", ["plain", "key"])
def test_many_tensors(request, ours, expect_read, tmp_path, count, protection):
    if (count, protection) == (100_000, "key") and not request.config.getoption("--full"):
        pytest.skip("takes half a minute; with --full")
    base = filled(torch.uint8, 10)
    contents = {f"model.layers.{i}.mlp.down_proj.weight": base[: i % 10 + 1] for i in range(count)}
    path = ours(tmp_path / "ours", contents, **PROTECTIONS[protection])
    (region,) = struct.unpack_from("<Q", path.read_bytes(), 65)
    assert region == 2**18 if count == 2600 else region > 2**18
    expect_read(path, protection, contents)


@pytest.mark.parametrize("readers", [1, 4])
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_several_reader_threads(ours, tmp_path, readers, protection):
    contents = sized([3 * MIB + 1, 5, 0, 70000, 2 * MIB, 1])
    path = ours(tmp_path / "ours", contents, **PROTECTIONS[protection])
    options = {"device": "cpu", "num_readers": readers, "verify_hash": True}
    with TensorDeserializer(str(path), encryption=decryption(protection), **options) as reader:
        assert {name: tensor.tolist() for name, tensor in reader.items()} == {
            name: tensor.tolist() for name, tensor in contents.items()
        }


def test_loads_into_a_module(ours, tmp_path):
    network, other = (PLAIN["module"]()[0] for _ in range(2))
    with torch.no_grad():
        for tensor in (*other.parameters(), *other.buffers()):
            tensor.zero_()
    path = ours(tmp_path / "ours", network)
    with TensorDeserializer(str(path), device="cpu", verify_hash=True) as reader:
        reader.load_into_module(other)
    for name, tensor in network.state_dict().items():
        assert data_of(other.state_dict()[name]) == data_of(tensor), name


# pip's own faults --------------------------------------------------------------------------------


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_empty_tensors(ours, expect_read, tmp_path, protection):
    """pip can't write them into encrypted files, nor read them with an opaque dtype."""
    contents = {
        "first": filled(torch.float32, 0),
        "opaque": filled(torch.bfloat16, 2, 0),
        "middle": filled(torch.int8, 3),
        "last": filled(torch.float8_e5m2, 0, 4),
    }
    path = ours(tmp_path / "ours", contents, **PROTECTIONS[protection])
    expect_read(path, protection, contents)


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_meta_scalars(ours, expect_read, tmp_path, protection):
    """pip's are unreadable."""
    contents = {
        "scalar": torch.empty((), device="meta"),
        "opaque": torch.empty((), dtype=torch.bfloat16, device="meta"),
        "other": torch.empty(3, 5, device="meta"),
        "empty": torch.empty(3, 0, device="meta"),
        "last": filled(torch.int8, 3),
    }
    path = ours(tmp_path / "ours", contents, **PROTECTIONS[protection])
    expect_read(path, protection, contents)


def test_opaque_meta_tensors_are_refused(ours, tmp_path):
    contents = {"w": torch.empty(3, dtype=torch.bfloat16, device="meta")}
    assert "can't open" in ours.refuses(tmp_path / "ours", contents)


def test_names_that_look_structured(tz, ours, tmp_path):
    """pip's writer stores such a name as it is, and its reader then takes it for a path."""
    contents = {"\x1e[0]": filled(torch.int8, 3), "\x1e": filled(torch.int8, 4)}
    path = ours(tmp_path / "ours", contents)
    assert checksum_of(str(path)) == checksum_lines(contents.items())
    # which `tz` prints as the path that it is
    paths = ((f'["\\u001e{name[1:]}"]', tensor) for name, tensor in contents.items())
    assert tz.checksum(path) == checksum_lines(paths)


def test_an_empty_name_is_refused(ours, tmp_path):
    assert "empty" in ours.refuses(tmp_path / "ours", {"": filled(torch.int8, 3)})


def test_shared_tensors_get_a_copy_each(ours, expect_read, tmp_path):
    base = filled(torch.float32, 100)
    contents = {"one": base, "two": base, "part": base[10:20]}
    expect_read(ours(tmp_path / "ours", contents), "plain", contents)


# Files that grow ---------------------------------------------------------------------------------


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_several_writes(ours, expect_read, tmp_path, protection):
    contents = [sized([99, 70000]), PLAIN["module"]()[0], {"b": {"c": torch.ones(3)}}]
    contents += [{"d": filled(torch.bfloat16, 5)}, {"e": torch.empty(3, device="meta")}]
    for count in range(1, len(contents) + 1):
        path = ours(tmp_path / "ours", *contents[:count], **PROTECTIONS[protection])
        expect_read(path, protection, *contents[:count])


def test_unfinished_write(ours, expect_read, tmp_path):
    """What a crash leaves before the counts are written, and before the entries are."""
    contents = [sized([99, 70000]), {"b": filled(torch.bfloat16, 500)}]
    old = ours(tmp_path / "old", contents[0]).read_bytes()
    new = ours(tmp_path / "new", *contents).read_bytes()
    path = tmp_path / "crashed"
    counts = bytearray(old[5:65])
    counts[44:52] = b"tzappend"
    path.write_bytes(old[:5] + bytes(counts) + new[65:])
    expect_read(path, "plain", contents[0])
    path.write_bytes(old[:5] + bytes(counts) + old[65:] + new[len(old) :])
    expect_read(path, "plain", contents[0])


# Old releases ------------------------------------------------------------------------------------

OLD = {
    "2.0.0": ("dtypes", None),
    "2.7.2": ("dtypes", KEY),
    "2.9.0": ("nested", KEY),
    "2.11.1": ("dtypes", KEY),
}


def old_checksum(request, release, path, *key) -> bytes:
    folder = request.config.getoption("--releases") / release
    if not folder.exists():
        pytest.skip(
            f"no tensorizer {release}: pip install --no-deps --target {folder} tensorizer=={release}"
        )
    command = [sys.executable, Path(__file__).parent / "read_old.py", path, *key]
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"}
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout


@pytest.mark.parametrize("placed", ["aligned", "packed", "reserve"])
@pytest.mark.parametrize("release", OLD)
def test_old_release(request, ours, tmp_path, release, placed):
    name, key = OLD[release]
    contents = PLAIN[name]()
    path = ours(tmp_path / "plain", *contents, **PLACED[placed])
    assert old_checksum(request, release, path) == checksum_of_contents(*contents)
    if key:
        path = ours(tmp_path / "sealed", *contents, **PLACED[placed], key=key.hex())
        assert old_checksum(request, release, path, key.hex()) == checksum_of_contents(*contents)


@pytest.mark.parametrize("release", OLD)
def test_old_release_many_tensors(request, ours, tmp_path, release):
    base = filled(torch.uint8, 10)
    contents = {f"model.layers.{i}.mlp.down_proj.weight": base for i in range(4000)}
    path = ours(tmp_path / "plain", contents)
    assert old_checksum(request, release, path) == checksum_of_contents(contents)


@pytest.mark.parametrize("release", ["2.0.0", "2.7.2"])
def test_old_release_during_a_write(request, ours, tmp_path, release):
    """Those go from header to header until one has no length."""
    contents = [sized([99, 70000]), sized([500])]
    old = ours(tmp_path / "old", contents[0]).read_bytes()
    new = ours(tmp_path / "new", *contents).read_bytes()
    path = tmp_path / "crashed"
    path.write_bytes(old + new[len(old) :])
    assert old_checksum(request, release, path) == checksum_of_contents(contents[0])


# Random ones -------------------------------------------------------------------------------------


def test_random_both_ways(request, tz, ours, expect_read, tmp_path):
    """State dicts by pip, read by `tz`, and by us, read by pip and by `tz`."""
    seed = int(os.environ.get("TZ_TEST_SEED") or random.randrange(2**32))
    for i in range(1000 if request.config.getoption("--full") else 40):
        print(f"TZ_TEST_SEED={seed + i} repeats it")
        lot = random.Random(seed + i)
        contents = random_contents(lot)
        theirs = Path(write(str(tmp_path / "theirs"), contents))
        assert tz.checksum(theirs, "--verify", "all") == checksum_of_contents(contents)
        path = ours(tmp_path / "ours", contents, like_pip=True)
        assert path.read_bytes() == theirs.read_bytes()
        protection = lot.choice(list(PROTECTIONS))
        placed = {"alignment": 2 ** lot.randrange(14), "region_reserve": lot.randrange(9999)}
        ours(path, contents, **placed, **PROTECTIONS[protection])
        expect_read(path, protection, contents)
