#!/usr/bin/env python3
"""Makes the golden files of this folder with many releases of pip's `tensorizer`.

    make_golden.py [--releases FOLDER] [NAME...]

NAME picks single files (default: all). Needs an environment with torch and tensorizer 2.12.1. Each
older release is installed with `pip install --no-deps --target FOLDER/RELEASE` (default: a
temporary folder) and writes its file in a process of its own. What that release was given, what
pip 2.12.1 reads from the file, and the `.sha256` beside the file must all agree.

Plain files come out the same in every run. Encrypted ones differ in their random nonces.
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
NEWEST = "2.12.1"
sys.path.insert(0, str(HERE.parent / "interop"))


# Contents ----------------------------------------------------------------------------------------


def plain_dtypes():
    import torch
    from pip_reference import filled

    names = "bool uint8 int8 int16 int32 int64 float16 float32 float64 complex64 complex128"
    tensors = {name: filled(getattr(torch, name), 7, 5) for name in names.split()}
    return {**tensors, "scalar": filled(torch.float32), "empty": filled(torch.int64, 3, 0, 2)}


def bfloat16():
    import torch
    from pip_reference import filled

    return {**plain_dtypes(), "bfloat16": filled(torch.bfloat16, 7, 5)}


def module():
    """Tensors at the root, buffers, a tied weight."""
    import torch
    from pip_reference import filled

    class Root(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(filled(torch.float32, 11, 3))
            self.register_buffer("steps", filled(torch.int64))
            self.inner = torch.nn.Sequential(torch.nn.Linear(4, 9), torch.nn.BatchNorm1d(9))
            self.inner[0].weight = torch.nn.Parameter(filled(torch.float32, 9, 4))
            self.inner[0].bias = torch.nn.Parameter(filled(torch.float32, 9))
            self.head = torch.nn.Linear(4, 9, bias=False)
            self.head.weight = self.inner[0].weight

    return Root()


def without_empty():
    """pip cannot write an empty tensor into an encrypted file."""
    tensors = bfloat16()
    del tensors["empty"]
    return tensors


def meta():
    import torch

    return {**bfloat16(), "meta": torch.empty(13, 17, device="meta"), "end": torch.ones(3)}


def nested():
    import torch
    from pip_reference import filled

    layers = [{"weight": filled(torch.float32, 5, seed=i), "bias": torch.ones(i)} for i in range(3)]
    strange = {"new\nline": torch.ones(1), 'qu"ote\\': torch.ones(2), "é😀": torch.ones(3)}
    return {"model": {"layers": layers}, "strange": strange, "head": filled(torch.float16, 3)}


def every_dtype():
    from pip_reference import filled, storable_dtypes

    return {str(dtype): filled(dtype, 3, 5) for dtype in storable_dtypes()}


def long_dimensions():
    import torch
    from pip_reference import filled

    return {
        "before": filled(torch.float32, 5),
        "long": torch.empty(0, 2**32 + 8, dtype=torch.float16),
        "after": filled(torch.int16, 5),
    }


def pieces():
    """Encrypted data is cut at 2 MiB: here into two pieces. And a meta tensor in between."""
    import torch
    from pip_reference import filled

    return {
        "first": filled(torch.uint8, 100),
        "meta": torch.empty(13, 17, device="meta"),
        "pieces": filled(torch.uint8, 2**21 + 5),
        "last": filled(torch.bfloat16, 100),
    }


def key():
    from pip_reference import KEY
    from tensorizer import EncryptionParams

    return EncryptionParams(key=KEY)


def password():
    from pip_reference import password_encryption

    return password_encryption(salt=bytes(range(16)))


# name: release, what is in it, how it is encrypted
GOLDEN = {
    "pip-1.1.0_plain": ("1.1.0", plain_dtypes, None),
    "pip-2.0.0_bfloat16": ("2.0.0", bfloat16, None),
    "pip-2.6.0_module": ("2.6.0", module, None),
    "pip-2.7.2_key": ("2.7.2", without_empty, key),
    "pip-2.8.1_meta": ("2.8.1", meta, None),
    "pip-2.9.3_nested": ("2.9.3", nested, None),
    "pip-2.11.1_password": ("2.11.1", without_empty, password),
    "pip-2.12.1_dtypes": (NEWEST, every_dtype, None),
    "pip-2.12.1_long": (NEWEST, long_dimensions, None),
    "pip-2.12.1_pieces_key": (NEWEST, pieces, key),
}


# Made by hand ------------------------------------------------------------------------------------


def by_hand(version, header_length, block, data, region=262144, dtype=b"<f4", shape=2) -> bytes:
    """A file with one tensor, "w". `block` is the header's part between shape and data length."""
    name = struct.pack("<H", 1) + b"w"
    kind = struct.pack("<B", 2)
    form = struct.pack("<B", len(dtype)) + dtype + struct.pack("<BI", 1, shape)
    start = 73 + region
    entry = name + kind + form + struct.pack("<QQQ", start, start + header_length, len(data))
    header = struct.pack("<QH", header_length, 0) + kind + name + form + block
    header += struct.pack("<q", len(data))
    assert len(header) == header_length
    prefix = b"|TZR|" + struct.pack("<I32xQQQQ", version, len(data), 0, 1, region)
    return prefix + entry.ljust(region, b"\0") + header + data + bytes(8)


