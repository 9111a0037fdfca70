"""Files of the safetensors package, and what its reader makes of damaged ones."""

import json
import random
import struct

import pytest
import torch
from conftest import assert_one_line
from pip_reference import filled
from program import DATA_WRONG, LIMIT, OK
from safetensors_reference import DTYPES, all_dtypes, checksum_of, packed_file, raw_file, save


def assert_same(tz, path, *options):
    assert tz.checksum(path, *options) == checksum_of(path.read_bytes())


def random_tensors(seed: int) -> dict[str, torch.Tensor]:
    lots = random.Random(seed)
    tensors = {}
    for i in range(lots.randrange(1, 60)):
        dtype = lots.choice([d for d in DTYPES if d != torch.float4_e2m1fn_x2])
        shape = [lots.choice([0, 1, 2, 3, 17, 300]) for _ in range(lots.randrange(4))]
        tensors[f"layers.{i}.{lots.randrange(10**6)}"] = filled(dtype, *shape, seed=seed)
    if lots.randrange(2):
        tensors["large"] = filled(torch.bfloat16, 3000, 1100, seed=seed)
    return tensors


def test_every_dtype(tz, io, direct, tmp_path):
    path = save(all_dtypes(), tmp_path / "x.safetensors", {"format": "pt", "ü": "\n"})
    assert_same(tz, path, "--io", io, "--direct", direct)
    facts = tz("inspect", path, "--json").json
    assert facts["metadata"] == {"format": "pt", "ü": "\n"}
    names = {tensor["name"]: tensor["dtype"] for tensor in facts["tensors"]}
    for dtype in DTYPES:
        name = str(dtype).removeprefix("torch.")
        assert names[name] == name.removesuffix("_x2")


def test_packed_types(tz, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(packed_file())
    assert_same(tz, path)


@pytest.mark.parametrize("seed", range(8))
def test_random_tensors(tz, io, direct, tmp_path, seed):
    path = save(random_tensors(seed), tmp_path / "x.safetensors")
    assert_same(tz, path, "--io", io, "--direct", direct)


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_a_model_in_shards(tz, tmp_path, shards):
    """As huggingface_hub lays it out."""
    tensors = random_tensors(100 + shards)
    names, weight_map = sorted(tensors), {}
    for i in range(shards):
        shard = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[i::shards]}
        save(part, tmp_path / shard, {"format": "pt"})
        weight_map |= {name: shard for name in part}
    size = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")

    each = [checksum_of(tmp_path.joinpath(s).read_bytes()) for s in sorted(set(weight_map.values()))]
    lines = b"".join(b"".join(one.splitlines(keepends=True)[:-1]) for one in each)
    for address in (path, tmp_path):
        assert tz.checksum(address).startswith(lines)
    assert tz("load", "--json", path).json["bytes"] == size


def assert_agrees(tz, path, file: bytes):
    """Refused where the package refuses it, and the same tensors where not; or it has names twice,
    or types that the package does not know."""
    path.write_bytes(file)
    result = tz("checksum", path)
    try:
        right = checksum_of(file)
    except Exception as refusal:
        if result.code == OK:
            assert "unknown variant" in str(refusal), (refusal, file)
            return
        right = None
    if result.code == OK:
        assert result.out == right, file
        return
    assert result.code in (DATA_WRONG, LIMIT), result
    assert_one_line(result, path)
    assert right is None or "twice" in result.error, (result, file)


def small() -> bytes:
    return raw_file({"a": ("F32", [2, 1], 8), "b": ("F4", [4], 2), "c": ("I64", [0], 0)})


def test_cut_anywhere(tz, tmp_path, pytestconfig):
    file = small()
    for size in range(0, len(file), pytestconfig.getoption("--every")):
        assert_agrees(tz, tmp_path / "cut", file[:size])


def test_any_byte_changed(tz, tmp_path, pytestconfig):
    file, lots = small(), random.Random(1)
    header = 8 + struct.unpack_from("<Q", file)[0]
    for at in range(0, header, pytestconfig.getoption("--every")):
        for byte in (file[at] ^ (1 << lots.randrange(8)), lots.choice(b'0129{}[],:" ae\\')):
            changed = bytearray(file)
            changed[at] = byte
            assert_agrees(tz, tmp_path / "changed", bytes(changed))


def test_bytes_behind_the_end(tz, tmp_path):
    assert_agrees(tz, tmp_path / "longer", small() + b"\0")
