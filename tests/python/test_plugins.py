"""The plug-ins for vLLM and SGLang, against stand-ins made from the signatures that these publish."""

import abc
import enum
import importlib
import pkgutil
import re
import sys
import types
from pathlib import Path

import pytest
import safetensors.torch
import torch
import tzio
import tzio.integrations.sglang
import tzio.integrations.vllm
from conftest import assert_same, weights
from ranges import serving


def module(monkeypatch, name, **content):
    """Found under its name by import, with its parents."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        full = ".".join(parts[:end])
        if full not in sys.modules:
            made = types.ModuleType(full)
            made.__path__ = []
            monkeypatch.setitem(sys.modules, full, made)
            if end > 1:
                setattr(sys.modules[".".join(parts[: end - 1])], parts[end - 1], made)
    vars(sys.modules[name]).update(content)


@pytest.fixture
def loaders(monkeypatch):
    """vLLM's loaders by their formats."""
    found = {}

    class BaseModelLoader(abc.ABC):
        def __init__(self, load_config):
            self.load_config = load_config

        @abc.abstractmethod
        def download_model(self, model_config): ...

        @abc.abstractmethod
        def load_weights(self, model, model_config): ...

    def register_model_loader(load_format):
        def keep(loader):
            assert issubclass(loader, BaseModelLoader) and load_format not in found
            found[load_format] = loader
            return loader

        return keep

    def download_weights_from_hf(name, cache_dir, allow_patterns, revision=None, subfolder=None, ignore_patterns=None):
        assert (name, revision, allow_patterns[0]) == ("org/model", "main", "*.safetensors")
        return cache_dir

    base = "vllm.model_executor.model_loader"
    module(monkeypatch, base, register_model_loader=register_model_loader)
    module(monkeypatch, base + ".base_loader", BaseModelLoader=BaseModelLoader)
    module(monkeypatch, base + ".weight_utils", download_weights_from_hf=download_weights_from_hf)
    tzio.integrations.vllm.register.cache_clear()
    tzio.integrations.vllm.register()
    tzio.integrations.vllm.register()
    return found


class Model:
    def load_weights(self, iterator):
        self.weights = dict(iterator)


def loaded(loaders, model, extra=None, download_dir=None, **model_config):
    config = types.SimpleNamespace(
        model_loader_extra_config=extra or {},
        download_dir=download_dir,
        ignore_patterns=["original/**/*"],
        use_tqdm_on_load=False,
    )
    loader = loaders["tzio"](config)
    described = types.SimpleNamespace(model=str(model), revision="main", **model_config)
    loader.download_model(described)
    filled = Model()
    loader.load_weights(filled, described)
    return filled.weights


def assert_all(tensors):
    assert set(tensors) == set(weights())
    for name, tensor in weights().items():
        assert_same(tensors[name], tensor)


