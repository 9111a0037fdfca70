"""TensorSerializer of tzio.tensorizer."""

import io
import os

import numpy
import pytest
import tensorizer as original
import torch
import tzio.tensorizer as ours
from conftest import weights, write
from tzio.tensorizer import EncryptionParams, TensorDeserializer, TensorSerializer


def test_several_writes_leave_a_file_after_each(path):
    serializer = TensorSerializer(path)
    for number in range(3):
        serializer.write_tensor(number, f"part.{number}", ours.TensorType.PARAM, torch.full((3,), number))
        assert list(TensorDeserializer(path, device="cpu")) == [f"part.{each}" for each in range(number + 1)]
    serializer.close()
    assert serializer.total_tensor_bytes == 3 * 3 * 8
    assert len(original.TensorDeserializer(str(path), device="cpu", verify_hash=True)) == 3


def test_many_tensors_have_room_in_the_index(path):
    many = {f"a.rather.long.name.for.a.tensor.of.a.model.number.{number}": torch.ones(1) for number in range(6000)}
    write(ours, path, many)
    assert len(original.TensorDeserializer(str(path), device="cpu")) == 6000


def test_encryption_leaves_the_tensors_alone(path):
    tensor = torch.randn(1 << 20)
    before = tensor.clone()
    tensor.numpy().setflags(write=False)
    write(ours, path, {"a": tensor}, encryption=EncryptionParams.random())
    assert torch.equal(tensor, before)


def test_file_objects_are_written_where_they_are(tmp_path):
    for opened in (open(tmp_path / "file", "wb+"), io.BytesIO(), open(tmp_path / "raw", "wb+", buffering=0)):
        serializer = TensorSerializer(opened)
        serializer.write_state_dict(weights())
        serializer.write_state_dict({"more": torch.ones(2)})
        opened.seek(0)
        content = opened.read()
        serializer.close()
        serializer.close()
        assert opened.closed
        loaded = TensorDeserializer(io.BytesIO(content), device="cpu", verify_hash=True)
        assert list(loaded) == [*weights(), "more"]


def test_descriptors_and_paths_of_bytes_are_taken(tmp_path):
    name = os.fsencode(tmp_path / "folder" / "file")
    write_to = TensorSerializer(name)
    write_to.write_state_dict(weights())
    write_to.close()
    with open(name, "rb+") as file:
        again = TensorSerializer(file.fileno())
        again.write_state_dict({"a": torch.ones(2)})
        again.close()
        assert list(TensorDeserializer(file.fileno(), device="cpu")) == ["a"]
    assert list(TensorDeserializer(name, device="cpu")) == ["a"]


def test_text_files_and_those_behind_their_start_are_refused(tmp_path):
    with open(tmp_path / "text", "w+") as file, pytest.raises(ValueError, match="binary mode"):
        TensorSerializer(file)
    with open(tmp_path / "file", "wb") as file, pytest.raises(ValueError, match="readable"):
        TensorSerializer(file)
    with open(tmp_path / "file", "wb+") as file:
        file.write(b"before")
        with pytest.raises(ValueError, match="start"):
            TensorSerializer(file)


def test_what_a_with_ends_by_an_exception_is_no_file(path):
    with pytest.raises(RuntimeError), TensorSerializer(path) as serializer:
        assert serializer
        raise RuntimeError
    assert not path.exists()


def test_wrong_state_dicts_are_type_errors(path):
    serializer = TensorSerializer(path)
    for wrong in ({1: torch.ones(1)}, {"a": 3}, {"a": [None]}, "text"):
        with pytest.raises(TypeError):
            serializer.write_state_dict(wrong)
    serializer.write_state_dict({"a": torch.ones(1)})
    with pytest.raises(ValueError):
        serializer.write_state_dict({"a": torch.ones(1)})
    serializer.close()
    assert list(TensorDeserializer(path, device="cpu")) == ["a"]


def test_awkward_tensors_are_written_as_they_look(path):
    complex_numbers = torch.randn(3, dtype=torch.complex64)
    made = {"t": torch.arange(6).reshape(2, 3).T, "conj": complex_numbers.conj(), "part": torch.arange(10)[2:5]}
    write(ours, path, made)
    loaded = TensorDeserializer(path, device="cpu")
    assert all(torch.equal(loaded[name], tensor.resolve_conj()) for name, tensor in made.items())
    with pytest.raises(RuntimeError, match="to_dense"):
        TensorSerializer(path).write_tensor(0, "s", ours.TensorType.PARAM, torch.eye(3).to_sparse())


