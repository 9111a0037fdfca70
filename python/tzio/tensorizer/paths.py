"""Names of tensors as paths: keys of nested dicts and positions in nested lists."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Union

Path = tuple[Union[str, int], ...]
#: What filters get: the text for a key of the outermost dict, else the whole path.
FilterFuncType = Callable[[Union[str, Sequence[Union[str, int]]]], Any]


def shown(path: Path) -> str | Path:
    """A path as callers see it."""
    return path[0] if len(path) == 1 and isinstance(path[0], str) else path


def path_of(name: Any) -> Path:
    """The reverse of shown()."""
    return tuple(name) if isinstance(name, (tuple, list)) else (name,)


def flatten(structure: Any, leaf: type) -> Iterator[tuple[Path, Any]]:
    """Leaves in the order in which they come. TypeError for what is neither dict, list nor leaf, and for keys that are
    not strings."""
    open_levels: list[tuple[Path, Iterator[tuple[Any, Any]]]] = [((), _children(structure))]
    while open_levels:
        prefix, children = open_levels[-1]
        for key, value in children:
            path = (*prefix, key)
            if isinstance(value, leaf):
                yield path, value
            else:
                open_levels.append((path, _children(value)))
                break
        else:
            open_levels.pop()


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"keys of a state dict are strings, not {type(key).__name__!r}")
        return iter(value.items())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return iter(enumerate(value))
    raise TypeError(f"a state dict can't hold a {type(value).__name__!r}: only tensors, and dicts and lists of them")


def nested(leaves: Mapping[Path, Any]) -> dict[Any, Any]:
    """Dicts in dicts, lists as dicts with positions for keys. The engine has checked that paths don't conflict."""
    base: dict[Any, Any] = {}
    for path, leaf in leaves.items():
        level = base
        for key in path[:-1]:
            level = level.setdefault(key, {})
        level[path[-1]] = leaf
    return base


def as_tree(level: Any) -> Any:
    """What nested() gave, with lists where lists were."""
    if not isinstance(level, dict):
        return level
    keys = list(level)
    if keys and isinstance(keys[0], int):
        return [as_tree(level[key]) for key in sorted(keys)]
    return {key: as_tree(value) for key, value in level.items()}


def as_proxies(level: Any) -> Any:
    """What nested() gave, read-only."""
    if not isinstance(level, dict):
        return level
    return types.MappingProxyType({key: as_proxies(value) for key, value in level.items()})
