"""Run:ai's functions for what lies in folders and buckets. Listing and copying of s3:// needs the package boto3."""

from __future__ import annotations

import dataclasses
import fcntl
import fnmatch
import glob
import os
import shutil
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass
class S3Credentials:
    """What is None comes from the environment, profiles and roles."""

    access_key_id: str | None = None
    secret_access_key: str | None = dataclasses.field(default=None, repr=False)
    session_token: str | None = dataclasses.field(default=None, repr=False)
    region_name: str | None = None
    endpoint: str | None = None


def network_of(credentials: Any) -> dict[str, str]:
    """As options of the engine; `credentials` may be of Run:ai's own class."""
    given = credentials or S3Credentials()
    endpoint = given.endpoint or os.environ.get("RUNAI_STREAMER_S3_ENDPOINT")
    options = {
        "access-key-id": given.access_key_id,
        "secret-access-key": given.secret_access_key,
        "session-token": given.session_token,
        "region": given.region_name,
        "endpoint-url": endpoint,
        "no-sign-request": "1" if _unsigned() else None,
    }
    return {name: text for name, text in options.items() if text}


def list_safetensors(path: str, s3_credentials: S3Credentials | None = None) -> list[str]:
    """The safetensors files in a folder or under an s3:// prefix, not below it."""
    if not _is_remote(path):
        return glob.glob(os.path.join(path, "*.safetensors"))
    bucket, prefix, keys = _listed(path, s3_credentials, below=False)
    return [f"s3://{bucket}/{key}" for key in keys if fnmatch.fnmatch(key, "*.safetensors")]


def pull_files(
    model_path: str,
    dst: str,
    allow_pattern: Sequence[str] | None = None,
    ignore_pattern: Sequence[str] | None = None,
    s3_credentials: S3Credentials | None = None,
) -> None:
    """Copies what is under an s3:// prefix to a folder. Patterns are of whole keys. ValueError for keys that lead out
    of the folder; NotImplementedError for local paths, as in Run:ai's."""
    if not _is_remote(model_path):
        raise NotImplementedError("pull files is not implemented for file system paths")
    bucket, prefix, keys = _listed(model_path, s3_credentials, below=True)
    client = _client(s3_credentials)
    for key in keys:
        if allow_pattern is not None and not any(fnmatch.fnmatch(key, pattern) for pattern in allow_pattern):
            continue
        if ignore_pattern is not None and any(fnmatch.fnmatch(key, pattern) for pattern in ignore_pattern):
            continue
        target = _inside(dst, key[len(prefix) :])
        os.makedirs(os.path.dirname(target), exist_ok=True)
        client.download_file(bucket, key, target)


class ObjectStorageModel:
    """A copy of a model that the processes of a machine make once. As a context manager, around pull_files():

    the first process copies, the others wait for it and find the file `.runai_complete`, which is written at the end
    if nothing failed. Holds `dst`.lock meanwhile, which works between processes of one machine."""

    SENTINEL_NAME = ".runai_complete"

    def __init__(self, model_path: str, dst: str, s3_credentials: S3Credentials | None = None) -> None:
        if not _is_remote(model_path):
            raise ValueError(f"model_path {model_path!r} is not a supported object storage path (expected s3://)")
        self.dir = dst.rstrip("/") or "/"
        self._model_path = model_path
        self._credentials = s3_credentials
        self._complete = os.path.join(self.dir, self.SENTINEL_NAME)
        self._lock = open(self.dir + ".lock", "a")  # noqa: SIM115 - closed by __exit__
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._skip = os.path.exists(self._complete)
            if self._skip:
                fcntl.flock(self._lock, fcntl.LOCK_SH)  # others need not wait for us
                return
            shutil.rmtree(self.dir, ignore_errors=True)  # what a process left that failed
            os.makedirs(self.dir)
        except BaseException:
            self._lock.close()
            raise

    def pull_files(
        self, allow_pattern: Sequence[str] | None = None, ignore_pattern: Sequence[str] | None = None
    ) -> None:
        if not self._skip:
            pull_files(self._model_path, self.dir, allow_pattern, ignore_pattern, self._credentials)

    def __enter__(self) -> ObjectStorageModel:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._lock:  # closing it gives the lock back
            if kind is None and not self._skip:
                if not os.listdir(self.dir):
                    raise RuntimeError(f"No files were downloaded to {self.dir!r}: is the model path right?")
                with open(self._complete, "w"):
                    pass


def _is_remote(path: str) -> bool:
    if path.startswith(("gs://", "az://")):
        raise NotImplementedError(f"{path}: tzio reads s3://, http:// and https://; give the store's S3 endpoint")
    return path.startswith("s3://")


def _unsigned() -> bool:
    return os.environ.get("RUNAI_STREAMER_S3_UNSIGNED") == "1"


def _client(credentials: Any) -> Any:
    try:
        import boto3
        import botocore
        import botocore.config
    except ImportError:
        raise ImportError("listing s3:// needs boto3: pip install boto3") from None
    given = credentials or S3Credentials()
    return boto3.client(
        "s3",
        aws_access_key_id=given.access_key_id,
        aws_secret_access_key=given.secret_access_key,
        aws_session_token=given.session_token,
        region_name=given.region_name,
        endpoint_url=given.endpoint or os.environ.get("RUNAI_STREAMER_S3_ENDPOINT"),
        config=botocore.config.Config(signature_version=botocore.UNSIGNED) if _unsigned() else None,
    )


def _listed(path: str, credentials: Any, below: bool) -> tuple[str, str, list[str]]:
    """Bucket, prefix, and the keys that begin with it; with `below`, also in its folders."""
    bucket, _, prefix = path.removeprefix("s3://").partition("/")
    prefix = prefix.rstrip("/")
    prefix = prefix + "/" if prefix else ""
    request = {"Bucket": bucket, "Prefix": prefix, **({} if below else {"Delimiter": "/"})}
    keys = []
    for page in _client(credentials).get_paginator("list_objects_v2").paginate(**request):
        keys += [entry["Key"] for entry in page.get("Contents", []) if not entry["Key"].endswith("/")]
    return bucket, prefix, keys


def _inside(folder: str, relative: str) -> str:
    root = os.path.realpath(folder)
    target = os.path.realpath(os.path.join(root, relative.lstrip("/")))
    if os.path.commonpath([root, target]) != root:
        raise ValueError(f"refusing to write outside destination directory: {relative!r}")
    return target