def sealed_block(sha256: str, macs: list[str], piece=2**21, derivation=b"") -> bytes:
    nonce = bytes(range(0x40, 0x58))
    chunk = struct.pack("<HQ24sQ", 2, piece, nonce, len(macs)) + bytes.fromhex("".join(macs))
    chunks = derivation + struct.pack("<Q", len(chunk)) + chunk
    count = 2 if derivation else 1
    crypt = struct.pack("<QH", len(chunks) + 2, count) + chunks
    return struct.pack("<HBBB", 35, 1, 1, 32) + bytes.fromhex(sha256) + crypt


def examples() -> dict[str, bytes]:
    """Files that no release wrote: an independent writer made hashes, MACs and ciphertexts."""
    plain = struct.pack("<HBBBIBB", 41, 2, 0, 4, 0x637421CB, 1, 32) + bytes.fromhex(
        "cebfe1d686b0c0870c05807feea87ce5d9ce419d78b911d329b2046be32d38db"
    )
    key_block = sealed_block(
        "ae0c37ddc58f3faaaee3a86b6f04b371389d740dc0cf69a4adf466b6604020b6",
        ["35ada1b05f2df4fd3005c284b54c51eb"],
    )
    derivation = struct.pack("<QHHQQiH", 42, 1, 1, 1, 8192, 2, 16) + bytes(range(16))
    password_block = sealed_block(
        "f2cc20fd897b6fecdd8a26bc66a261e5b7ae6217aec4d9d7363b2eee2d9961d9",
        ["134aee273198d6467aa4517c0883ad15"],
        derivation=derivation,
    )
    return {
        "example_plain": by_hand(1, 74, plain, struct.pack("<ff", 1, 2)),
        "example_key": by_hand(3, 144, key_block, bytes.fromhex("4a17d5463a51bb6a")),
        "example_password": by_hand(3, 194, password_block, bytes.fromhex("1a78f6e299e4885c")),
        "example_pieces_key": small_pieces(),
    }


