"""What programs do with tensorizer, done with it and with tzio.tensorizer: values are the same, and so are the kinds of
errors. What differs on purpose has tests of its own."""

import io
import re

import numpy
import pytest
import tensorizer as original
import torch
import tzio.tensorizer as ours
from conftest import Small, nested, write

opaque = {
    "bf": torch.ones(2, dtype=torch.bfloat16),
    "f8": torch.ones(3).to(torch.float8_e4m3fn),
    "c": torch.ones(2, dtype=torch.complex64),
    "i": torch.arange(3),
}
KEY = bytes(range(32))


class Files:
    """Of one package: written when they are first wanted."""

    def __init__(self, package, folder) -> None:
        self.package = package
        self.folder = folder

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def written(self, value, name: str = "file", **keywords) -> str:
        write(self.package, self.path(name), value, **keywords)
        return self.path(name)

    def read(self, value, **keywords):
        return self.package.TensorDeserializer(self.written(value), **{"device": "cpu", **keywords})

    def serializer(self, name: str = "file", **keywords):
        return self.package.TensorSerializer(self.path(name), **keywords)

    def __getattr__(self, name: str):
        return getattr(self.package, name)


def plain(value):
    """Comparable, with a tensor's facts."""
    if isinstance(value, torch.Tensor):
        raw = value.detach().contiguous().reshape(-1).view(torch.uint8).tolist()
        return type(value).__name__, str(value.dtype), tuple(value.shape), value.requires_grad, str(value.device), raw
    if isinstance(value, numpy.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def loaded_into(files, value, module, *arguments, **keywords):
    """Parameters or buffers: the original makes parameters of both."""
    deserializer = files.read(value, **keywords)
    count = deserializer.load_into_module(module, *arguments)
    found = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers())}
    return count, {name: found[name].detach() for name in sorted(found)}


def in_turn(*steps):
    """The last one's value."""
    return steps[-1]


def written_again(serializer):
    serializer.write_state_dict({"a": torch.ones(1)})
    serializer.close()
    serializer.write_state_dict({"b": torch.ones(1)})


def without_submodule():
    module = Small()
    del module.norm
    return module


def without_init(files):
    with files.utils.no_init_or_tensor():
        module = Small()
    return [str(each.device) for each in (module.embed.weight, module.scale, module.norm.weight, module.table)]


