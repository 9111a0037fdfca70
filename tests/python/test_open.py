"""Files that are read as their tensors are wanted."""

import asyncio

import pytest
import torch
import tzio
from conftest import assert_same, weights


@pytest.fixture
def saved(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    tzio.save_file(weights(), path)
    return path


@pytest.mark.parametrize("prefetch", [1, "100KB", "1GiB"])
def test_iteration_brings_every_tensor_in_file_order(saved, prefetch):
    with tzio.open(saved, prefetch_bytes=prefetch) as file:
        items = list(file)
        assert [name for name, _ in items] == file.keys()
        assert file.stats.bytes == file.total_bytes == sum(t.nbytes for t in weights().values())
    for name, tensor in items:
        assert_same(tensor, weights()[name])


def test_iteration_may_be_repeated_and_left(saved):
    with tzio.open(saved, prefetch_bytes=1) as file:
        for name, _ in file:
            break
        assert [name for name, _ in file] == file.keys()
        assert name == file.keys()[0]


def test_no_more_is_read_than_prefetch_allows(tmp_path):
    path = tmp_path / "model.tensors"
    tzio.save_file({str(i): torch.zeros(1000) for i in range(20)}, path)
    with tzio.open(path, prefetch_bytes=8000) as file:
        iterator = iter(file)
        for taken in range(1, 6):
            next(iterator)
            assert file.stats.tensors <= taken + 2
        iterator.close()


def test_tensors_come_in_any_order(saved):
    with tzio.open(saved) as file:
        for name in reversed(file.keys()):
            assert_same(file.get_tensor(name), weights()[name])
        with pytest.raises(KeyError):
            file.get_tensor("none")


@pytest.mark.parametrize(
    "index", [slice(10, 20), slice(None), 5, -1, (slice(3, 9), slice(0, 7)), (4, 2), slice(0, 30, 3), slice(9, 2), ...]
)
def test_slices_are_those_of_the_tensor(saved, index):
    with tzio.open(saved) as file:
        part = file.get_slice("layers.0.weight")
        assert part.get_shape() == [300, 400]
        assert part.get_dtype() == "float32"
        assert torch.equal(part[index], weights()["layers.0.weight"][index])


def test_a_slice_reads_its_rows_alone(tmp_path):
    path = tmp_path / "model.safetensors"
    tzio.save_file({"x": torch.randn(4096, 1024)}, path)
    with tzio.open(path) as file:
        file.get_slice("x")[100:110]
        assert file.stats.read_bytes < 1 << 20


def test_a_closed_file_says_so(saved):
    file = tzio.open(saved)
    file.close()
    file.close()
    for use in (lambda: file.get_tensor("scale"), lambda: next(iter(file)), lambda: file.get_slice("scale")):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_it_is_awaited_too(saved):
    async def names():
        async with tzio.open(saved) as file:
            return [name async for name, _ in file], file.keys()

    seen, all_names = asyncio.run(names())
    assert seen == all_names


def test_an_error_reaches_who_iterates(saved):
    with tzio.open(saved, prefetch_bytes=1) as file:
        iterator = iter(file)
        next(iterator)
        saved.unlink()
        with pytest.raises(tzio.Error):
            list(iterator)
