"""A model of random weights shaped like OPT-30B, which tensorizer's own benchmark loads, scaled to a machine."""

import argparse
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

# OPT-30B; a head has 128 columns, an MLP four times the hidden size.
LAYERS, HEADS, VOCABULARY, POSITIONS = 48, 56, 50272, 2048
HEAD_COLUMNS = 128
# Of the memory that is free. Two copies lie in the page cache (.tensors and safetensors), one is loaded, and a loader
# may hold another for a moment.
MEMORY_SHARE = 1 / 5
# As safetensors, as .tensors, and for from_pretrained; something of the disk is left to others.
FILES, DISK_SHARE = 3, 0.9
# All loads together take no longer than this where each has this rate, as on a slow disk.
SECONDS_MAX, BYTES_PER_SECOND = 3600, 500_000_000


@dataclass(frozen=True)
class Shape:
    layers: int
    heads: int
    vocabulary: int

    @property
    def hidden(self) -> int:
        return self.heads * HEAD_COLUMNS

    @property
    def bytes(self) -> int:
        """Of its weights in float16."""
        hidden = self.hidden
        matrices = 4 * hidden * hidden + 2 * hidden * 4 * hidden
        vectors = 4 * hidden + 4 * hidden + hidden + 4 * hidden  # biases, then two norms
        embeddings = (self.vocabulary + POSITIONS + 2) * hidden
        return 2 * (self.layers * (matrices + vectors) + embeddings + 2 * hidden)


def scaled(scale: float) -> Shape:
    """About `scale` times the bytes of OPT-30B: depth, width and vocabulary shrink alike."""
    if not 0 < scale <= 1:
        raise ValueError(f"a scale is above 0 and at most 1, not {scale}")
    side = scale ** (1 / 3)
    return Shape(*(max(1, round(whole * side)) for whole in (LAYERS, HEADS, VOCABULARY)))


def largest_scale(bytes_max: int) -> float:
    """The largest of 1, 0.9, 0.81 ... whose model has at most so many bytes; the smallest tried is 0.0001."""
    scale = 1.0
    while scaled(scale).bytes > bytes_max and scale > 1e-4:
        scale *= 0.9
    return scale


def plan(scale: str, memory: int, disk: int, loads: int) -> dict:
    """What is made where so many bytes are free and it is to be loaded so often; `bound` says what allows no more. Pure."""
    limits = {
        "memory": memory * MEMORY_SHARE,
        "disk": disk * DISK_SHARE / FILES,
        "time": SECONDS_MAX * BYTES_PER_SECOND / max(1, loads),
    }
    bound = min(limits, key=limits.__getitem__)
    chosen = largest_scale(int(limits[bound])) if scale == "auto" else float(scale)
    shape = scaled(chosen)
    if FILES * shape.bytes > disk:
        raise OSError(f"{FILES} files of {shape.bytes} bytes don't fit the {disk} that are free; give --folder")
    if scale != "auto":
        bound = "asked"
    elif chosen == 1:
        bound = "whole"
    return {
        "scale": chosen,
        "layers": shape.layers,
        "hidden": shape.hidden,
        "bytes": shape.bytes,
        "disk_bytes": FILES * shape.bytes,
        "bound": bound,
        "seconds": loads * shape.bytes / BYTES_PER_SECOND,
    }


def memory_available() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    return int(fields["MemAvailable"].split()[0]) << 10


def make(folder: Path, scale: float) -> dict:
    """Writes config.json and model.safetensors. The weights are random, the names those of transformers."""
    import torch
    import transformers
    from safetensors.torch import save_file

    shape = scaled(scale)
    config = transformers.OPTConfig(
        hidden_size=shape.hidden,
        word_embed_proj_dim=shape.hidden,
        ffn_dim=4 * shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        vocab_size=shape.vocabulary,
        max_position_embeddings=POSITIONS,
        dtype="float16",
        architectures=["OPTForCausalLM"],
    )
    with torch.device("meta"):
        model = transformers.OPTForCausalLM(config)
    torch.manual_seed(0)
    tensors = {
        name: torch.empty(tensor.shape, dtype=torch.float16).normal_(0, 0.02)
        for name, tensor in model.state_dict().items()
        if name != "lm_head.weight"  # the embedding once more
    }
    config.save_pretrained(folder)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return {"scale": scale, "layers": shape.layers, "hidden": shape.hidden, "bytes": sum_of(tensors)}


def sum_of(tensors: dict) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())


def planned(options: argparse.Namespace) -> dict:
    """Raises OSError, naming the folder."""
    os.makedirs(options.folder, exist_ok=True)
    memory = memory_available() if options.memory is None else options.memory
    try:
        return plan(options.scale, memory, shutil.disk_usage(options.folder).free, options.loads)
    except OSError as error:
        raise OSError(f"{options.folder}: {error}") from None


def plan_command(options: argparse.Namespace):
    print(json.dumps({"schema": "tz-bench-opt-plan/1", **planned(options)}))


def make_command(options: argparse.Namespace):
    print(json.dumps({"schema": "tz-bench-opt/1", **make(Path(options.folder), planned(options)["scale"])}))


def add_command(commands):
    for name, run, text in (
        ("plan-opt", plan_command, "which model make-opt would make; prints JSON"),
        ("make-opt", make_command, "a model shaped like OPT-30B, for transformers; prints JSON"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("folder", metavar="FOLDER")
        command.add_argument("--scale", default="auto", help="its bytes, of OPT-30B's; auto: what fits memory, disk and time")
        command.add_argument("--memory", type=int, help="bytes that are free (as the kernel says)")
        command.add_argument("--loads", type=int, default=0, help="how often it will be loaded")
        command.set_defaults(run=run)