def test_vllm_loads_folders_files_and_servers(loaders, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    tzio.save_file(weights(), folder / "model.safetensors", max_shard_size="300KB")
    assert_all(loaded(loaders, folder))
    assert_all(loaded(loaders, "org/model", download_dir=str(folder)))
    with serving(tmp_path) as address:
        assert_all(loaded(loaders, f"{address}/model"))
        assert_all(loaded(loaders, "org/model", model_weights=f"{address}/model/"))


def test_vllm_takes_extra_configuration(loaders, tmp_path):
    tzio.save_file(weights(), tmp_path / "model.safetensors")
    tzio.save_file({"other": torch.zeros(3)}, tmp_path / "consolidated.safetensors")
    extra = {"concurrency": 2, "memory_limit": "64MiB", "pattern": "consol*.safetensors", "distributed": True}
    assert set(loaded(loaders, tmp_path, extra)) == {"other"}
    with pytest.raises(FileNotFoundError, match="none"):
        loaded(loaders, tmp_path, {"pattern": "none*"})
    for wrong in ({"concurency": 2}, {"concurrency": "2"}, {"distributed": 1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            loaded(loaders, tmp_path, wrong)


def test_vllm_loads_encrypted_files(loaders, tmp_path):
    key = bytes(range(32))
    tzio.save_file(weights(), tmp_path / "model.tensors", key=key)
    for content in (key, key.hex().encode() + b"\n"):
        (tmp_path / "key").write_bytes(content)
        assert_all(loaded(loaders, tmp_path / "model.tensors", {"key_file": str(tmp_path / "key")}))
    with pytest.raises(tzio.CryptographyError):
        loaded(loaders, tmp_path / "model.tensors")


@pytest.fixture
def expert_parallel(monkeypatch):
    """vLLM's filter of weights, for a process of two that has every other expert; where its configuration wants one."""
    config = types.SimpleNamespace(enable_expert_parallel=True, enable_ep_weight_filter=True, enable_eplb=False)

    class DefaultModelLoader:
        def _init_ep_weight_filter(self, model_config):
            wants = config.enable_expert_parallel and config.enable_ep_weight_filter and not config.enable_eplb
            if model_config.is_moe and wants:
                self.local_expert_ids = set(range(1, model_config.get_num_experts(), 2))

    def should_skip_weight(weight_name, local_expert_ids):
        found = re.search(r"\.experts\.(\d+)\.", weight_name)
        if local_expert_ids is None or not found or not weight_name.endswith(".weight"):
            return False
        return int(found[1]) not in local_expert_ids

    base = "vllm.model_executor.model_loader"
    module(monkeypatch, base + ".default_loader", DefaultModelLoader=DefaultModelLoader)
    module(monkeypatch, base + ".ep_weight_filter", should_skip_weight=should_skip_weight)
    return config


def experts_of(folder):
    layer = "model.layers.0.mlp"
    tensors = {"model.embed_tokens.weight": torch.randn(100, 32), f"{layer}.gate.weight": torch.randn(4, 32)}
    for expert in range(4):
        tensors[f"{layer}.experts.{expert}.up_proj.weight"] = torch.randn(512, 1024)
        tensors[f"{layer}.experts.{expert}.up_proj.weight_scale"] = torch.randn(4)
    tensors[f"{layer}.shared_experts.up_proj.weight"] = torch.randn(16, 32)
    tzio.save_file(tensors, folder / "model.safetensors", max_shard_size="3MB")
    return tensors


moe = {"is_moe": True, "get_num_experts": lambda: 4}


def test_vllm_reads_the_weights_of_its_own_experts_alone(loaders, expert_parallel, tmp_path, monkeypatch):
    tensors = experts_of(tmp_path)
    opened = []

    def remembered(*arguments, **keywords):
        opened.append(tzio.open(*arguments, **keywords))
        return opened[-1]

    monkeypatch.setattr(tzio.integrations.vllm, "open_files", remembered)
    got = loaded(loaders, tmp_path, **moe)
    left_out = {f"model.layers.0.mlp.experts.{expert}.up_proj.weight" for expert in (0, 2)}
    assert set(got) == set(tensors) - left_out
    for name, tensor in got.items():
        assert_same(tensor, tensors[name])
    (file,) = opened
    assert file.stats.bytes == sum(tensor.nbytes for tensor in got.values())
    assert file.stats.read_bytes < sum(tensor.nbytes for tensor in tensors.values()) - (2 << 20)


@pytest.mark.parametrize("what", ["enable_expert_parallel", "enable_ep_weight_filter", "enable_eplb", "is_moe"])
def test_vllm_reads_all_experts_unless_its_configuration_says_otherwise(loaders, expert_parallel, tmp_path, what):
    tensors = experts_of(tmp_path)
    model = dict(moe)
    if what == "is_moe":
        model["is_moe"] = False
    else:
        setattr(expert_parallel, what, not getattr(expert_parallel, what))
    assert set(loaded(loaders, tmp_path, **model)) == set(tensors)


def test_vllm_without_such_a_filter_reads_all_experts(loaders, tmp_path):
    assert set(experts_of(tmp_path)) == set(loaded(loaders, tmp_path, **moe))


@pytest.fixture
def hooks(monkeypatch):
    """What was registered with SGLang: (target, function, kind)."""
    registered = []

    class HookType(enum.Enum):
        REPLACE = "replace"

    class HookRegistry:
        @classmethod
        def register(cls, target, hook, hook_type, *, source=None):
            registered.append((target, hook, hook_type.value))

    module(monkeypatch, "sglang.srt.plugins.hook_registry", HookRegistry=HookRegistry, HookType=HookType)
    tzio.integrations.sglang.register.cache_clear()
    return registered


def test_sglang_is_left_alone_unless_it_is_asked_for(hooks, monkeypatch):
    monkeypatch.delenv("TZ_REPLACE", raising=False)
    tzio.integrations.sglang.register()
    assert hooks == []


def test_sglang_reads_through_the_engine(hooks, monkeypatch, tmp_path):
    monkeypatch.setenv("TZ_REPLACE", "tensorizer,runai_streamer")
    tzio.integrations.sglang.register()
    tzio.integrations.sglang.register()
    (target, function, kind), *more = hooks
    assert target == "sglang.srt.model_loader.weight_utils.runai_safetensors_weights_iterator"
    assert (kind, more) == ("replace", [])
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(weights(), path)
    assert_all(dict(function([str(path)])))
    assert_all(dict(function([str(path)], is_distributed=True, device="cpu")))


def test_entry_points_name_what_is_there():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    points = [line.split('"')[1] for line in text.splitlines() if line.startswith("tzio = ")]
    assert len(points) == 2
    for point in points:
        assert callable(pkgutil.resolve_name(point))


def test_plug_ins_are_imported_without_what_they_plug_into():
    for name in ("vllm", "sglang"):
        importlib.reload(importlib.import_module(f"tzio.integrations.{name}"))
        assert name not in sys.modules
