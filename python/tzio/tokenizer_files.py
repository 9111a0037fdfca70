"""Tokenizers from anywhere, also from where files can't be listed. A part of `tzio.transformers`."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import transformers

from . import _core
from .config import effective
from .engine import engine_of
from .errors import DeniedError, NotFoundError
from .model_places import model_places
from .request import Uri

#: Of one file; the largest on the Hub have some 30 MB.
TOKENIZER_BYTES_MAX = 256 << 20

#: What tokenizers of transformers may have beside config.json, which says whose it is.
_names = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)


def tokenizer_from_pretrained(uri: Uri, **config: Any) -> Any:
    """The tokenizer beside a model that `from_pretrained` would take: a path, URL, s3:// or hf:// address.

    From a server its files are copied to memory, then to a temporary folder, each at most 256 MiB; names that are not
    there are skipped. `config`: names of `tzio.Config`. Raises `tzio.Error`, NotFoundError where there is no tokenizer.
    """
    settings = effective(None, config)
    folder, _ = model_places(uri)
    if "://" not in folder:
        if not any(os.path.isfile(os.path.join(folder, name)) for name in _names):
            raise NotFoundError(f"{folder}: no tokenizer; that is tokenizer.json, or another of {len(_names)} names")
        return transformers.AutoTokenizer.from_pretrained(folder)
    found = 0
    with tempfile.TemporaryDirectory(prefix="tzio-tokenizer-") as copy:
        for name in ("config.json", *_names):
            # Buckets that may not be listed deny what they haven't got.
            with contextlib.suppress(NotFoundError, DeniedError):
                content = engine_of(settings).read(
                    [f"{folder}/{name}"], settings.load_keywords(), _core.Stop(), TOKENIZER_BYTES_MAX
                )
                Path(copy, name).write_bytes(content)
                found += name != "config.json"
        if not found:
            raise NotFoundError(f"{folder}: no tokenizer; that is tokenizer.json, or another of {len(_names)} names")
        return transformers.AutoTokenizer.from_pretrained(copy)
