"""Files that somebody changed so that they fit their hashes, and what a required manifest says: rows 17, 31 and 32."""

import base64
import hashlib
import subprocess
import zlib

import pytest
from files import KEY, SUMS, Tensors

PRIVATE = bytes.fromhex("302e020100300506032b657004220420") + bytes(range(32))
PUBLIC = bytes.fromhex("302a300506032b6570032100" "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")


def pem(path, what, der):
    path.write_text(f"-----BEGIN {what} KEY-----\n{base64.b64encode(der).decode()}\n-----END {what} KEY-----\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(KEY)
    path.chmod(0o600)
    return path


class Signed:
    """A plain file signed with an Ed25519 key, and a sealed one signed with its own."""

    def __init__(self, tz, environment, samples, folder, key_file):
        self.private, public = pem(folder / "me.pem", "PRIVATE", PRIVATE), pem(folder / "them.pem", "PUBLIC", PUBLIC)
        self.key_file, self.folder = key_file, folder
        self.by_public = f"pubkey:{public}"
        self.add = lambda path, *options: subprocess.run(
            [tz, "manifest", "add", *options, path], env=environment, check=True, capture_output=True, timeout=60
        )
        self.plain, self.sealed = folder / "plain.tensors", folder / "sealed.tensors"
        self.plain.write_bytes(samples.plain.read_bytes())
        self.sealed.write_bytes(samples.sealed.read_bytes())
        self.add(self.plain, "--sign", self.private, "--subject", "org/model@2")
        self.add(self.sealed, "--key-file", key_file)

    def damaged(self, change, source=None):
        path, file = self.folder / "changed.tensors", Tensors(source or self.plain)
        change(file)
        path.write_bytes(file.bytes)
        return path


@pytest.fixture
def signed(tz, environment, samples, tmp_path, key_file):
    return Signed(tz, environment, samples, tmp_path, key_file)


def rehash(file, index):
    """CRC-32 and SHA-256 of a tensor, as its header and data are now."""
    fields = file.header(index)
    data = file.bytes[fields["data"] : fields["data"] + file.get("<Q", fields["data_length"])]
    at, values = fields["first_hash"], []
    for _ in range(file.bytes[fields["hash_count"]]):
        kind, size = file.bytes[at], file.bytes[at + 1]
        values.append((kind, at + 2, size))
        file.bytes[at + 2 : at + 2 + size] = bytes(size)
        at += 2 + size
    covered = bytes(file.bytes[fields["length"] : fields["data"]]) + bytes(data)
    for kind, place, size in values:
        value = zlib.crc32(covered).to_bytes(4, "little") if kind == 0 else hashlib.sha256(covered).digest()
        file.bytes[place : place + size] = value


def forged(file):
    """Other data, with hashes that fit."""
    file.flip(file.header(2)["data"] + 5)
    rehash(file, 2)


def refuses(loads, path, kind, require, says="", options=(), **keywords):
    loads.refuses(path, kind, says, ["--require", require, *options], require=require, **keywords)


def test_manifest_that_fits(loads, signed):
    loads.loads(signed.plain, SUMS, ["--require", signed.by_public], require=signed.by_public)
    options = ["--require", signed.by_public, "--subject", "org/model@2"]
    loads.loads(signed.plain, SUMS, options, require=signed.by_public, subject="org/model@2")
    options = ["--require", "key", "--key-file", signed.key_file]
    loads.loads(signed.sealed, SUMS, options, require="key", key=KEY.hex())


def test_data_that_was_hashed_anew(loads, signed):
    """Loads for who requires nothing; else it is told."""
    path = signed.damaged(forged)
    wrong = bytearray(range(77))
    wrong[5] ^= 1
    loads.loads(path, SUMS | {"third": hashlib.sha256(wrong).hexdigest()})
    refuses(loads, path, "integrity", signed.by_public)


def test_manifest_that_is_missing(loads, signed, samples):
    refuses(loads, samples.plain, "auth", signed.by_public, "no manifest")
    options = ["--key-file", signed.key_file]
    refuses(loads, samples.sealed, "auth", "key", "no manifest", options, key=KEY.hex())


def test_manifest_of_another_key(loads, signed, tmp_path):
    other = pem(tmp_path / "other.pem", "PUBLIC", PUBLIC[:12] + bytes.fromhex("5866666666666666" + "66" * 24))
    refuses(loads, signed.plain, "auth", f"pubkey:{other}")
    refuses(loads, signed.sealed, "auth", signed.by_public, "", ["--key-file", signed.key_file], key=KEY.hex())


def test_manifest_of_another_root_and_subject(loads, signed):
    refuses(loads, signed.plain, "auth", "root:" + "00" * 32)
    options = ["--subject", "org/model@1"]
    refuses(loads, signed.plain, "auth", signed.by_public, "", options, subject="org/model@1")


def test_manifest_of_another_file(loads, signed, samples, tmp_path):
    """An older file's beside a newer one."""
    other = tmp_path / "other.tensors"
    signed.add(signed.plain.rename(tmp_path / "moved.tensors"), "--sidecar", "--sign", signed.private)
    other.write_bytes(samples.large.read_bytes())
    (tmp_path / "moved.tensors.manifest").rename(tmp_path / "other.tensors.manifest")
    refuses(loads, other, "auth", signed.by_public)


@pytest.mark.parametrize("text", ["none of it", "pubkey:", "root:12", ""])
def test_requirement_that_is_none(loads, samples, text):
    result = loads.run("load", "--require", text, samples.plain)
    assert result.code in (2, 3), result
    assert loads.in_python(samples.plain, require=text)["raised"] in ("UsageError", "NotFoundError")


def test_tensors_of_a_sealed_file_that_were_swapped(loads, signed, samples, tz, environment):
    """Hashes, nonces, MACs and data of two tensors of one shape, which still open with the key."""
    sealed = signed.folder / "alike.tensors"
    command = [tz, "encrypt", "--key-file", signed.key_file, samples.large, sealed]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    signed.add(sealed, "--key-file", signed.key_file)

    def swap(file):
        headers = [file.header(0), file.header(1)]
        in_headers = min(header["data_length"] - header["hashes_size"] for header in headers)  # then come zeros
        for field, size in (("hashes_size", in_headers), ("data", file.get("<Q", headers[0]["data_length"]))):
            first, second = (slice(header[field], header[field] + size) for header in headers)
            file.bytes[first], file.bytes[second] = file.bytes[second], file.bytes[first]

    path = signed.damaged(swap, sealed)
    assert loads.run("load", path, "--key-file", signed.key_file).code == 0  # nothing but the manifest sees it
    options = ["--require", "key", "--key-file", signed.key_file]
    loads.refuses(path, "integrity", "manifest", options, several=True, require="key", key=KEY.hex())


def test_hashes_of_a_sealed_file_that_were_removed(loads, signed):
    def remove(file):
        for index in range(3):
            file.put("B", file.header(index)["hash_count"], 0)

    path = signed.damaged(remove, signed.sealed)
    options = ["--require", "key", "--key-file", signed.key_file]
    loads.refuses(path, "integrity", "manifest", options, several=True, require="key", key=KEY.hex())
