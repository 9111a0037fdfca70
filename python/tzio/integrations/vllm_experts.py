"""Which weights a process of vLLM has no use for: those of experts that others have (`--enable-ep-weight-filter`).

Which experts are whose, and what their weights are called, is vLLM's to say: it differs between versions and devices.
So its own default loader is asked. Versions that have no such filter have every weight read.
"""

from __future__ import annotations

import logging
import types
from collections.abc import Callable
from typing import Any

_log = logging.getLogger("tzio")


def is_wanted(load_config: Any, model_config: Any) -> Callable[[str], bool] | None:
    """By a weight's name in the files; None where all are wanted. Called while vLLM's configuration is set."""
    try:
        from vllm.model_executor.model_loader.default_loader import DefaultModelLoader
        from vllm.model_executor.model_loader.ep_weight_filter import should_skip_weight

        find = DefaultModelLoader._init_ep_weight_filter
    except (ImportError, AttributeError):
        return None
    asked = types.SimpleNamespace(load_config=load_config, local_expert_ids=None)
    find(asked, model_config)
    experts = asked.local_expert_ids
    if experts is None:
        return None
    _log.info("reading the weights of %d experts, and those that belong to none", len(experts))
    return lambda name: not should_skip_weight(name, experts)
