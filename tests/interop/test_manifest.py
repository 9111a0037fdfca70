"""Files with manifests: pip reads them as before, and they are what docs/manifest.md says."""

import os
import random
import subprocess
import time

import manifest_reference as reference
import pytest
import torch
from contents import ENCRYPTED, PLAIN
from pip_reference import KEY, PASSWORD, checksum_of, password_encryption, write
from program import DATA_WRONG, OK
from safetensors_reference import all_dtypes, save
from tensorizer import DecryptionParams, EncryptionParams

SEED = bytes(range(32))


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    """An Ed25519 key, as PKCS#8 in PEM."""
    from base64 import b64encode

    path = tmp_path_factory.mktemp("signer") / "me.pem"
    der = bytes.fromhex("302e020100300506032b657004220420") + SEED
    text = b64encode(der).decode()
    path.write_text(f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    path.chmod(0o600)
    return path


def run(tz, *arguments):
    result = tz(*arguments)
    assert result.code == OK, result
    return result


@pytest.mark.parametrize("name", PLAIN)
def test_plain_files(tz, tmp_path, name):
    path = tmp_path / "x.tensors"
    write(str(path), *PLAIN[name]())
    before, expected = path.read_bytes(), checksum_of(str(path))
    run(tz, "manifest", "add", "--subject", "m", path)
    manifest, root = reference.build(before, reference.subject_of("m"))
    assert reference.TensorsFile(path.read_bytes()).manifest() == manifest
    assert checksum_of(str(path)) == expected
    assert tz.checksum(path, "--require", f"root:{root.hex()}") == expected
    run(tz, "manifest", "verify", "--require", f"root:{root.hex()}", path)
    run(tz, "manifest", "strip", path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("name", ENCRYPTED)
def test_encrypted_files(tz, tmp_path, key_file, signer, name, pieces):
    path = tmp_path / "x.tensors"
    write(str(path), *ENCRYPTED[name](), encryption=EncryptionParams(KEY))
    before, decryption = path.read_bytes(), DecryptionParams.from_key(KEY)
    expected = checksum_of(str(path), decryption)
    options = ["--pieces"] if pieces else []
    run(tz, "manifest", "add", "--key-file", key_file, "--sign", signer, *options, path)
    manifest, _ = reference.build(
        before,
        piece_bytes=reference.PIECE_BYTES if pieces else 0,
        blocks=[
            lambda root: reference.file_key_block(KEY, root),
            lambda root: reference.ed25519_block(SEED, root),
        ],
    )
    assert reference.TensorsFile(path.read_bytes()).manifest() == manifest
    assert checksum_of(str(path), decryption) == expected
    assert tz.checksum(path, "--require", "key", "--key-file", key_file) == expected


def test_password_files(tz, tmp_path, password_file):
    path = tmp_path / "x.tensors"
    write(str(path), {"a": torch.arange(5)}, encryption=password_encryption())
    decryption = DecryptionParams.from_string(PASSWORD)
    expected = checksum_of(str(path), decryption)
    run(tz, "manifest", "add", "--password-file", password_file, path)
    assert checksum_of(str(path), decryption) == expected
    options = ["--require", "key", "--password-file", password_file]
    assert tz.checksum(path, *options) == expected


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("count", [3, 3000])
def test_files_that_are_written_with_one(tz, tmp_path, key_file, signer, sealed, count):
    """As the manifest would be made of the file without it; and pip reads the file."""
    source, path = tmp_path / "a.tensors", tmp_path / "b.tensors"
    tensors = {f"layer.{i}": torch.arange(1 + i % 50, dtype=torch.float32) for i in range(count)}
    write(str(source), {**tensors, "large": torch.arange(1 << 20)})
    key = ["--encrypt-key-file", key_file] if sealed else []
    options = ["--manifest", "--sign", signer, "--subject", "m", *key]
    run(tz, "convert", *options, source, path)
    blocks = [lambda root: reference.ed25519_block(SEED, root)]
    if sealed:
        blocks.insert(0, lambda root: reference.file_key_block(KEY, root))
    data = path.read_bytes()
    manifest, root = reference.build(data, reference.subject_of("m"), piece_bytes=0, blocks=blocks)
    assert reference.TensorsFile(data).manifest() == manifest
    decryption = DecryptionParams.from_key(KEY) if sealed else None
    expected = checksum_of(str(path), decryption)
    decrypting = ["--key-file", key_file] if sealed else []
    assert tz.checksum(path, "--require", f"root:{root.hex()}", *decrypting) == expected
    assert checksum_of(str(source)) == expected


def test_safetensors_files(tz, tmp_path):
    path = tmp_path / "x.safetensors"
    save(all_dtypes(), path)
    run(tz, "manifest", "add", "--sidecar", path)
    manifest, root = reference.build(path.read_bytes())
    assert (tmp_path / "x.safetensors.manifest").read_bytes() == manifest
    run(tz, "manifest", "verify", "--require", f"root:{root.hex()}", path)


def test_every_damaged_byte(tz, tmp_path, request):
    """A small plain file whose manifest lists its one piece."""
    path = tmp_path / "x.tensors"
    write(str(path), {"a": torch.arange(3, dtype=torch.uint8)})
    run(tz, "manifest", "add", path)
    whole = path.read_bytes()
    root = reference.build(whole)[1].hex()
    manifest = len(reference.TensorsFile(whole).manifest())
    end = reference.TensorsFile(whole).region_end
    used = list(range(end - manifest, len(whole))) + list(range(120))
    for at in used[:: request.config.getoption("--every") * 7]:
        damaged = bytearray(whole)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        result = tz("manifest", "verify", "--require", f"root:{root}", path)
        assert result.code == DATA_WRONG, (at, result)


def test_killed_at_any_moment(tz, tmp_path):
    """Whatever was under way, the file reads as before, and nothing but unused bytes changed."""
    path = tmp_path / "x.tensors"
    write(str(path), *PLAIN["dtypes"]())
    before, expected = path.read_bytes(), tz.checksum(path)
    file = reference.TensorsFile(before)
    seed = int(os.environ.get("TZ_TEST_SEED", random.randrange(1 << 32)))
    print("TZ_TEST_SEED", seed)
    lots = random.Random(seed)
    commands = [["add"], ["add", "--subject", "other"], ["strip"]]
    for _ in range(60):
        command = [tz.program, "manifest", *lots.choice(commands), path]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(lots.random() * 0.03)
        process.kill()
        process.wait()
        now = path.read_bytes()
        assert now[: file.entries_end] == before[: file.entries_end]
        assert now[file.region_end :] == before[file.region_end :]
        assert tz.checksum(path) == expected
    run(tz, "manifest", "add", path)
    run(tz, "manifest", "verify", path)
    run(tz, "manifest", "strip", path)
    assert path.read_bytes() == before
