#!/usr/bin/env python3
"""A full load by Run:ai Model Streamer on the CPU, with its default settings.

By default it reads past the page cache (io_uring, O_DIRECT) where the filesystem allows that, so it is a peer for
cold loads. Its settings are environment variables RUNAI_STREAMER_*; for s3:// those of the AWS SDK too.
"""

import peer
from runai_model_streamer import SafetensorsStreamer


def load(file: str) -> peer.Tensors:
    with SafetensorsStreamer() as streamer:
        streamer.stream_files([file], device="cpu")
        return dict(streamer.get_tensors())


def main():
    options = peer.parser(__doc__).parse_args()
    peer.measure(options, lambda: load(options.file))


if __name__ == "__main__":
    main()
