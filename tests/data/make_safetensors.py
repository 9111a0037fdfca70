#!/usr/bin/env python3
"""Makes the safetensors golden files of this folder with the safetensors package, 0.8.0, and torch.

The `.sha256` beside each is what the package's own reader finds in it. Files come out the same in
every run.
"""

import sys
from pathlib import Path

import safetensors

HERE = Path(__file__).parent
RELEASE = "0.8.0"
sys.path.insert(0, str(HERE.parent / "interop"))


def main():
    from safetensors_reference import all_dtypes, checksum_of, packed_file, save

    assert safetensors.__version__ == RELEASE, safetensors.__version__
    save(all_dtypes(), HERE / f"safetensors-{RELEASE}_dtypes.safetensors", {"format": "pt"})
    (HERE / f"safetensors-{RELEASE}_packed.safetensors").write_bytes(packed_file())
    for path in HERE.glob("*.safetensors"):
        path.with_suffix(".sha256").write_bytes(checksum_of(path.read_bytes()))


main()
