"""The plug-ins for vLLM and SGLang, against stand-ins made from the signatures that these publish."""

import abc
import enum
import importlib
import pkgutil
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
