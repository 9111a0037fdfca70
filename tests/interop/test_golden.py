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


@pytest.mark.parametrize("name", sorted(path.stem for path in DATA.glob("*.tensors")))
def test_golden(tz, name, io, direct):
    path = DATA / f"{name}.tensors"
    out = tz.checksum(path, "--io", io, "--direct", direct, *key_options(name))
    assert out == path.with_suffix(".sha256").read_bytes()


def test_all_are_listed():
    assert len(list(DATA.glob("*.tensors"))) == len(list(DATA.glob("*.sha256"))) >= 14
