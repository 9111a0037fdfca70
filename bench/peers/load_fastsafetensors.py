#!/usr/bin/env python3
"""A full load by `fastsafetensors` on the CPU, without GPUDirect Storage.

Its tensors are views of one buffer, which they keep alive.
"""

import os

import peer
from fastsafetensors import SafeTensorsFileLoader


def load(file: str) -> peer.Tensors:
    loader = SafeTensorsFileLoader(None, "cpu", nogds=True)
    try:
        loader.add_filenames({0: [file]})
        buffers = loader.copy_files_to_device()
        return {name: buffers.get_tensor(name) for name in loader.get_keys()}
    finally:
        loader.close()


def main():
    parser = peer.parser(__doc__)
    parser.add_argument("--buffered", action="store_true", help="never read past the page cache, as it does by default")
    options = parser.parse_args()
    if options.buffered:
        os.environ["FASTSAFETENSORS_ODIRECT"] = "0"  # looked at when a load begins
    peer.measure(options, lambda: load(options.file))


if __name__ == "__main__":
    main()
