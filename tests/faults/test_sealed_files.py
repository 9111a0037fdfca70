"""Encrypted files that are damaged, or whose key is another: rows 28 to 31."""

from pathlib import Path

import pytest
from files import KEY, SUMS, Tensors

DATA = Path(__file__).parents[1] / "data"
MAX = (1 << 64) - 1

#: From the start of crypt info that holds one chunk, as in tests/format/crypt_info_test.cpp.
CHUNKS, CHUNK_LENGTH, CHUNK_TYPE, PIECE, NONCE, MACS, MAC = 8, 10, 18, 20, 28, 52, 60
#: Of the chunk with the key derivation, which comes first.
METHOD, PASSES, MEMORY, ALGORITHM, SALT = 20, 22, 30, 38, 42

CRYPT_INFO = [
    ("of 0 bytes", "format", "<Q", 0, 0),
    ("of 2^64 - 8 bytes", "format", "<Q", 0, MAX - 7),
    ("chunk of 0 bytes", "format", "<Q", CHUNK_LENGTH, 0),
    ("chunk of 2^63 bytes", "format", "<Q", CHUNK_LENGTH, 1 << 63),
    ("65535 chunks", "format", "<H", CHUNKS, 65535),
    ("no chunks", "auth", "<H", CHUNKS, 0),
    ("chunk of an unknown type", "unsupported", "<H", CHUNK_TYPE, 4),
    ("no MACs", "format", "<Q", MACS, 0),
    ("one MAC too many", "format", "<Q", MACS, 2),
    ("2^60 MACs", "format", "<Q", MACS, 1 << 60),
    ("piece of 0 bytes", "format", "<Q", PIECE, 0),
    ("piece of 1 byte", "format", "<Q", PIECE, 1),
    ("another nonce", "auth", "<Q", NONCE, 1),
    ("another MAC", "auth", "<Q", MAC, 1),
]

DERIVATION = [
    ("2^31 passes", "limit", "<Q", PASSES, 1 << 31),
    ("4 TiB", "limit", "<Q", MEMORY, 4 << 40),
    ("method 2", "unsupported", "<H", METHOD, 2),
    ("algorithm 1", "unsupported", "<I", ALGORITHM, 1),
    ("salt of 15 bytes", "format", "<H", SALT, 15),
]


@pytest.fixture
def key(tmp_path):
    """The options of `tz`, and the keywords of the package."""
    path = tmp_path / "key"
    path.write_bytes(KEY)
    return ["--key-file", path], {"key": KEY.hex()}


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("pw")
    return ["--password-file", path], {"password": "pw"}


@pytest.fixture
def sealed(samples, tmp_path):
    """A function that writes a damaged copy."""

    def write(change, of=samples.sealed):
        path, file = tmp_path / "sealed.tensors", Tensors(of)
        change(file)
        path.write_bytes(file.bytes)
        return path

    return write


def test_the_key_fits(loads, samples, key):
    loads.loads(samples.sealed, SUMS, key[0], **key[1])


@pytest.mark.parametrize("what, kind, code, shift, value", CRYPT_INFO, ids=[row[0] for row in CRYPT_INFO])
def test_crypt_info(loads, sealed, key, what, kind, code, shift, value):
    path = sealed(lambda file: file.put(code, file.header(0)["crypt"] + shift, value))
    loads.refuses(path, kind, "first", key[0], **key[1])


def test_ciphertext(loads, sealed, key):
    path = sealed(lambda file: file.flip(file.header(1)["data"] + 17))
    loads.refuses(path, "auth", "second", key[0], **key[1])


@pytest.mark.parametrize("what, kind, code, shift, value", DERIVATION, ids=[row[0] for row in DERIVATION])
def test_key_derivation(loads, sealed, password, what, kind, code, shift, value):
    """Before the key is derived: 2^31 passes would take hours."""
    change = lambda file: file.put(code, file.header(0)["crypt"] + shift, value)  # noqa: E731
    path = sealed(change, of=DATA / "example_password.tensors")
    loads.refuses(path, kind, "", password[0], **password[1])


def test_limits_of_key_derivation(loads, sealed, password):
    """They may be lower or higher than usual; above them the error says how to raise them."""
    path, options = DATA / "example_password.tensors", password[0]
    lowered = [*options, "--kdf-max-memory=4KiB"]
    answer = loads.refuses(path, "limit", "the limit is 4096;", lowered, kdf_max_memory="4KiB", **password[1])
    assert "raise it (kdf_max_memory)" in answer["text"], answer

    def costlier(file):
        file.put("<Q", file.header(0)["crypt"] + PASSES, 17)
        file.put("<Q", file.header(0)["crypt"] + MEMORY, 8192)

    path = sealed(costlier, of=path)
    loads.refuses(path, "limit", "17 passes, the limit is 16;", options, **password[1])
    raised = [*options, "--kdf-max-passes=17"]
    loads.refuses(path, "auth", "", raised, several=True, kdf_max_passes=17, **password[1])  # it is another key


@pytest.mark.parametrize("name", ["sealed", "plain", "password"])
@pytest.mark.parametrize("with_key", ["none", "key", "password"])
def test_wrong_key(loads, samples, tmp_path, name, with_key):
    """Each error says which it is: none, a wrong one, one of the other sort, or one for a plain file."""
    path = {"sealed": samples.sealed, "plain": samples.plain, "password": DATA / "example_password.tensors"}[name]
    (tmp_path / "key").write_bytes(bytes(32))
    (tmp_path / "password").write_text("other")
    options, keywords = {
        "none": ([], {}),
        "key": (["--key-file", tmp_path / "key"], {"key": "00" * 32}),
        "password": (["--password-file", tmp_path / "password"], {"password": "other"}),
    }[with_key]
    if (name, with_key) == ("plain", "none"):
        loads.loads(path, SUMS)
        return
    if name == "plain":
        says = "not encrypted"
    elif with_key == "none":
        says = "password" if name == "password" else "key"
    else:
        says = "password" if name == "sealed" and with_key == "password" else "key"
    loads.refuses(path, "auth", says, options, several=True, **keywords)


def swap(file, first, second, size):
    a, b = bytes(file.bytes[first : first + size]), bytes(file.bytes[second : second + size])
    file.bytes[first : first + size], file.bytes[second : second + size] = b, a


def test_ciphertexts_of_two_tensors_swapped(loads, sealed, key):
    path = sealed(lambda file: swap(file, file.header(0)["data"], file.header(1)["data"], 77))
    loads.refuses(path, "auth", "", key[0], several=True, **key[1])
