#!/usr/bin/env python3
"""Times loads from Python in rounds, all in this process but `tz load`, and prints a table: see bench/python.sh."""

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

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))

import memory
import peer
import safetensors.torch
import tensorizer
import torch

import tzio
import tzio.tensorizer

many = 100_000
password = "a password"


Sample = tuple[float, float]  # seconds of the clock and of all cores


class Case:
    """A way to load. `beside` names the way that it is to be compared with, by the rounds' own ratios."""

    def __init__(self, name: str, run: Callable[[], Sample], beside: str = "", target: str = "") -> None:
        self.name, self.run, self.beside, self.target = name, run, beside, target
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []

    def take(self) -> None:
        seconds, cpu_seconds = self.run()
        self.seconds.append(seconds)
        self.cpu_seconds.append(cpu_seconds)


def timed(size: int, load: Callable[[], dict[str, torch.Tensor]]) -> Callable[[], Sample]:
    def run() -> Sample:
        gc.collect()
        memory.touch_and_free(size)
        cpu, began = time.process_time(), time.perf_counter()
        peer.touch(load())
        return time.perf_counter() - began, time.process_time() - cpu

    return run


def program(size: int, *words: object) -> Callable[[], Sample]:
    def run() -> Sample:
        memory.touch_and_free(size)
        done = subprocess.run([*map(str, words), "--json"], check=True, capture_output=True, text=True)
        facts = json.loads(done.stdout)
        return facts["seconds"], facts["cpu_seconds"]

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


def cases(folder: Path, tz: Path) -> list[Case]:
    tensors, plain = folder / "a.tensors", folder / "a.safetensors"
    size = tensors.stat().st_size
    key = bytes.fromhex((folder / "key").read_text())
    shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in tzio.load_file(tensors, memory="mapped").items()}
    write_with_password(folder / "password.tensors", tensors, shapes)
    made = []

    def add(name: str, load: Callable[[], dict[str, torch.Tensor]], beside: str = "", target: str = "") -> None:
        made.append(Case(name, timed(size, load), beside, target))

    for verify in ("none", "sha256"):
        made.append(Case(f"tz load, {verify}", program(size, tz, "load", "--quiet", "--verify", verify, tensors)))
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


def python_time(folder: Path, runs: int) -> None:
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
    print(f"\n{many} tensors: {statistics.median(ours) / many * 1e6:.1f} us of Python time each (3); ", end="")
    print(f"safetensors takes {statistics.median(theirs) / many * 1e6:.1f} us each for all")


def import_time(runs: int) -> None:
    def seconds(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - began

    differences = [seconds("import tzio") - seconds("pass") for _ in range(runs)]
    print(f"import tzio: {statistics.median(differences) * 1e3:.0f} ms (100)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tz", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    all_cases = cases(options.folder, options.tz)
    for path in (*options.folder.glob("*.tensors"), *options.folder.glob("*.safetensors")):
        memory.warm(path)
    for round_ in range(options.runs):
        shift = round_ % len(all_cases)
        for case in all_cases[shift:] + all_cases[:shift]:
            case.take()
            print(f"round {round_ + 1}: {case.name}: {case.seconds[-1]:.2f} s", file=sys.stderr)
    by_name = {case.name: case for case in all_cases}
    size = (options.folder / "a.tensors").stat().st_size
    print("| way | GB/s | CPU s/GB | x | of | target |\n|---|---|---|---|---|---|")
    for case in all_cases:
        rate = size / statistics.median(case.seconds) / 1e9
        cpu = statistics.median(case.cpu_seconds) / size * 1e9
        ratio = ""
        if case.beside:
            pairs = zip(by_name[case.beside].seconds, case.seconds)
            ratio = f"{statistics.median(theirs / ours for theirs, ours in pairs):.2f}"
        print(f"| {case.name} | {rate:.2f} | {cpu:.2f} | {ratio} | {case.beside} | {case.target} |")
    python_time(options.folder, options.runs)
    import_time(options.runs)


if __name__ == "__main__":
    main()
