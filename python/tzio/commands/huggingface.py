"""Models of transformers and pipelines of diffusers, as modules to be written and the small files beside them."""

from __future__ import annotations

import errno
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Error, FormatError, NotFoundError, StorageError, UsageError

if TYPE_CHECKING:
    import torch

_token_names = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_API_TOKEN")


class Loaded(NamedTuple):
    """What is to be written."""

    modules: dict[str, torch.nn.Module]  # by the names of their files, without .tensors
    small: Any  # writes the small files into the folder that it is given
    last: str  # of these, the one without which nobody reads the others


def load(model: str, model_type: str | None, precision: str) -> Loaded:
    """`model`: an ID or a folder; `model_type`: transformers, diffusers, or None to look; `precision`: a name of
    PyTorch's, or auto. Code from a model is never run.

    Raises `tzio.Error`: NotFoundError where there is no such model, StorageError where the Hub can't be reached,
    FormatError where it lacks weights, UsageError where a package is missing.
    """
    if not os.path.isdir(model) and (model.startswith(("/", ".", "~")) or model.count("/") > 1):
        raise NotFoundError(f"{model}: there is no such folder, and an ID of the Hub is NAME or ORG/NAME")
    token = next((text for name in _token_names if (text := os.environ.get(name))), None)
    try:
        if model_type is None and _has_file(model, "model_index.json", token):
            model_type = "diffusers"
        if model_type == "diffusers":
            return _pipeline(model, precision, token)
        return _transformer(model, precision, token)
    except Error:
        raise
    except OSError as error:  # as transformers says that there is none, or that the Hub can't be reached
        if error.errno not in (None, errno.ENOENT):
            raise
        text = f"{model}: {_first_line(error)}"
        if not os.path.isdir(model):  # what was meant may be a folder, which nobody looked for in the Hub
            text += "; nor is there a folder of this name here"
        if not _is_unreachable(error):
            raise NotFoundError(text) from None
        unreachable = StorageError(text)
        unreachable.retryable = True
        raise unreachable from None
    except (ValueError, RuntimeError) as error:  # a model_type that it doesn't know; weights of other shapes
        raise FormatError(f"{model}: {_first_line(error)}") from None


def _transformer(model: str, precision: str, token: str | None) -> Loaded:
    transformers = _package("transformers", "--model-type transformers")
    config = transformers.AutoConfig.from_pretrained(model, token=token)
    name = (config.architectures or ["AutoModelForCausalLM"])[0]
    model_class = getattr(transformers, name, None)
    if model_class is None:
        raise FormatError(f"{model}: this version of transformers has no {name}; a newer one may")
    made, found = model_class.from_pretrained(model, dtype=precision, token=token, output_loading_info=True)
    lacking = sorted(found["missing_keys"]) + sorted(str(each) for each in found["mismatched_keys"])
    if lacking:
        raise FormatError(f"{model}: the files lack what {name} needs: {lacking[:5]}")
    tokenizer = None
    if any(_has_file(model, each, token) for each in ("tokenizer_config.json", "tokenizer.json")):
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, token=token)

    def small(folder: Path) -> None:
        made.config.architectures = [type(made).__name__]
        made.config.save_pretrained(folder)
        if made.can_generate():
            made.generation_config.save_pretrained(folder)
        if tokenizer is not None:
            tokenizer.save_pretrained(folder)

    return Loaded({"model": made.eval()}, small, "config.json")


def _pipeline(model: str, precision: str, token: str | None) -> Loaded:
    import torch

    diffusers = _package("diffusers", "--model-type diffusers")
    dtype = torch.float32 if precision == "auto" else getattr(torch, precision)
    made = diffusers.DiffusionPipeline.from_pretrained(model, torch_dtype=dtype, token=token)
    parts = {name: part for name, part in made.components.items() if part is not None}
    modules = {name: part.eval() for name, part in parts.items() if isinstance(part, torch.nn.Module)}
    if not modules:
        raise FormatError(f"{model}: a pipeline without modules: there is nothing to write")

    def small(folder: Path) -> None:
        made.save_config(folder)
        for name, part in parts.items():
            if name not in modules:
                part.save_pretrained(folder / name)
            elif hasattr(part, "save_config"):  # of diffusers' own
                part.save_config(folder / name)
            else:
                part.config.architectures = [type(part).__name__]
                part.config.save_pretrained(folder / name)

    return Loaded(modules, small, "model_index.json")


def _has_file(model: str, name: str, token: str | None) -> bool:
    _package("transformers", "serialize")
    return bool(importlib.import_module("transformers.utils.hub").has_file(model, name, token=token))


def _package(name: str, wanted_by: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise UsageError(f"{wanted_by} needs the package {name}: pip install {name}") from None


def _is_unreachable(error: BaseException | None) -> bool:
    """Whether the Hub didn't answer: huggingface_hub then says that the cache has nothing, because of the network; but
    for those two causes, where it wasn't to ask (HF_HUB_OFFLINE) or did get an answer."""
    while error is not None:
        if type(error).__name__ == "LocalEntryNotFoundError" and error.__cause__ is not None:
            return type(error.__cause__).__name__ not in ("OfflineModeIsEnabled", "FileMetadataError")
        error = error.__cause__
    return False


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
