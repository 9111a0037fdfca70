#!/usr/bin/env python3
"""Times loads from Python in rounds, all in this process but `tz load`, and prints the result: see bench/python.sh."""

import argparse
import gc
import json
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "peers")]

import memory
import peer
import rounds
import safetensors.torch
import tensorizer
import torch

import tzio
import tzio.tensorizer

many = 100_000
password = "a password"


def timed(size: int, load: Callable[[], dict[str, torch.Tensor]]) -> Callable[[], rounds.Sample]:
    def run() -> rounds.Sample:
        gc.collect()
        memory.touch_and_free(size)
        cpu, began = time.process_time(), time.perf_counter()
        peer.touch(load())
        return rounds.timed(size, time.perf_counter() - began, time.process_time() - cpu)

    return run


def program(size: int, *words: object) -> Callable[[], rounds.Sample]:
    def run() -> rounds.Sample:
        memory.touch_and_free(size)
        done = subprocess.run([*map(str, words), "--json"], check=True, capture_output=True, text=True)
        facts = json.loads(done.stdout)
        return rounds.timed(size, facts["seconds"], facts["cpu_seconds"])

    return run


def module_of(shapes: dict[str, tuple[torch.Size, torch.dtype]]) -> torch.nn.Module:
    """Modules with parameters of these names, without memory."""
    root = torch.nn.Module()
    for name, (shape, dtype) in shapes.items():
        *owners, last = name.split(".")
        module = root
        for owner in owners:
            if owner not in module._modules:
                module.add_module(owner, torch.nn.Module())
            module = module._modules[owner]
        parameter = torch.nn.Parameter(torch.empty(shape, dtype=dtype, device="meta"), requires_grad=False)
        module.register_parameter(last, parameter)
    return root


def into_module(package, path: Path, shapes, decryption=None, **keywords) -> dict[str, torch.Tensor]:
    module = module_of(shapes)
    if decryption:
        keywords["encryption"] = decryption(package.DecryptionParams)
    with package.TensorDeserializer(str(path), device="cpu", **keywords) as deserializer:
        deserializer.load_into_module(module)
    return dict(module.named_parameters())


def write_with_password(path: Path, tensors: Path, shapes) -> None:
    """By tensorizer, which derives a key from the password for each tensor, at its usual cost."""
    module = module_of(shapes)
    with tensorizer.TensorDeserializer(str(tensors), device="cpu") as deserializer:
        deserializer.load_into_module(module)
    encryption = tensorizer.EncryptionParams.from_string(password)
    serializer = tensorizer.TensorSerializer(str(path), encryption=encryption)
    serializer.write_module(module)
    serializer.close()


def cases(folder: Path, tz: Path, size: int) -> list[rounds.Case]:
    tensors, plain = folder / "a.tensors", folder / "a.safetensors"
    key = bytes.fromhex((folder / "key").read_text())
    shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in tzio.load_file(tensors, memory="mapped").items()}
    write_with_password(folder / "password.tensors", tensors, shapes)
    made = []

    def add(name: str, load: Callable[[], dict[str, torch.Tensor]], beside: str = "", target: str = "") -> None:
        made.append(rounds.Case(name, timed(size, load), beside, target))

    for verify in ("none", "sha256"):
        made.append(rounds.Case(f"tz load, {verify}", program(size, tz, "load", "--quiet", "--verify", verify, tensors)))
        add(
            f"load_file, .tensors, {verify}",
            lambda verify=verify: tzio.load_file(tensors, verify=verify),
            f"tz load, {verify}",
            "0.97",
        )
    add("safetensors: load_file", lambda: safetensors.torch.load_file(plain))
    add("load_file, safetensors, mapped", lambda: tzio.load_file(plain, memory="mapped"), "safetensors: load_file", "1.0")
    add("load_file, safetensors, owned", lambda: tzio.load_file(plain), "safetensors: load_file")

    modes = {
        "plain": (tensors, {}, "2.5"),
        "verified": (tensors, {"verify_hash": True}, "3"),
        "encrypted": (folder / "key.tensors", {"decryption": lambda of: of.from_key(key)}, "3"),
        "password": (folder / "password.tensors", {"decryption": lambda of: of.from_string(password)}, "5"),
    }
    for name, (path, keywords, target) in modes.items():
        for package in (tensorizer, tzio.tensorizer):
            ours = package is tzio.tensorizer
            add(
                f"{package.__name__}: {name}",
                lambda package=package, path=path, keywords=keywords: into_module(package, path, shapes, **keywords),
                f"tensorizer: {name}" if ours else "",
                target if ours else "",
            )
    return made


class Told(logging.Handler):
    """Hears what the package says of each load."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stats: tzio.Stats = record.args[0]


def python_time(folder: Path, runs: int) -> str:
    """What `load_file` of many small tensors takes beyond the engine."""
    path = folder / "many.safetensors"
    tzio.save_file({f"model.layers.{number}.weight": torch.zeros(16) for number in range(many)}, path)
    ours, theirs = [], []
    told = Told()
    logging.getLogger("tzio").addHandler(told)
    logging.getLogger("tzio").setLevel(logging.INFO)
    for _ in range(runs):
        began = time.perf_counter()
        tensors = tzio.load_file(path)
        ours.append(time.perf_counter() - began - told.stats.seconds)
        assert len(tensors) == many
        began = time.perf_counter()
        tensors = safetensors.torch.load_file(path)
        theirs.append(time.perf_counter() - began)
    each, all_of_it = (statistics.median(seconds) / many * 1e6 for seconds in (ours, theirs))
    return f"{many} tensors: {each:.1f} us of Python time each (target 3); safetensors takes {all_of_it:.1f} us each for all"


def import_time(runs: int) -> str:
    def seconds(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - began

    differences = [seconds("import tzio") - seconds("pass") for _ in range(runs)]
    return f"import tzio: {statistics.median(differences) * 1e3:.0f} ms (target 100)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tz", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    size = (options.folder / "a.tensors").stat().st_size
    ways = cases(options.folder, options.tz, size)
    for path in (*options.folder.glob("*.tensors"), *options.folder.glob("*.safetensors")):
        memory.warm(path)
    result = rounds.measured(ways, options.runs, options.tz, size)
    result["notes"] = [python_time(options.folder, options.runs), import_time(options.runs)]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
