"""TensorDeserializer of tzio.tensorizer."""

import gc
import io
import subprocess

import numpy
import pytest
import torch
import tzio
import tzio.tensorizer as ours
from conftest import assert_same, nested, weights, write
from tzio.tensorizer import DecryptionParams, EncryptionParams, TensorDeserializer


@pytest.fixture
def saved(path):
    write(ours, path, weights())
    return path


def test_lazy_access_goes_in_any_order(saved):
    with TensorDeserializer(saved, device="cpu", lazy_load=True) as loaded:
        for name in reversed(list(weights())):
            assert_same(loaded[name].data, weights()[name])
        assert loaded["scale"] is loaded["scale"]
        assert loaded.get("none") is None
        with pytest.raises(KeyError):
            loaded["none"]


def test_a_filter_reads_only_what_it_keeps(path):
    write(ours, path, {f"t{number}": torch.full((1 << 18,), number) for number in range(16)})
    loaded = TensorDeserializer(path, device="cpu", filter_func=lambda name: name == "t15")
    assert list(loaded) == ["t15"]
    assert loaded.total_tensor_bytes == 1 << 21
    assert loaded.total_bytes_read < 3 << 20


def test_filters_get_paths_of_what_is_nested(path):
    write(ours, path, nested)
    seen = []
    loaded = TensorDeserializer(path, device="cpu", filter_func=lambda name: seen.append(name) or name != "head")
    assert seen == [("model", "layers", 0, "w"), ("model", "layers", 1, "w"), "head"]
    assert list(loaded) == ["model"]


def test_closing_twice_leaves_tensors_and_counters(saved):
    with open(saved, "rb") as file, TensorDeserializer(file, device="cpu", plaid_mode=True, num_readers=4) as loaded:
        kept = loaded["positions"]
    loaded.close()
    assert loaded.total_tensor_bytes == sum(t.numel() * t.element_size() for t in weights().values())
    assert loaded.total_bytes_read > 0
    del loaded
    gc.collect()
    assert torch.equal(kept, torch.arange(1000))


def test_what_was_not_loaded_before_the_end_is_an_error(saved):
    loaded = TensorDeserializer(saved, device="cpu", lazy_load=True)
    loaded.close()
    with pytest.raises(ValueError, match="closed"):
        loaded["scale"]


def test_a_deserializer_is_a_state_dict(path):
    module = torch.nn.Linear(3, 2)
    write(ours, path, module.state_dict())
    other = torch.nn.Linear(3, 2)
    other.load_state_dict(TensorDeserializer(path, device="cpu"))
    assert torch.equal(other.weight, module.weight)


def test_pipes_are_read(saved):
    with subprocess.Popen(["cat", str(saved)], stdout=subprocess.PIPE) as cat:
        loaded = TensorDeserializer(cat.stdout, device="cpu", verify_hash=True)
    assert_same(loaded["positions"].data, torch.arange(1000))


def test_only_what_asked_for_is_cast(path):
    values = {"f": torch.ones(2), "i": torch.ones(2, dtype=torch.int64), "b": torch.tensor([True])}
    write(ours, path, values)
    as_theirs = TensorDeserializer(path, device="cpu", dtype=torch.float16)
    assert [as_theirs[name].dtype for name in "fib"] == [torch.float16, torch.float16, torch.bool]
    sane = TensorDeserializer(path, device="cpu", dtype=torch.float16, dtype_policy="floating")
    assert [sane[name].dtype for name in "fib"] == [torch.float16, torch.int64, torch.bool]


def test_reading_goes_on_where_it_stopped(saved):
    loaded = TensorDeserializer(saved, device="cpu", lazy_load=True)
    first = [name for _, _, name, _ in loaded.read_tensors(num_tensors=2)]
    rest = [name for _, _, name, _ in loaded.read_tensors()]
    assert first + rest == list(weights())
    assert list(loaded.read_tensors()) == []


