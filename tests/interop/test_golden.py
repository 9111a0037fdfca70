"""The files of tests/data, through the program."""

import pytest
from conftest import REPOSITORY

DATA = REPOSITORY / "tests/data"


def key_options(name: str) -> list:
    if name.endswith("_key"):
        return ["--key-file", DATA / "key.hex"]
    if name.endswith("_password"):
        return ["--password-file", DATA / "password.txt"]
    return []


FILES = sorted([*DATA.glob("*.tensors"), *DATA.glob("*.safetensors")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden(tz, path, io, direct):
    out = tz.checksum(path, "--io", io, "--direct", direct, *key_options(path.stem))
    assert out == path.with_suffix(".sha256").read_bytes()


def test_all_are_listed():
    assert len(FILES) == len(list(DATA.glob("*.sha256"))) >= 16