def test_arrays_are_written(path):
    serializer = TensorSerializer(path)
    serializer.write_tensor(4, "a", ours.TensorType.BUFFER, numpy.arange(12.0).reshape(3, 4).T)
    serializer.close()
    (index, kind, name, array, opaque, _), = TensorDeserializer(path, device="cpu").read_numpy_arrays()
    assert (index, kind, name, opaque) == (4, ours.TensorType.BUFFER, "a", False)
    assert numpy.array_equal(array, numpy.arange(12.0).reshape(3, 4).T)


def test_meta_tensors_come_back_as_zeros(path):
    write(ours, path, {"a": torch.empty(3, 4, device="meta"), "b": torch.ones(2)})
    for package in (ours, original):
        loaded = package.TensorDeserializer(str(path), device="cpu", verify_hash=True)
        assert torch.equal(loaded["a"], torch.zeros(3, 4))


def test_removed_tensors_are_gone_from_the_module(path):
    module = torch.nn.Linear(2, 2)
    serializer = TensorSerializer(path)
    serializer.write_module(module, remove_tensors=True)
    serializer.close()
    assert module.weight is None
    assert list(TensorDeserializer(path, device="cpu")) == [".weight", ".bias"]


def test_a_tensor_that_the_file_has_no_number_for_is_an_error_and_no_end(path):
    with TensorSerializer(path) as serializer:
        for wrong in (-1, 1 << 16):
            with pytest.raises(ValueError, match="model.tensors.*module"):
                serializer.write_tensor(wrong, "a", ours.TensorType.PARAM, torch.ones(1))
        serializer.write_tensor((1 << 16) - 1, "a", ours.TensorType.PARAM, torch.ones(1))
    assert [index for index, *_ in TensorDeserializer(path, device="cpu").read_tensors()] == [(1 << 16) - 1]


def test_errors_name_the_file_object(tmp_path):
    with open(tmp_path / "file", "wb+") as file, TensorSerializer(file) as serializer:
        serializer.write_state_dict({"a": torch.ones(1)})
        with pytest.raises(ValueError, match=str(tmp_path / "file")) as caught:
            serializer.write_state_dict({"a": torch.ones(1)})
        assert "/proc/" not in str(caught.value)


def test_passwords_and_keys_are_of_their_types():
    for make in (EncryptionParams.from_string, ours.DecryptionParams.from_string):
        with pytest.raises(TypeError, match="password is str or bytes, not int"):
            make(5)  # which is the length of bytes(5)
    with pytest.raises(TypeError, match="key is bytes"):
        ours.DecryptionParams.from_key("k" * 32)
    with pytest.raises(TypeError, match="salt"):
        EncryptionParams.from_string("x", salt=16)


def test_a_password_that_an_encoding_lacks_is_in_no_error():
    with pytest.raises(ValueError, match="ascii") as caught:
        EncryptionParams.from_string("swordfish ä", encoding="ascii")
    assert not isinstance(caught.value, UnicodeError) and caught.value.__suppress_context__


def test_types_that_pytorch_cannot_copy_are_written_in_their_order(path):
    bytes_of_each = torch.arange(6, dtype=torch.uint8).reshape(2, 3)
    write(ours, path, {"a": bytes_of_each.view(torch.float4_e2m1fn_x2).T})
    loaded = TensorDeserializer(path, device="cpu")["a"]
    assert torch.equal(loaded.data.view(torch.uint8), bytes_of_each.T)


def test_encrypted_tensors_may_be_empty(path):
    params = EncryptionParams.random()
    write(ours, path, {"none": torch.empty(0, 7), "some": torch.ones(2)}, encryption=params)
    loaded = TensorDeserializer(
        path, device="cpu", verify_hash=True, encryption=ours.DecryptionParams.from_key(params.key)
    )
    assert loaded["none"].shape == (0, 7) and torch.equal(loaded["some"], torch.ones(2))
