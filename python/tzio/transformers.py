"""Models of the package `transformers` from anywhere: `tzio.transformers.from_pretrained("s3://models/llama")`."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from typing import Any

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from . import _core
from .config import Config, effective
from .engine import engine_of
from .errors import FormatError, NotFoundError, UnsupportedError, refusal, without_secrets
from .loading import load_file
from .model_places import first_found, is_local, model_places
from .request import Progress, Uri
from .tokenizer_files import tokenizer_from_pretrained

__all__ = ["from_pretrained", "tokenizer_from_pretrained"]

#: Bytes of a config.json; those of the Hub have a few thousand.
CONFIG_BYTES_MAX = 16 << 20


def from_pretrained(
    uri: Uri,
    device: Any = None,
    dtype: Any = None,
    *,
    memory: str | None = None,
    key: Any = None,
    password: Any = None,
    progress: bool | Callable[[Progress], None] | None = None,
    **config: Any,
) -> transformers.PreTrainedModel:
    """The model that a folder holds, or a file with a config.json beside it: on `device`, ready for inference.

    `uri`: as for `tzio.open`; of a folder on a server, the model is model.safetensors.index.json, model.safetensors or
    model.tensors. `dtype`: a torch.dtype or its name; by default that of config.json. `key`, `password`: for encrypted
    files. `memory`: "owned", "mapped" or "auto", as for `tzio.load_file`; by default "auto" for files of this machine:
    those of safetensors are mapped, as transformers maps them, where nothing is to be checked: nobody may cut them or
    write into them while the model is used. `config`: names of `tzio.Config` go to the load, others into the model's
    configuration, and what that doesn't know to its class (`attn_implementation="sdpa"`). Code from a model's folder is
    never run.

    The weights go through transformers' own loader, since only that knows which it renames or joins, and makes the
    buffers that no file has. Raises `tzio.Error`, which is a ValueError for a config.json of no use; KeyError where the files lack
    weights, which transformers itself would only log and make up.
    """
    fields = {field.name for field in dataclasses.fields(Config)}
    settings = effective(None, {name: config.pop(name) for name in fields & set(config)})
    folder, candidates = model_places(uri)
    model_class, model_config, rest = _described(folder, settings, config, os.fspath(uri))
    if dtype is not None:
        rest["dtype"] = dtype

    def load(address: str) -> dict[str, Any]:
        chosen = memory or ("auto" if _may_map(address, settings, device, key or password) else "owned")
        secrets = {"key": key, "password": password}
        return load_file(address, framework="torch", memory=chosen, progress=progress, config=settings, **secrets)

    weights = first_found(candidates, load)
    model, found = model_class.from_pretrained(
        None, config=model_config, state_dict=weights, output_loading_info=True, **rest
    )
    lacking = sorted(found["missing_keys"]) + sorted(str(each) for each in found["mismatched_keys"])
    if lacking:
        raise KeyError(f"{without_secrets(os.fspath(uri))}: the files lack what {model_class.__name__} needs: {lacking[:5]}")
    generation = _json(f"{folder}/generation_config.json", settings)
    if generation is not None and model.can_generate():
        model.generation_config = transformers.GenerationConfig.from_dict(generation)
    if device is not None:
        model.to(device)
    ready: transformers.PreTrainedModel = model.eval()
    return ready


def _may_map(address: str, settings: Config, device: Any, secret: Any) -> bool:
    """Whether the files' own pages can be the weights and no wish is lost. The load knows whether a check would be."""
    on_cpu = device is None or str(device) == "cpu"
    return secret is None and on_cpu and is_local(address) and settings.direct_io != "on"


def _described(folder: str, settings: Config, changes: dict[str, Any], uri: str) -> tuple[Any, Any, dict[str, Any]]:
    """The model's class, its configuration, and which of the changes are for neither."""
    described = _json(f"{folder}/config.json", settings)
    if described is None:
        raise _without_config(folder, uri)
    names = described.get("architectures") or [None]
    model_class = getattr(transformers, str(names[0]), None)
    if model_class is None or not hasattr(model_class, "from_pretrained"):
        text = f"this version of transformers has no architecture {names[0]!r}"
        raise refusal(UnsupportedError, f"{folder}/config.json", text, "a newer one may")
    config_class = model_class.config_class
    if described.get("model_type") in CONFIG_MAPPING:
        config_class = CONFIG_MAPPING[described["model_type"]]
    config, rest = config_class.from_dict(described, return_unused_kwargs=True, **changes)
    return model_class, config, rest


def _json(address: str, settings: Config) -> dict[str, Any] | None:
    """None where there is no such file."""
    try:
        text = engine_of(settings).read([address], settings.load_keywords(), _core.Stop(), CONFIG_BYTES_MAX)
    except NotFoundError:
        return None
    try:
        content = json.loads(text)
    except ValueError:
        raise refusal(FormatError, address, "no JSON object") from None
    if not isinstance(content, dict):
        raise refusal(FormatError, address, "no JSON object")
    return content


def _without_config(folder: str, uri: str) -> NotFoundError:
    """Of the address that was given: a file's folder may be ".", which says nothing."""
    if folder.rstrip("/") == uri.rstrip("/"):
        text, hint = "no config.json, which says what the model is", "give the folder of the model"
    else:
        text = "no config.json beside it, which says what the model is"
        hint = "put the model's there, or load the tensors alone with tzio.load_file()"
    return refusal(NotFoundError, uri, text, hint)