def small_pieces() -> bytes:
    """Three pieces of 1024, 1024 and 452 bytes, byte i of the data being i mod 256; and a region
    just as large as its entry. pip reads both, though it writes neither."""
    import ctypes
    import hashlib

    import libnacl
    from pip_reference import KEY

    plain = bytes(i % 256 for i in range(2500))
    macs, data = [], b""
    for index, start in enumerate(range(0, len(plain), 1024)):
        piece = plain[start : start + 1024]
        nonce = bytes([0x40 + index, *range(0x41, 0x58)])
        sealed, mac = ctypes.create_string_buffer(len(piece)), ctypes.create_string_buffer(16)
        libnacl.nacl.crypto_secretbox_detached(
            sealed, mac, piece, ctypes.c_ulonglong(len(piece)), nonce, KEY
        )
        macs.append(mac.raw.hex())
        data += sealed.raw
    assert macs == [
        "370be2f322b80ac847534ae65326abea",
        "dc1149623606b1a814303c27e275e049",
        "73fe7075fa25223d0ec52460c105359f",
    ]
    header_length = 25 + 1 + 3 + 4 + 35 + 60 + 16 * len(macs)
    form = b"\x02\x01\0w\x03|u1\x01" + struct.pack("<I", len(plain))
    hashed = struct.pack("<QH", header_length, 0) + form + b"\x23\0\x01\x01\x20" + bytes(32)
    sha256 = hashlib.sha256(hashed + struct.pack("<q", len(plain)) + plain).hexdigest()
    block = sealed_block(sha256, macs, piece=1024)
    return by_hand(3, header_length, block, data, region=37, dtype=b"|u1", shape=len(plain))


# Making them -------------------------------------------------------------------------------------


def write_golden(name: str, path: Path):
    """Runs with the release that is to write. Prints what it was given as `tz checksum` would."""
    import numpy

    numpy.product = numpy.prod  # the name that releases up to 2.6 know
    from pip_reference import checksum_lines, write

    _, contents, encryption = GOLDEN[name]
    contents = contents()
    write(str(path), contents, encryption=encryption and encryption())
    sys.stdout.buffer.write(checksum_lines(flat(contents)))


def flat(contents):
    """Pairs of name and tensor in the order in which a file holds them."""
    import torch

    if isinstance(contents, torch.nn.Module):
        for prefix, part in contents.named_modules():
            for name, tensor in (*part._parameters.items(), *part._buffers.items()):
                if tensor is not None:
                    yield f"{prefix}.{name}", tensor
        return
    stack = [((key,), value) for key, value in contents.items()][::-1]
    while stack:
        path, value = stack.pop()
        if isinstance(value, torch.Tensor):
            zeros = torch.zeros_like(value, device="cpu") if value.is_meta else value
            yield path if len(path) > 1 else path[0], zeros
        else:
            items = value.items() if isinstance(value, dict) else enumerate(value)
            stack += [(path + (key,), child) for key, child in items][::-1]


def installed(release: str, releases: Path) -> Path:
    target = releases / release
    if not target.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", target, f"tensorizer=={release}"], check=True)
    return target


def make(name: str, releases: Path):
    from pip_reference import KEY, PASSWORD, checksum_of
    from tensorizer import DecryptionParams

    path = HERE / f"{name}.tensors"
    given = None
    if name in GOLDEN:
        release = GOLDEN[name][0]
        environment = dict(os.environ)
        if release != NEWEST:
            environment["PYTHONPATH"] = str(installed(release, releases))
        command = [sys.executable, __file__, "--write", name, path]
        given = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
    else:
        path.write_bytes(examples()[name])

    encryption = None
    if name.endswith("_key"):
        encryption = DecryptionParams.from_key(KEY)
    elif name.endswith("_password"):
        encryption = DecryptionParams.from_string(PASSWORD)
    read = checksum_of(str(path), encryption)
    if given not in (None, read):
        raise SystemExit(f"{name}: pip {NEWEST} reads\n{read.decode()}from\n{given.decode()}")
    path.with_suffix(".sha256").write_bytes(read)
    print(f"{path.stat().st_size:8} {path.name}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--releases", type=Path, metavar="FOLDER")
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    if options.write:
        return write_golden(*options.write)
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.names or [*GOLDEN, *examples()]:
            make(name, options.releases or Path(temporary))


if __name__ == "__main__":
    main()
