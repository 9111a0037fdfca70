"""tzio.safetensors in the place of safetensors."""

import os
import random
import subprocess
import sys

import numpy
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
import tzio
import tzio.safetensors
import tzio.safetensors.numpy
import tzio.safetensors.torch
from conftest import assert_same, in_threads, weights
from ranges import serving
from tzio.safetensors import SafetensorError, safe_open


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(weights(), path, metadata={"format": "pt"})
    return path


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(50, 16)
        self.head = torch.nn.Linear(16, 50, bias=False)
        self.head.weight = self.embedding.weight


def test_files_and_bytes_are_those_that_safetensors_writes(tmp_path):
    odd = {'quote"\\\x07\x7f': torch.zeros(3), "größe": torch.zeros(2, dtype=torch.int8), **weights()}
    metadata = {"what": "ever\n\u2028é"}
    theirs = safetensors.torch.save(odd, metadata)
    assert tzio.safetensors.torch.save(odd, metadata) == theirs
    tzio.safetensors.torch.save_file(odd, tmp_path / "a.safetensors", metadata)
    assert (tmp_path / "a.safetensors").read_bytes() == theirs
    assert os.listdir(tmp_path) == ["a.safetensors"]
    arrays = {name: numpy.random.rand(4, 5) for name in "dbca"}
    assert tzio.safetensors.numpy.save(arrays) == safetensors.numpy.save(arrays)


def test_what_safetensors_wrote_is_loaded(saved):
    for loaded in (
        tzio.safetensors.torch.load_file(saved),
        tzio.safetensors.torch.load_file(str(saved), device="cpu", backend="pread"),
        tzio.safetensors.torch.load(saved.read_bytes()),
    ):
        assert set(loaded) == set(weights())
        for name, tensor in weights().items():
            assert_same(loaded[name], tensor)


def test_it_is_opened_as_by_safetensors(saved):
    with safe_open(saved, framework="pt") as ours, safetensors.safe_open(saved, framework="pt") as theirs:
        assert ours.keys() == theirs.keys()
        assert ours.offset_keys() == theirs.offset_keys()
        assert ours.metadata() == theirs.metadata() == {"format": "pt"}
        for name in ours.keys():
            assert_same(ours.get_tensor(name), theirs.get_tensor(name))
            slices = ours.get_slice(name), theirs.get_slice(name)
            assert slices[0].get_shape() == slices[1].get_shape()
            assert slices[0].get_dtype() == slices[1].get_dtype()


def outcome(sliced, index):
    try:
        return sliced[index]
    except safetensors.SafetensorError as error:  # ours is one too
        return str(error)
    except (IndexError, ValueError) as error:
        return str(type(error))


def random_index(chosen, shape):
    def part(extent):
        if chosen.random() < 0.3:
            return chosen.randrange(-extent - 1, extent + 1)
        bounds = sorted(chosen.randrange(extent + 2) for _ in range(2))
        return slice(*(chosen.choice([None, bound]) for bound in bounds), chosen.choice([None, None, 1, 2, 3, 0]))

    parts = [part(extent) for extent in shape[: chosen.randrange(len(shape) + 1)]]
    if chosen.random() < 0.2:
        parts.insert(chosen.randrange(len(parts) + 1), ...)
    if chosen.random() < 0.05:
        parts.append(0)
    return tuple(parts) if len(parts) != 1 or chosen.random() < 0.5 else parts[0]


@pytest.mark.parametrize("framework", ["pt", "np"])
def test_random_slices_are_those_of_safetensors(tmp_path, framework):
    seed = int(os.environ.get("TZ_TEST_SEED", random.randrange(1 << 32)))
    print("TZ_TEST_SEED", seed)
    chosen = random.Random(seed)
    path = tmp_path / "model.safetensors"
    tensors = {"a": torch.randn(7, 4, 5), "b": torch.arange(9), "c": torch.tensor(3.0)}
    safetensors.torch.save_file(tensors, path)
    with safe_open(path, framework) as ours, safetensors.safe_open(path, framework) as theirs:
        for _ in range(400):
            name = chosen.choice(list(tensors))
            index = random_index(chosen, tensors[name].shape)
            got, expected = outcome(ours.get_slice(name), index), outcome(theirs.get_slice(name), index)
            if isinstance(expected, str) or isinstance(got, str):
                assert repr(got) == repr(expected), (name, index)
                continue
            assert got.shape == expected.shape and got.dtype == expected.dtype, (name, index)
            assert (got == expected).all(), (name, index)


def test_slices_are_empty_or_from_the_end_too(saved):
    with safe_open(saved, "pt") as file:
        assert torch.equal(file.get_slice("positions")[[5, 3]], weights()["positions"][[5, 3]])
        assert file.get_slice("positions")[990:2000].shape == (10,)
        assert file.get_slice("nothing")[...].shape == file.get_slice("nothing")[:, :].shape == (0, 7)
        assert file.get_slice("nothing")[:, 2:4].shape == (0, 2)
        assert torch.equal(file.get_slice("positions")[-3:], weights()["positions"][-3:])
        assert file.get_slice("positions")[7:3].shape == (0,)
    with safe_open(saved, "np") as file:
        assert file.get_slice("positions")[-3:].tolist() == [997, 998, 999]
        assert file.get_slice("nothing")[...].shape == (0, 7)


def test_large_tensors_and_slices_are_right(tmp_path):
    path = tmp_path / "model.safetensors"
    tensor = torch.randn(3000, 1000)  # more than one small read
    safetensors.torch.save_file({"x": tensor}, path)
    with safe_open(path, "pt") as file:
        assert_same(file.get_tensor("x"), tensor)
        assert torch.equal(file.get_slice("x")[500:2900, 3:7], tensor[500:2900, 3:7])
        assert file.get_slice("x")[:, ::2].is_contiguous()


