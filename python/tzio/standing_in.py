"""`install_as`: the package in the place of one that programs import by name."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from .errors import UsageError

#: By the name that programs import.
_packages = {"tensorizer": "tzio.tensorizer"}


def install_as(name: str) -> None:
    """Has `import NAME` and `import NAME.submodule` give our package of that name: install_as("tensorizer").

    Before anything imports the original; afterwards it is a RuntimeError, since both would be in use. May be called
    again.
    """
    if name not in _packages:
        raise UsageError(f"tzio stands in for {', '.join(_packages)}, not for {name!r}")
    ours = importlib.import_module(_packages[name])
    found = sys.modules.get(name)
    if found is ours:
        return
    if found is not None:
        raise RuntimeError(f"{name} is imported already: call install_as({name!r}) before that")
    sys.modules[name] = ours
    for module in pkgutil.iter_modules(ours.__path__):
        sys.modules[f"{name}.{module.name}"] = importlib.import_module(f"{ours.__name__}.{module.name}")