def test_types_that_numpy_lacks_are_raw_when_asked_for(saved):
    loaded = TensorDeserializer(saved, device="cpu", lazy_load=True)
    with pytest.raises(ValueError, match="bfloat16"):
        list(loaded.read_numpy_arrays())
    loaded = TensorDeserializer(saved, device="cpu", lazy_load=True)
    arrays = {name: rest for _, _, name, *rest in loaded.read_numpy_arrays(allow_raw_data=True)}
    array, opaque, dtype = arrays["layers.0.bias"]
    assert (array.dtype, opaque, dtype) == (numpy.int16, True, "torch.bfloat16")
    assert arrays["positions"][1:] == [False, None]


def test_errors_are_the_ones_that_programs_catch(path, saved):
    assert tzio.HashMismatchError is ours.serialization.HashMismatchError
    with pytest.raises(ValueError):
        TensorDeserializer(io.BytesIO(b"no tensors" * 100), device="cpu")
    with pytest.raises(FileNotFoundError):
        TensorDeserializer(str(path) + ".none", device="cpu")
    with pytest.raises(ours.CryptographyError):
        TensorDeserializer(saved, device="cpu", encryption=DecryptionParams.from_key(bytes(range(32))))
    with pytest.raises(TypeError):
        TensorDeserializer(saved, device="cpu", encryption=EncryptionParams.random())
    content = bytearray(saved.read_bytes())
    content[-100] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ours.serialization.HashMismatchError):
        TensorDeserializer(saved, device="cpu", verify_hash=True)
    saved.write_bytes(content[:-5000])
    with pytest.raises(ValueError):
        TensorDeserializer(saved, device="cpu")


def test_a_wrong_or_missing_key_is_a_cryptography_error(path):
    write(ours, path, weights(), encryption=EncryptionParams.from_string("right", opslimit=1, memlimit=8192))
    for encryption in (None, DecryptionParams.from_key(bytes(range(32))), DecryptionParams.from_string("swordfish")):
        with pytest.raises(ours.CryptographyError) as caught:
            TensorDeserializer(path, device="cpu", encryption=encryption)
        assert "swordfish" not in str(caught.value)


def test_what_a_password_costs_has_a_limit_that_can_be_moved(path, monkeypatch):
    write(ours, path, weights(), encryption=EncryptionParams.from_string("right", opslimit=2, memlimit=8192))
    encryption = DecryptionParams.from_string("right")
    monkeypatch.setenv("TZ_KDF_MAX_PASSES", "1")
    with pytest.raises(tzio.LimitError, match=r"2 passes, the limit is 1; .*kdf_max_passes"):
        TensorDeserializer(path, device="cpu", encryption=encryption)
    monkeypatch.setenv("TZ_KDF_MAX_PASSES", "2")
    monkeypatch.setenv("TZ_KDF_MAX_MEMORY", "8KiB")
    TensorDeserializer(path, device="cpu", encryption=encryption).close()


def test_secrets_are_not_shown():
    params = EncryptionParams.from_string("secret text", opslimit=1, memlimit=8192, salt="sixteen  letters")
    assert params.salt == b"sixteen  letters"
    for shown in (repr(params), repr(DecryptionParams.from_string("secret text"))):
        assert "secret" not in shown and str(params.key) not in shown
    with pytest.raises(ValueError):
        EncryptionParams.random().salt


def test_errors_name_file_objects_as_their_users_do(saved, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"no tensors" * 100)
    with open(other, "rb") as file, pytest.raises(tzio.FormatError, match=str(other)) as caught:
        TensorDeserializer(file, device="cpu")
    assert caught.value.uri == str(other)
    with pytest.raises(tzio.FormatError, match="^a BytesIO: "):
        TensorDeserializer(io.BytesIO(other.read_bytes()), device="cpu")
    with open(saved, "rb+") as file:
        loaded = TensorDeserializer(file, device="cpu", lazy_load=True)
        file.truncate(saved.stat().st_size - 5000)
        with pytest.raises(tzio.Error, match=str(saved)):
            loaded["bytes"]


def test_a_safetensors_file_is_a_value_error(tmp_path):
    tzio.save_file(weights(), tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="model.safetensors: Not a tensorizer file"):
        TensorDeserializer(tmp_path / "model.safetensors", device="cpu")
