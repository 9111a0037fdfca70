"""Refuses to be imported where the engine can't be: in a second interpreter of a process."""

import importlib

for _name in ("_interpreters", "_xxsubinterpreters"):  # since 3.13, and before
    try:
        _interpreters = importlib.import_module(_name)
    except ImportError:
        continue
    if _interpreters.get_current() != _interpreters.get_main():
        raise ImportError("tzio works in a process's main interpreter alone: use threads, or other processes")
    break
