"""A storage initializer for KServe: copies models from S3 to the disk of a pod, by `tz fetch`, and so in parallel.

storage_initializer.py SRC DST [SRC DST ...]

SRC is tzio-s3://BUCKET/PREFIX or s3://BUCKET/PREFIX: all objects below it, or the one of that key. Needs boto3, which
lists them, and the program `tz`. Ends with 1 and one line where it fails, as KServe shows it.
"""

import os
import subprocess
import sys

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError


class Failed(Exception):
    """The text is for whoever looks why a pod doesn't start."""


def copies(source: str, folder: str) -> list[tuple[str, str]]:
    """What is to be copied: addresses and files."""
    scheme, _, rest = source.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme not in ("s3", "tzio-s3") or not bucket:
        raise Failed(f"{source}: is neither tzio-s3://BUCKET/PREFIX nor s3://BUCKET/PREFIX")
    prefix = prefix.strip("/")
    found = []
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for key in (entry["Key"] for page in pages for entry in page.get("Contents", [])):
        if key == prefix:
            name = os.path.basename(key)
        elif not prefix or key.startswith(prefix + "/"):
            name = key.removeprefix(prefix).lstrip("/")
        else:
            continue  # another model, whose name begins the same
        if key.endswith("/"):
            continue  # a folder's mark
        target = os.path.normpath(os.path.join(folder, name))
        if os.path.commonpath([os.path.abspath(folder), os.path.abspath(target)]) != os.path.abspath(folder):
            raise Failed(f"s3://{bucket}/{key}: the key leads out of {folder}")
        found.append((f"s3://{bucket}/{key}", target))
    if not found:
        raise Failed(f"{source}: there are no objects")
    return found


def main(words: list[str]) -> None:
    if not words or len(words) % 2:
        raise Failed("usage: storage_initializer.py SRC DST [SRC DST ...]")
    for source, folder in zip(words[::2], words[1::2]):
        wanted = copies(source, folder)
        for _, target in wanted:
            os.makedirs(os.path.dirname(target), exist_ok=True)
        fetched = subprocess.run(
            ["tz", "fetch", "--force", *(word for pair in wanted for word in pair)], stderr=subprocess.PIPE, text=True
        )
        if fetched.returncode:
            lines = fetched.stderr.strip().splitlines()
            raise Failed(lines[-1] if lines else f"tz fetch ended with {fetched.returncode}")
        print(f"{source}: {len(wanted)} files in {folder}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Failed, Boto3Error, BotoCoreError, ClientError, OSError) as error:
        sys.exit(f"storage_initializer: {' '.join(str(error).split())}")