SAME = {
    # a mapping
    "keys": lambda f: list(f.read(Small()).keys()),
    "items": lambda f: list(f.read(Small(2.0).embed).items()),
    "values of a state dict": lambda f: list(f.read(opaque).values()),
    "get": lambda f: [f.read(opaque).get("none"), f.read(opaque).get("none", 3), f.read(opaque).get("i")],
    "a missing name": lambda f: f.read(opaque)["none"],
    "in, lazily": lambda f: [name in f.read(Small(), lazy_load=True) for name in (".scale", "scale", "norm.weight")],
    "a name that can't be hashed": lambda f: [] in f.read(opaque),
    "length and truth": lambda f: [len(f.read(opaque)), bool(f.read(opaque))],
    "order": lambda f: list(f.read({"z": torch.ones(1), "a": torch.ones(1)})),
    "bytes": lambda f: f.read(Small()).total_tensor_bytes,
    "bytes after close": lambda f: in_turn(d := f.read(Small()), d.close(), d.close(), d.total_tensor_bytes),
    "tensors after close": lambda f: in_turn(d := f.read(opaque), d.close(), d["i"]),
    "a with": lambda f: f.read(opaque).__enter__()["i"],
    "status of a cache": lambda f: f.read(opaque).cache_status,
    "a state dict for a module": lambda f: str(Small().load_state_dict(f.read(Small().state_dict()))),
    # nested
    "tree": lambda f: f.read(nested).tree(),
    "a part of a tree": lambda f: f.read(nested).tree(["model", "layers", 1]),
    "a leaf of a tree": lambda f: f.read(nested).tree(("model", "layers", 1, "w")),
    "no part of a tree": lambda f: f.read(nested).tree(("none",), default=4),
    "a prefix that is a text": lambda f: f.read(nested).tree("model"),
    "a filtered tree": lambda f: f.read(nested).tree(filter_func=lambda name: name == ("model", "layers", 1, "w")),
    "levels are proxies": lambda f: [type(f.read(nested)["model"]).__name__, list(f.read(nested)["model"]["layers"])],
    "a list": lambda f: [list(f.read([torch.ones(1), torch.zeros(2)])), f.read([torch.ones(1), torch.zeros(2)])[1]],
    "what a filter sees": lambda f: in_turn(
        seen := [], f.read(nested, filter_func=lambda name: seen.append(name) or True), seen
    ),
    # one after another
    "read_tensors": lambda f: list(f.read(Small(), lazy_load=True).read_tensors()),
    "read_tensors in parts": lambda f: in_turn(
        d := f.read(Small(), lazy_load=True),
        [
            [name for _, _, name, _ in d.read_tensors(num_tensors=2)],
            [name for _, _, name, _ in d.read_tensors(lambda name: "norm" in name, 1)],
            [name for _, _, name, _ in d.read_tensors()],
        ],
    ),
    "read_tensors of none": lambda f: list(f.read(opaque, lazy_load=True).read_tensors(num_tensors=0)),
    "read_tensors of fewer": lambda f: list(f.read(opaque, lazy_load=True).read_tensors(num_tensors=-2)),
    "arrays": lambda f: list(f.read(Small(), lazy_load=True).read_numpy_arrays()),
    "arrays of raw data": lambda f: list(f.read(opaque, lazy_load=True).read_numpy_arrays(allow_raw_data=True)),
    "arrays that are not there": lambda f: list(f.read(opaque, lazy_load=True).read_numpy_arrays()),
    # modules
    "load_into_module": lambda f: loaded_into(f, Small(2.0), Small()),
    "load_into_module, lazily": lambda f: loaded_into(f, Small(2.0), Small(), lazy_load=True),
    "load_into_module twice": lambda f: in_turn(
        d := f.read(Small(2.0)), d.load_into_module(Small()), d.load_into_module(Small())
    ),
    "load_into_module of some": lambda f: loaded_into(f, Small(2.0), Small(), lambda name: name.startswith("norm.")),
    "load_into_module of a filter": lambda f: loaded_into(
        f, Small(2.0), Small(), filter_func=lambda name: name.startswith("norm.")
    ),
    "load_into_module of another shape": lambda f: loaded_into(f, torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(5)),
    "load_into_module of a smaller one": lambda f: loaded_into(f, Small(), without_submodule()),
    "load_into_module of a state dict": lambda f: loaded_into(f, opaque, Small()),
    "load_into_module of a type": lambda f: loaded_into(f, Small(2.0), Small(), dtype=torch.float16),
    # reading
    "a type": lambda f: dict(f.read({**opaque, "t": torch.tensor([True])}, dtype=torch.float16)),
    "plaid_mode": lambda f: len(f.read(opaque, plaid_mode=True, plaid_mode_buffers=4)),
    "readers": lambda f: [len(f.read(opaque, num_readers=count, verify_hash=True)) for count in (1, 3, 50)],
    "no readers": lambda f: f.read(opaque, num_readers=0),
    "readers of a text": lambda f: f.read(opaque, num_readers="2"),
    "the device of none": lambda f: f.read(opaque, device=None)["i"],
    "a device": lambda f: f.read(opaque, device=torch.device("cpu"))["i"],
    "a device that isn't": lambda f: f.read(opaque, device="nonsense"),
    "another class for keys": lambda f: f.read(opaque, encryption=b"x"),
    "a key for what is open": lambda f: f.read(opaque, encryption=f.DecryptionParams.from_key(KEY)),
    "no file": lambda f: f.TensorDeserializer(f.path("none"), device="cpu"),
    "a folder": lambda f: f.TensorDeserializer(f.path(""), device="cpu"),
    "a text file": lambda f: f.TensorDeserializer(open(f.written(opaque)), device="cpu"),
    "a file for writing": lambda f: f.TensorDeserializer(open(f.path("new"), "wb"), device="cpu"),
    "a closed file": lambda f: in_turn(x := open(f.written(opaque), "rb"), x.close(), f.TensorDeserializer(x)),
    "other bytes": lambda f: f.TensorDeserializer(io.BytesIO(b"12345" * 99), device="cpu"),
    "an empty index": lambda f: in_turn(f.serializer().close(), f.TensorDeserializer(f.path("file"), device="cpu")),
    "a file object is closed": lambda f: in_turn(
        x := open(f.written(opaque), "rb"), f.TensorDeserializer(x, device="cpu"), x.closed
    ),
    "a lazy file object is open": lambda f: in_turn(
        x := open(f.written(opaque), "rb"),
        d := f.TensorDeserializer(x, lazy_load=True),
        [x.closed, d.close(), x.closed],
    ),
    # writing
    "bytes written": lambda f: in_turn(s := f.serializer(), s.write_module(Small()), s.close(), s.total_tensor_bytes),
    "other values": lambda f: f.read({"a": 3}),
    "keys that are no texts": lambda f: f.read({1: torch.ones(1)}),
    "nothing": lambda f: f.read({}),
    "empty levels": lambda f: f.read({"a": {}, "b": []}),
    "a tensor alone": lambda f: f.read(torch.ones(1)),
    "an array in a state dict": lambda f: f.read({"a": numpy.ones(1)}),
    "names twice": lambda f: in_turn(s := f.serializer(), s.write_module(Small()), s.write_module(Small())),
    "a name that is no text": lambda f: f.serializer().write_tensor(0, 5, f.TensorType.PARAM, torch.ones(1)),
    "what is no tensor": lambda f: f.serializer().write_tensor(0, "a", f.TensorType.PARAM, [1]),
    "what is no module": lambda f: f.serializer().write_module({"a": torch.ones(1)}),
    "a write after the end": lambda f: written_again(f.serializer()),
    "removed tensors": lambda f: in_turn(
        m := Small(), f.serializer().write_module(m, True), [m.scale, m.table, m.head.weight, m.norm.running_mean]
    ),
    "modules and tensors": lambda f: in_turn(
        s := f.serializer(),
        s.write_module(Small()),
        s.write_tensor(0, "more", f.TensorType.STATE_DICT, torch.ones(1)),
        s.close(),
        list(f.TensorDeserializer(f.path("file"), device="cpu")),
    ),
    "buffers that are not persistent": lambda f: in_turn(
        s := f.serializer(),
        s.write_module(torch.nn.Sequential(Small()), include_non_persistent_buffers=False),
        s.close(),
        list(f.TensorDeserializer(f.path("file"), device="cpu")),
    ),
    "the class of a key": lambda f: f.written(opaque, encryption=b"x"),
    "a limit of nothing": lambda f: f.written(opaque, limit_cpu_concurrency=0),
    "a limit that is a text": lambda f: f.written(opaque, limit_cpu_concurrency="2"),
    "a limit": lambda f: len(f.TensorDeserializer(f.written(opaque, limit_cpu_concurrency=2), device="cpu")),
    # encryption
    "an encrypted file": lambda f: dict(
        f.TensorDeserializer(
            f.written(opaque, encryption=f.EncryptionParams(KEY)),
            device="cpu",
            encryption=f.DecryptionParams.from_key(KEY),
            verify_hash=True,
        )
    ),
    "an encrypted file without a key": lambda f: f.TensorDeserializer(
        f.written(opaque, encryption=f.EncryptionParams(KEY)), device="cpu"
    ),
    "an encrypted file with another key": lambda f: f.TensorDeserializer(
        f.written(opaque, encryption=f.EncryptionParams(KEY)),
        device="cpu",
        encryption=f.DecryptionParams.from_key(KEY[::-1]),
    ),
    "a password for a file with a key": lambda f: f.TensorDeserializer(
        f.written(opaque, encryption=f.EncryptionParams(KEY)),
        device="cpu",
        encryption=f.DecryptionParams.from_string("x"),
    ),
    "neither key nor password": lambda f: f.read(opaque, encryption=f.DecryptionParams()),
    "a key by its name": lambda f: f.EncryptionParams(key=KEY).key,
    "a short key": lambda f: f.EncryptionParams(KEY[1:]),
    "a key that is a text": lambda f: f.EncryptionParams("x" * 32),
    "an empty password": lambda f: f.EncryptionParams.from_string(""),
    "a password of a number": lambda f: f.EncryptionParams.from_string(5),
    "the limits": lambda f: [
        [(each.name, int(each)) for each in kind] for kind in (f.EncryptionParams.OpsLimit, f.EncryptionParams.MemLimit)
    ],
    "a limit of the wrong kind": lambda f: f.EncryptionParams.from_string("x", f.EncryptionParams.MemLimit.MIN),
    "a key of a password": lambda f: f.EncryptionParams.from_string("é", 1, 8192, b"1" * 16, encoding="latin1").key,
    "a short salt": lambda f: f.EncryptionParams.from_string("x", salt=b"1"),
    "the salt of a random key": lambda f: f.EncryptionParams.random().salt,
    "what a password is kept as": lambda f: f.DecryptionParams.from_string("é").source,
    "no password": lambda f: f.DecryptionParams.from_string(""),
    "a number for a password": lambda f: f.DecryptionParams.from_string(5),
    "what a key is kept as": lambda f: f.DecryptionParams.from_key(KEY).key,
    "a short key for reading": lambda f: f.DecryptionParams.from_key(b"x"),
    # the rest
    "kinds of tensors": lambda f: [(each.name, int(each)) for each in f.TensorType],
    "memory as a text": lambda f: re.sub(r"[\d,]+", "N", f.utils.get_mem_usage()),
    "memory": lambda f: [f.utils.MemoryUsage._fields, f.utils.CPUMemoryUsage._fields, f.utils.MemoryUsage.now()[1:]],
    "memory of GPUs": lambda f: [f.utils.GlobalGPUMemoryUsage._fields, f.utils.TorchGPUMemoryUsage._fields],
    "the device": lambda f: [str(f.utils.get_device()), f.utils.get_gpu_name()],
    "modules without memory": without_init,
    "a module without memory": lambda f: str(f.utils.no_init_or_tensor(lambda: Small()).embed.weight.device),
    "no function": lambda f: f.utils.no_init_or_tensor(5),
    "tensors without memory": lambda f: f.utils.no_init_or_tensor(
        lambda: [str(each.device) for each in (torch.empty(2, device="cpu"), torch.zeros(1))]
    ),
    "a decorator without memory": lambda f: f.utils.no_init_or_tensor()(lambda: str(torch.empty(1).device))(),
    "a stream of a file": lambda f: f.stream_io.open_stream(f.written({"a": torch.ones(1)})).read(5),
    "a stream without a buffer": lambda f: f.stream_io.open_stream(f.written(opaque), buffer_size=0).read(5),
    "a stream of no file": lambda f: f.stream_io.open_stream(f.path("none")),
    "a stream of text": lambda f: f.stream_io.open_stream(f.written(opaque), "r"),
    "a stream to http": lambda f: f.stream_io.open_stream("http://127.0.0.1:1/x", "wb"),
    "a stream of no server": lambda f: f.stream_io.open_stream("http://127.0.0.1:1/x"),
    "a stream to redis": lambda f: f.stream_io.open_stream("redis://127.0.0.1:1/x", "wb"),
    "a stream to and from s3": lambda f: f.stream_io.open_stream("s3://bucket/key", "rb+"),
}


@pytest.mark.parametrize("what", SAME)
@pytest.mark.filterwarnings("ignore")
def test_it_is_as_with_the_original(tmp_path, what):
    outcomes = []
    for package in (original, ours):
        folder = tmp_path / package.__name__
        folder.mkdir()
        try:
            outcomes.append(plain(SAME[what](Files(package, folder))))
        except Exception as error:
            outcomes.append(error)
    theirs, found = outcomes
    if isinstance(theirs, Exception):
        kinds = {kind.__name__ for kind in type(theirs).__mro__}
        assert isinstance(found, Exception), found
        assert kinds <= {kind.__name__ for kind in type(found).__mro__}, (theirs, found)
    else:
        assert not isinstance(found, Exception), found
        assert found == theirs
