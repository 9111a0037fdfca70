"""Modules of PyTorch that get their weights."""

import pytest
import torch
import tzio
from torch import nn


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.linear = nn.Linear(16, 16)
        self.norm = nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embedding.weight
        self.linear.bias.requires_grad = False
        self.register_buffer("positions", torch.arange(9), persistent=False)


@pytest.fixture
def saved(tmp_path, suffix):
    torch.manual_seed(3)
    model = Tied()
    path = tmp_path / f"model.{suffix}"
    state = {name: tensor for name, tensor in model.state_dict().items() if name != "head.weight"}
    tzio.save_file(state, path)
    return model, path


def assert_filled(model, expected):
    for (name, got), (_, wanted) in zip(model.state_dict().items(), expected.state_dict().items(), strict=True):
        assert torch.equal(got, wanted), name
    assert model.head.weight is model.embedding.weight
    assert not model.linear.bias.requires_grad
    assert "positions" not in model.state_dict()


def test_parameters_are_filled_in_place(saved):
    expected, path = saved
    model = Tied()
    before = {name: tensor.data_ptr() for name, tensor in model.state_dict().items()}
    info = tzio.load_into_module(model, path)
    assert_filled(model, expected)
    assert {name: tensor.data_ptr() for name, tensor in model.state_dict().items()} == before
    assert (info.missing, info.unexpected, info.tensors) == ([], [], len(before) - 1)


def test_a_meta_module_gets_memory(saved):
    expected, path = saved
    with torch.device("meta"):
        model = Tied()
    tzio.load_into_module(model, path)
    assert_filled(model, expected)


def test_other_types_are_cast(saved):
    expected, path = saved
    model = Tied().to(torch.float64)
    tzio.load_into_module(model, path)
    assert torch.equal(model.linear.weight, expected.linear.weight.double())
    assert model.linear.weight.dtype == torch.float64


def test_names_must_agree_unless_they_need_not(saved):
    _, path = saved
    other = nn.ModuleDict({"linear": nn.Linear(16, 16), "more": nn.Linear(2, 2)})
    before = other["linear"].weight.clone()
    with pytest.raises(KeyError, match=r"more\.weight"):
        tzio.load_into_module(other, path)
    assert torch.equal(other["linear"].weight, before)
    info = tzio.load_into_module(other, path, strict=False)
    assert info.missing == ["more.weight", "more.bias"]
    assert "embedding.weight" in info.unexpected
