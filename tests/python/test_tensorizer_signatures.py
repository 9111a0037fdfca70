"""Every public callable of tensorizer can be called in the same way here."""

import importlib
import inspect

import pytest
import tensorizer as original
import tzio.tensorizer as ours

MODULES = ("serialization", "stream_io", "utils", "torch_compat", "_syscalls")

#: What is not here, as docs/tensorizer.md says: parts of the original's parser, and a type for annotations.
LEFT_OUT = {"prefault", "Model"}
#: Parts of the parser, of which only names are here.
OPAQUE = {"TensorEntry"}
#: Amazon's endpoint instead of CoreWeave's.
OTHER_DEFAULTS = {"s3_endpoint"}


def public(module: str) -> dict[str, object]:
    found = importlib.import_module(f"{original.__name__}.{module}")
    return {
        name: value
        for name, value in vars(found).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == found.__name__ and callable(value)
    }


def callables() -> list[tuple[str, object]]:
    """(MODULE.NAME or MODULE.CLASS.METHOD, the original's)"""
    found = []
    for module in MODULES:
        for name, value in public(module).items():
            if name in LEFT_OUT | OPAQUE:
                continue
            found.append((f"{module}.{name}", value))
            for method, function in vars(value).items() if inspect.isclass(value) else ():
                if callable(getattr(value, method)) and not method.startswith("_"):
                    found.append((f"{module}.{name}.{method}", getattr(value, method)))
    return found


def here(path: str) -> object:
    module, *names = path.split(".")
    found = importlib.import_module(f"{ours.__name__}.{module}")
    for name in names:
        found = getattr(found, name)
    return found


def parameters(path: str, function: object) -> list[inspect.Parameter]:
    """Without `self`, which nobody gives by its name."""
    found = list(inspect.signature(function).parameters.values())
    return found[1:] if found and found[0].name == "self" else found


EVERY = callables()


def test_there_is_something_to_compare():
    assert len(EVERY) > 60
    assert {"serialization.TensorSerializer.write_module", "stream_io.open_stream"} < {path for path, _ in EVERY}


@pytest.mark.parametrize(("path", "theirs"), EVERY, ids=[path for path, _ in EVERY])
def test_it_is_called_as_the_original(path, theirs):
    if inspect.isclass(theirs) and issubclass(theirs, Exception):
        assert issubclass(here(path), Exception)
        return
    wanted, found = parameters(path, theirs), parameters(path, here(path))
    for theirs_is, ours_is in zip(wanted, found):
        assert ours_is.name == theirs_is.name
        more = ours_is.kind is theirs_is.POSITIONAL_OR_KEYWORD and theirs_is.kind is theirs_is.POSITIONAL_ONLY
        assert more or ours_is.kind is theirs_is.kind
        if theirs_is.name not in OTHER_DEFAULTS:
            assert repr(ours_is.default) == repr(theirs_is.default), theirs_is.name
    assert len(found) >= len(wanted)
    for more in found[len(wanted) :]:
        assert more.kind is inspect.Parameter.KEYWORD_ONLY and more.default is not inspect.Parameter.empty, more


@pytest.mark.parametrize("module", ["", *MODULES[:-1]])
def test_names_that_are_exported_are_there(module):
    theirs = importlib.import_module(f"{original.__name__}.{module}".rstrip("."))
    found = importlib.import_module(f"{ours.__name__}.{module}".rstrip("."))
    exported = set(theirs.__all__) - {"protobuf", "tensors_pb2"}  # docs/tensorizer.md
    assert exported <= set(found.__all__)
    assert all(hasattr(found, name) for name in found.__all__)


@pytest.mark.parametrize("name", ["TensorSerializer", "TensorDeserializer", "EncryptionParams", "DecryptionParams"])
def test_attributes_of_classes_are_there(name):
    theirs, found = getattr(original, name), getattr(ours, name)
    for attribute in vars(theirs):
        if not attribute.startswith("_") and (name, attribute) != ("TensorSerializer", "total_tensor_bytes"):
            assert hasattr(found, attribute), attribute  # that one is set by the constructor
