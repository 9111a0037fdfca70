#!/usr/bin/env python3
"""Loaders to a GPU, timed on a model in a folder of safetensors files or on a .tensors file; and such a model to time.

What a process pays once is not timed: a small load of another file comes first. The model's tensors are on the GPU
and complete when the time ends. Prints one row of a Markdown table for each loader.
"""

import argparse
import gc
import pathlib
import statistics
import sys
import time

import torch

key: bytes | None = None


def make(folder: pathlib.Path, layers: int) -> None:
    """A model of random weights, 0.44 GB a layer and 2.1 GB beside them, in bfloat16."""
    import transformers

    config = transformers.LlamaConfig(
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=layers,
        num_attention_heads=32,
        num_key_value_heads=8,
        vocab_size=128256,
    )
    with torch.device("cuda"):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="4GB")


def files_of(path: pathlib.Path) -> list[str]:
    return sorted(str(file) for file in path.glob("*.safetensors")) if path.is_dir() else [str(path)]


def by_safetensors(folder: pathlib.Path):
    from safetensors.torch import load_file

    return [load_file(file, device="cuda:0") for file in files_of(folder)]


def by_transformers(folder: pathlib.Path):
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, device_map="cuda:0")


def by_fastsafetensors(folder: pathlib.Path):
    from fastsafetensors import SafeTensorsFileLoader

    loader = SafeTensorsFileLoader(None, "cuda:0", nogds=True)
    loader.add_filenames({0: files_of(folder)})
    buffers = loader.copy_files_to_device()
    return loader, buffers, {name: buffers.get_tensor(name) for name in loader.get_keys()}


def by_instanttensor(folder: pathlib.Path):
    from instanttensor import safe_open

    with safe_open(files_of(folder), framework="pt", device=0) as tensors:
        return dict(tensors.tensors())


def by_runai(folder: pathlib.Path):
    """Its tensors are of the host's memory, and good until the next one comes."""
    from runai_model_streamer import SafetensorsStreamer

    with SafetensorsStreamer() as streamer:
        streamer.stream_files(files_of(folder))
        return {name: tensor.to("cuda:0") for name, tensor in streamer.get_tensors()}


def by_tensorizer(file: pathlib.Path):
    from tensorizer import DecryptionParams, TensorDeserializer

    encryption = DecryptionParams.from_key(key) if key else None
    with TensorDeserializer(file, device="cuda:0", encryption=encryption) as tensors:
        return dict(tensors)


def by_tzio(path: pathlib.Path):
    import tzio

    return tzio.load_file(path, device="cuda:0", key=key)


def by_tzio_copied(folder: pathlib.Path):
    """To the host's memory first, and on by PyTorch."""
    import tzio

    return {name: tensor.to("cuda:0") for name, tensor in tzio.load_file(folder).items()}


def by_copies(folder: pathlib.Path):
    """The ceiling: memory that is pinned already, 256 MiB over and over."""
    size = sum(pathlib.Path(file).stat().st_size for file in files_of(folder))
    source = torch.empty(1 << 28, dtype=torch.uint8, pin_memory=True)
    target = torch.empty(size, dtype=torch.uint8, device="cuda:0")
    torch.cuda.synchronize()
    began = time.perf_counter()
    for at in range(0, size, source.numel()):
        part = target[at : at + source.numel()]
        part.copy_(source[: part.numel()], non_blocking=True)
    torch.cuda.synchronize()
    return time.perf_counter() - began


def timed(load, folder: pathlib.Path) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    loaded = load(folder)
    torch.cuda.synchronize()
    seconds = loaded if isinstance(loaded, float) else time.perf_counter() - began
    del loaded
    gc.collect()
    torch.cuda.empty_cache()
    return seconds


def main() -> None:
    global key
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["make", "time"])
    parser.add_argument("path", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--small", type=pathlib.Path, help="a small model, loaded first")
    parser.add_argument("--key-file", type=pathlib.Path, help="with hexadecimal digits")
    parser.add_argument("--loaders", default="copies,safetensors,transformers,fastsafetensors,instanttensor,runai")
    options = parser.parse_args()
    if options.command == "make":
        return make(options.path, options.layers)
    if options.key_file:
        key = bytes.fromhex(options.key_file.read_text())
    gigabytes = sum(pathlib.Path(file).stat().st_size for file in files_of(options.path)) / 1e9
    for name in options.loaders.split(","):
        load = globals()["by_" + name]
        try:
            if options.small:
                timed(load, options.small)
            seconds = [timed(load, options.path) for _ in range(options.runs)]
        except Exception as error:  # one loader that fails is no reason to lose the others
            print(f"| {name} | failed: {type(error).__name__} |", flush=True)
            print(f"{name}: {error}", file=sys.stderr)
            continue
        rates = sorted(gigabytes / second for second in seconds)
        print(f"| {name} | {statistics.median(rates):.2f} | {rates[0]:.2f} to {rates[-1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
