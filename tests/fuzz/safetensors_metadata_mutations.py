"""Changes to what a safetensors file says of itself, and to how deep it is nested."""

from __future__ import annotations

from given import given
from safetensors_file import Object, Raw, SafetensorsFile
from safetensors_mutation import mutation, one
from verdicts import LOADS, refused


@mutation
def metadata(file, lots):
    values = [None, Object([]), Object([["a", ""], ["", "b"]]), Object([["a", '\n"\\é\U0001f600'], ["A", "x" * 5000]])]
    put_metadata(file, lots.choice(values))
    return LOADS


@mutation
def metadata_of_another_kind(file, lots):
    wrong = [1, 1.5, None, True, [], ["a"], Object([]), Object([["a", "b"]])]
    values = [1, "x", [], True, [["a", "b"]], *(Object([["a", one]]) for one in wrong)]
    put_metadata(file, lots.choice(values))
    return refused("format")


@mutation
def metadata_twice(file, lots):
    put_metadata(file, Object([["a", "b"]]))
    if lots.randrange(2):
        file.header.members.append(["__metadata__", Object([["c", "d"]])])
    else:
        file.header.members[0][1] = Object([["a", "b"], ["a", "c"]])
    return refused("format")


@mutation
@given(one)
def nested_deep(file, tensor, lots):
    depth = lots.choice([10, 100, 119, 200, 5000])
    tensor.members.append(["x", Raw(b"[" * depth + b"]" * depth)])
    return LOADS if depth < 120 else refused("format")


def put_metadata(file: SafetensorsFile, value) -> None:
    file.header.members = [["__metadata__", value], *(m for m in file.header.members if m[0] != "__metadata__")]
