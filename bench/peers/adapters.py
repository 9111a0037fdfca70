"""Other loaders, each with a few lines of its own.

An adapter is a function that imports what it needs, which isn't timed, and returns the load, which is.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import formats

Load = Callable[[], dict]


@dataclass(frozen=True)
class Adapter:
    name: str
    module: str  # that is imported
    package: str  # that has the version
    reads: str  # one of formats.FORMATS
    prepare: Callable[[argparse.Namespace], Load]
    cache: str | None = None  # the one kind of load it is compared in: "warm", "cold", or both
    secret: str | None = None  # "key" or "password": it reads files encrypted so, and no others
    cuda: bool = False


ADAPTERS: dict[str, Adapter] = {}


def adapter(name: str, module: str, reads: str, package: str | None = None, **more):
    def register(prepare: Callable[[argparse.Namespace], Load]):
        ADAPTERS[name] = Adapter(name, module, package or module.partition(".")[0], reads, prepare, **more)
        return prepare

    return register


@adapter("safetensors-mmap", "safetensors.torch", "safetensors")
def safetensors_mmap(options):
    import peer
    from safetensors.torch import load_file

    return lambda: peer.touched(load_file(options.file))


@adapter("safetensors-pread", "safetensors.torch", "safetensors")
def safetensors_pread(options):
    from safetensors.torch import load_file

    return lambda: load_file(options.file, backend="pread")


@adapter("safetensors-clone", "safetensors.torch", "safetensors")
def safetensors_clone(options):
    from safetensors import safe_open

    def load():
        with safe_open(options.file, framework="pt", device="cpu") as tensors:
            return {name: tensors.get_tensor(name).clone() for name in tensors.keys()}

    return load


@adapter("transformers", "transformers", "transformers")
def from_pretrained(options):
    import peer
    import transformers

    transformers.logging.disable_progress_bar()
    config = transformers.AutoConfig.from_pretrained(options.file)
    model_class = getattr(transformers, config.architectures[0])
    names = formats.safetensors_names(Path(options.file) / "model.safetensors")

    def load():
        state = model_class.from_pretrained(options.file, dtype="auto").state_dict()
        return peer.touched({name: state[name] for name in names})

    return load


def tensorizer_load(options, decryption=None, verify_hash=False):
    from tensorizer import TensorDeserializer

    def load():
        source = formats.tensorizer_source(options.file)
        secret = decryption() if decryption else None  # deriving a key from a password is part of loading
        keywords = {"num_readers": options.num_readers, "verify_hash": verify_hash, "encryption": secret}
        with TensorDeserializer(source, device="cpu", **keywords) as reader:
            return dict(reader.items())

    return load


@adapter("tensorizer", "tensorizer", "tensors")
def tensorizer_plain(options):
    return tensorizer_load(options)


@adapter("tensorizer-verified", "tensorizer", "tensors")
def tensorizer_verified(options):
    return tensorizer_load(options, verify_hash=True)


@adapter("tensorizer-key", "tensorizer", "tensors", secret="key")
def tensorizer_key(options):
    from tensorizer import DecryptionParams

    key = formats.read_key(options.key_file)
    return tensorizer_load(options, lambda: DecryptionParams.from_key(key))


@adapter("tensorizer-password", "tensorizer", "tensors", secret="password")
def tensorizer_password(options):
    from tensorizer import DecryptionParams

    password = formats.read_password(options.password_file)
    return tensorizer_load(options, lambda: DecryptionParams.from_string(password))


# Its settings are environment variables RUNAI_STREAMER_*, for s3:// those of the AWS SDK too.
@adapter("runai", "runai_model_streamer", "safetensors", package="runai-model-streamer")
def runai(options):
    from runai_model_streamer import SafetensorsStreamer

    def load():
        with SafetensorsStreamer() as streamer:
            streamer.stream_files([options.file], device="cpu")
            return dict(streamer.get_tensors())

    return load


# Its tensors are views of one buffer, which they keep alive.
@adapter("fastsafetensors", "fastsafetensors", "safetensors", cache="cold")
def fastsafetensors(options):
    from fastsafetensors import SafeTensorsFileLoader

    def load():
        loader = SafeTensorsFileLoader(None, "cpu", nogds=True)
        try:
            loader.add_filenames({0: [options.file]})
            buffers = loader.copy_files_to_device()
            return {name: buffers.get_tensor(name) for name in loader.get_keys()}
        finally:
            loader.close()

    return load


@adapter("fastsafetensors-buffered", "fastsafetensors", "safetensors", cache="warm")
def fastsafetensors_buffered(options):
    os.environ["FASTSAFETENSORS_ODIRECT"] = "0"  # looked at when a load begins
    return fastsafetensors(options)


@adapter("instanttensor", "instanttensor", "safetensors", cuda=True)
def instanttensor(options):
    import torch
    from instanttensor import safe_open

    def load():
        with safe_open([options.file], framework="pt", device=0) as tensors:
            loaded = dict(tensors.tensors())
        torch.cuda.synchronize()
        return loaded

    return load


@adapter("torch-load", "torch", "pt")
def torch_load(options):
    import torch

    return lambda: torch.load(options.file, weights_only=True, mmap=False)


@adapter("torch-load-mmap", "torch", "pt")
def torch_load_mmap(options):
    import peer
    import torch

    return lambda: peer.touched(torch.load(options.file, weights_only=True, mmap=True))


@adapter("torch-dcp", "torch.distributed.checkpoint", "dcp")
def torch_dcp(options):
    import warnings

    import torch
    from torch.distributed import checkpoint

    warnings.filterwarnings("ignore", message="torch.distributed is disabled")  # one process is what is meant

    def load():
        reader = checkpoint.FileSystemReader(options.file)
        state = {
            name: torch.empty(tensor.size, dtype=tensor.properties.dtype)
            for name, tensor in reader.read_metadata().state_dict_metadata.items()
        }
        checkpoint.load(state, storage_reader=reader, no_dist=True)
        return state

    return load


def tzio_load(options, **keywords):
    import tzio

    return lambda: tzio.load_file(options.file, framework="torch", **keywords)


@adapter("tzio", "tzio", "tensors")
def tzio_usual(options):
    return tzio_load(options)


@adapter("tzio-unverified", "tzio", "tensors")
def tzio_unverified(options):
    return tzio_load(options, verify="none")


@adapter("tzio-key", "tzio", "tensors", secret="key")
def tzio_key(options):
    return tzio_load(options, key=formats.read_key(options.key_file))


@adapter("tzio-password", "tzio", "tensors", secret="password")
def tzio_password(options):
    return tzio_load(options, password=formats.read_password(options.password_file))
