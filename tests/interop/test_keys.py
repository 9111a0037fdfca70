"""Keys that are missing, wrong, or of the wrong sort: refused with one line that names the file."""

import pytest
import torch
from pip_reference import KEY, filled, password_encryption, write
from program import DATA_WRONG, NOT_FOUND, USAGE
from tensorizer import EncryptionParams


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three files with the same tensors, and keys in files that hold neither KEY nor PASSWORD."""
    folder = tmp_path_factory.mktemp("keys")
    tensors = {"x": filled(torch.float32, 1000), "y": filled(torch.bfloat16, 3)}
    encryptions = {"plain": None, "key": EncryptionParams(KEY), "password": password_encryption()}
    for name, encryption in encryptions.items():
        write(str(folder / f"{name}.tensors"), tensors, encryption=encryption)
    (folder / "wrong-key").write_bytes(bytes(32))
    (folder / "wrong-password").write_text("other")
    (folder / "short-key").write_bytes(KEY[:31])
    (folder / "empty").touch()
    return folder


@pytest.mark.parametrize("command", ["checksum", "verify", "load"])
@pytest.mark.parametrize(
    "name, option, secret",
    [
        ("key", None, None),
        ("key", "--key-file", "wrong-key"),
        ("key", "--password-file", "wrong-password"),
        ("password", None, None),
        ("password", "--key-file", "wrong-key"),
        ("password", "--password-file", "wrong-password"),
        ("plain", "--key-file", "wrong-key"),
        ("plain", "--password-file", "wrong-password"),
    ],
)
def test_refused(tz, files, command, name, option, secret, io):
    path = files / f"{name}.tensors"
    options = [option, files / secret] if option else []
    tz.refuses(command, path, *options, "--io", io, path=path, code=DATA_WRONG)


@pytest.mark.parametrize("verify", ["none", "auto", "sha256", "all"])
def test_wrong_key_whatever_is_verified(tz, files, verify):
    path = files / "key.tensors"
    options = ["--key-file", files / "wrong-key", "--verify", verify]
    tz.refuses("checksum", path, *options, path=path)


def test_right_key_of_the_wrong_sort(tz, files, key_file, password_file):
    path = files / "key.tensors"
    tz.refuses("checksum", path, "--password-file", password_file, path=path)
    path = files / "plain.tensors"
    tz.refuses("checksum", path, "--key-file", key_file, path=path)


@pytest.mark.parametrize("secret", ["short-key", "empty"])
def test_not_a_key(tz, files, secret):
    options = ["--key-file", files / secret]
    tz.refuses("checksum", files / "key.tensors", *options, path=files / secret, code=USAGE)


def test_no_such_key(tz, files):
    options = ["--key-file", files / "absent"]
    tz.refuses("checksum", files / "key.tensors", *options, path=files / "absent", code=NOT_FOUND)


def test_key_and_password(tz, files, key_file, password_file):
    options = ["--key-file", key_file, "--password-file", password_file]
    result = tz("checksum", files / "key.tensors", *options)
    assert (result.code, result.out) == (USAGE, b""), result
