#!/usr/bin/env python3
"""A full load by `tensorizer` on the CPU.

s3:// is read with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from AWS_ENDPOINT_URL.
"""

import os

import peer
from tensorizer import DecryptionParams, TensorDeserializer
from tensorizer.stream_io import open_stream


def decryption(options) -> DecryptionParams | None:
    if options.key_file:
        with open(options.key_file, "rb") as file:
            key = file.read()
        return DecryptionParams.from_key(key if len(key) == 32 else bytes.fromhex(key.decode()))
    if options.password_file:
        with open(options.password_file, encoding="utf-8") as file:
            return DecryptionParams.from_string(file.read().rstrip("\n"))
    return None


def source(file: str):
    if not file.startswith("s3://"):
        return file
    return open_stream(
        file,
        s3_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        s3_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )


def load(options) -> peer.Tensors:
    with TensorDeserializer(
        source(options.file),
        device="cpu",
        num_readers=options.num_readers,
        verify_hash=options.verify_hash,
        encryption=decryption(options),
    ) as reader:
        return dict(reader.items())


def main():
    parser = peer.parser(__doc__)
    parser.add_argument("--verify-hash", action="store_true")
    parser.add_argument("--num-readers", type=int, help="threads that read (default: tensorizer's choice)")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--key-file", help="32 bytes, or 64 hex digits")
    secret.add_argument("--password-file")
    options = parser.parse_args()
    peer.measure(options, lambda: load(options))


if __name__ == "__main__":
    main()
