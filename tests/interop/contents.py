"""What the tests have pip write."""

import torch
from our_writer import NUMPY_CODES
from pip_reference import filled, storable_dtypes

MIB = 2**20


class Network(torch.nn.Module):
    """Parameters and buffers at the root, a buffer that does not persist, a tied weight."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(filled(torch.float32, 33, 7))
        self.register_buffer("steps", filled(torch.int64))
        self.register_buffer("cache", filled(torch.float16, 5), persistent=False)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(8, 16) for _ in range(3))
        self.norm = torch.nn.BatchNorm1d(16)
        self.head = torch.nn.Linear(8, 16, bias=False)
        self.head.weight = self.layers[0].weight


def dtypes(*shape):
    return {str(dtype): filled(dtype, *shape) for dtype in storable_dtypes()}


def sized(sizes):
    return {f"t{size}": filled(torch.uint8, size) for size in sizes}


def empty():
    first, last = filled(torch.float32, 0), filled(torch.bool, 2, 0)
    return {"first": first, "middle": filled(torch.int8, 3), "last": last}


def strided():
    base = filled(torch.float32, 20, 30)
    return {
        "transposed": base.T,
        "stepped": base[::3, 1::2],
        "expanded": base[:, :1].expand(20, 50),
        "offset": base.flatten()[7:],
        "shared": base,
        "permuted": filled(torch.bfloat16, 4, 5, 6).permute(2, 0, 1),
    }


def nested():
    layers = [{"weight": filled(torch.float32, 9, seed=i)} for i in range(12)]
    pair = (torch.ones(1), torch.ones(2))
    return {"model": {"layers": layers, "pair": pair}, "head": torch.ones(3)}


def strange_names():
    names = ["new\nline", "return\r", "back\\slash", "\\n", "é漢😀", " ", "tab\t", "-", ".", "0"]
    names += ['quo"te', "\x1b[31mred", "nul\0", "x" * 5000]
    flat = {name: filled(torch.uint8, 10, seed=i) for i, name in enumerate(names)}
    return {**flat, "deep": {name: torch.ones(1) for name in names}}


def meta():
    return {
        "float": torch.empty(100, 70, device="meta"),
        "real": filled(torch.bfloat16, 100),
        "half": torch.empty(3, dtype=torch.float16, device="meta"),
        "none": torch.empty(0, 5, device="meta"),
        "last": filled(torch.int8, 3),
    }


def long():
    long = torch.empty(0, 2**32 + 8)
    return {"before": torch.ones(3), "long": long, "after": filled(torch.int16, 3, 3)}


def many():
    """Names short enough for pip's region of 256 KiB."""
    return {f"layer.{i}.weight": filled(torch.float32, 1 + i % 700, seed=i) for i in range(3000)}


# For each file, what goes into it: modules and state dicts, each written by a call of its own.
PLAIN = {
    "one": lambda: [{"w": torch.tensor([1.0, 2.0])}],
    "dtypes": lambda: [dtypes(7, 5)],
    "scalars": lambda: [dtypes()],
    "empty": lambda: [empty()],
    "nothing but empty": lambda: [{"x": filled(torch.float32, 0)}],
    "64 dimensions": lambda: [{"x": filled(torch.int16, *[1] * 31, 2, *[1] * 31, 3)}],
    "strided": lambda: [strided()],
    "module": lambda: [Network()],
    "state dict": lambda: [Network().state_dict()],
    "nested": lambda: [nested()],
    "list": lambda: [[filled(torch.float32, n) for n in range(1, 13)]],
    "strange names": lambda: [strange_names()],
    "several writes": lambda: [sized([99]), Network(), {"b": {"c": torch.ones(3)}}],
    "meta": lambda: [meta()],
    "long": lambda: [long()],
    "3,000 tensors": lambda: [many()],
    "around blocks": lambda: [sized(4096 * k + n for k in (1, 2, 1024) for n in range(-2, 3))],
}
ENCRYPTED = {
    "dtypes": lambda: [dtypes(7, 5)],
    "scalars": lambda: [dtypes()],
    "module": lambda: [Network()],
    "nested": lambda: [nested()],
    "meta": lambda: [meta()],
    "around pieces": lambda: [
        sized([1, 63, 64, 65, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 4 * MIB, 5 * MIB + 6])
    ],
}


def random_contents(lot):
    """A state dict of random shapes, dtypes and nesting that pip can write and read."""
    dtypes = storable_dtypes()

    def tensor():
        dtype = lot.choice(dtypes)
        opaque = str(dtype).removeprefix("torch.") not in NUMPY_CODES
        smallest = 1 if opaque else 0  # pip can't read empty ones
        shape = [lot.randrange(smallest, 9) for _ in range(lot.randrange(5))]
        made = filled(dtype, *shape, seed=lot.random())
        if not opaque and shape and lot.random() < 0.1:
            return torch.empty_like(made, device="meta")
        # torch can't copy all the others
        return made.T if not opaque and len(shape) == 2 and lot.random() < 0.3 else made

    def level(depth):
        keys = [lot.choice("aé\n\"\\.") * lot.randrange(1, 4) + str(i) for i in range(8)]
        made = {}
        for key in keys[: lot.randrange(1, 9)]:
            deeper = depth < 3 and lot.random() < 0.2
            made[key] = level(depth + 1) if deeper else tensor()
        return list(made.values()) if depth and lot.random() < 0.3 else made

    return level(0)