def test_an_index_counts_pairs_of_float4_as_pytorch_does(tmp_path):
    path = tmp_path / "model.safetensors"
    tensor = torch.arange(32, dtype=torch.uint8).view(4, 8).view(torch.float4_e2m1fn_x2)
    safetensors.torch.save_file({"x": tensor, "y": tensor[0].clone()}, path)
    with safe_open(path, "pt") as file:
        part = file.get_slice("x")
        assert (part.get_shape(), part.get_dtype()) == ([4, 16], "F4")
        assert_same(part[1:3], tensor[1:3])
        assert_same(part[:, 2:4], tensor[:, 2:4])
        assert_same(file.get_slice("y")[1:3], tensor[0, 1:3])


def test_slices_are_taken_by_many_threads(saved):
    with safe_open(saved, "pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}
    expected = weights()

    def take(_):
        for name, part in slices.items():  # the file is closed: they go on
            assert_same(part[...], expected[name])

    in_threads(8, take)


def test_an_open_file_stays_the_same_one(saved):
    with safe_open(saved, "pt") as file:
        tzio.safetensors.torch.save_file({"other": torch.zeros(5)}, saved)
        assert_same(file.get_tensor("positions"), weights()["positions"])
        assert_same(file.get_tensors()["positions"], weights()["positions"])
    with safe_open(saved, "pt") as file:
        os.truncate(saved, os.path.getsize(saved) - 1)
        with pytest.raises(SafetensorError, match="written to"):
            file.get_tensor("other")


def test_descriptors_go_with_the_last_slice(saved):
    before = len(os.listdir("/proc/self/fd"))
    file = safe_open(saved, "pt")
    part = file.get_slice("scale")
    file.__exit__(None, None, None)
    assert part[...].item() == 0.5
    assert len(os.listdir("/proc/self/fd")) == before + 1
    del part, file
    assert len(os.listdir("/proc/self/fd")) == before


def test_files_on_a_server_are_opened(saved):
    with serving(saved.parent) as address:
        with safe_open(f"{address}/{saved.name}", "pt") as file:
            assert_same(file.get_tensor("layers.0.bias"), weights()["layers.0.bias"])
            assert torch.equal(file.get_slice("layers.0.weight")[3:5, :2], weights()["layers.0.weight"][3:5, :2])
        loaded = tzio.safetensors.torch.load_file(f"{address}/{saved.name}")
        with pytest.raises(FileNotFoundError, match="none"):
            safe_open(f"{address}/none", "pt")
    for name, tensor in weights().items():
        assert_same(loaded[name], tensor)


def test_errors_are_caught_as_theirs(saved, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\xff" * 100)
    for caught in (SafetensorError, safetensors.SafetensorError, tzio.Error):
        with pytest.raises(caught) as error:
            safe_open(broken, "pt")
        assert str(broken) in str(error.value) and "/proc/" not in str(error.value)
    with pytest.raises(FileNotFoundError, match="^No such file or directory: nothing$"):
        safe_open("nothing", "pt")
    with safe_open(saved, "pt") as file, pytest.raises(SafetensorError, match="does not contain tensor none"):
        file.get_tensor("none")
    with pytest.raises(SafetensorError, match="closed"):
        file.keys()
    for framework, device in (("tf", "cpu"), ("np", "cuda"), ("pt", "nowhere")):
        with pytest.raises(SafetensorError):
            safe_open(saved, framework, device)


def test_a_failed_save_leaves_the_old_file(saved):
    before = saved.read_bytes()
    complex128, gaps = torch.zeros(3, dtype=torch.complex128), torch.zeros(2, 3).T
    for wrong in ({"x": complex128}, {"x": gaps}, {"\ud800": torch.zeros(1)}):
        with pytest.raises((SafetensorError, ValueError)):
            tzio.safetensors.torch.save_file(wrong, saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_tied_weights_are_saved_once(tmp_path):
    model, other = Tied(), Tied()
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    tzio.safetensors.torch.save_model(model, ours)
    safetensors.torch.save_model(model, theirs)
    assert ours.read_bytes() == theirs.read_bytes()
    assert tzio.safetensors.torch.load_model(other, ours) == (set(), [])
    assert torch.equal(other.head.weight, model.embedding.weight)
    assert other.head.weight is other.embedding.weight


def test_a_part_of_a_shared_weight_goes_with_the_whole(tmp_path):
    whole = torch.randn(16)
    parts = {"whole": whole, "middle": whole[4:8], "behind": whole[10:12]}
    removed = tzio.safetensors.torch._remove_duplicate_names(parts)
    assert removed == {"whole": ["behind", "middle"]}


def test_arrays_with_gaps_are_packed():
    array = numpy.arange(12.0).reshape(3, 4).T
    assert numpy.array_equal(tzio.safetensors.numpy.load(tzio.safetensors.numpy.save({"a": array}))["a"], array)


def test_numpy_needs_no_torch(tmp_path):
    code = (
        "import sys, numpy\n"
        "from tzio.safetensors.numpy import load, save\n"
        "assert load(save({'a': numpy.arange(5)}))['a'].sum() == 10\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_transformers_reads_through_it(tmp_path, monkeypatch):
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4
    )
    model = transformers.LlamaForCausalLM(config).eval()
    model.save_pretrained(tmp_path)
    opened = []

    def opening(*arguments, **keywords):
        opened.append(arguments)
        return safe_open(*arguments, **keywords)

    monkeypatch.setattr(transformers.modeling_utils, "safe_open", opening)
    loaded = transformers.LlamaForCausalLM.from_pretrained(tmp_path).eval()
    tokens = torch.arange(10)[None]
    assert torch.equal(loaded(tokens).logits, model(tokens).logits)
    assert opened
