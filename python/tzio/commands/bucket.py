"""A bucket of S3 that is written to, by boto3. Credentials and endpoint: as for uploads of `tzio.tensorizer`, and by
the names of CoreWeave's tutorials (AWS_KEY, AWS_SECRET, AWS_HOST) and others, where nothing else names them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import DeniedError, NotFoundError, StorageError, UsageError

_pairs = (("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"), ("AWS_KEY", "AWS_SECRET"))
_endpoints = ("S3_ENDPOINT_URL", "S3_ENDPOINT", "AWS_HOST")
_denied = {"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
_missing = {"NoSuchBucket", "NoSuchKey", "404", "NotFound"}


class Bucket:
    """Raises `tzio.Error`, which names the object and the server's code, and nothing else that it said."""

    def __init__(self, name: str, endpoint: str | None) -> None:
        from ..tensorizer import stream_io
        from ..tensorizer.s3_files import client_of

        access_key, secret_key = _named_pair()
        endpoint = endpoint or _named_endpoint()
        force_http = True if _is_local_http(endpoint) else None
        try:
            found = stream_io._s3_settings(True, access_key, secret_key, endpoint, None, force_http)
        except ValueError as error:
            raise UsageError(f"{endpoint}: {error} AWS_ENDPOINT_URL takes one of a network that you trust") from None
        self._name = name
        self.network = found.network()
        try:
            self._client = client_of(found)
        except ImportError:
            raise UsageError(
                "uploads to S3 need boto3 (pip install boto3); or write to --output, and let `tz upload` put it there"
            ) from None

    def has_keys(self, prefix: str) -> bool:
        with self._errors(prefix):
            answer = self._client.list_objects_v2(Bucket=self._name, Prefix=prefix, MaxKeys=1)
        return bool(answer.get("Contents"))

    def upload(self, path: Path, key: str) -> None:
        """In parts, if it is large; it appears when it is whole."""
        with self._errors(key):
            self._client.upload_file(str(path), self._name, key)

    def remove(self, keys: list[str]) -> None:
        """As far as that goes."""
        for key in keys:
            with contextlib.suppress(StorageError), self._errors(key):
                self._client.delete_object(Bucket=self._name, Key=key)

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        address = f"s3://{self._name}/{key}"
        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            cause: Any = error.__context__ if isinstance(error, Boto3Error) else error
            if isinstance(cause, NoCredentialsError):
                raise _named(DeniedError(f"{address}: no credentials found; docs/network.md says where"), address)
            if not isinstance(cause, ClientError):
                failed = StorageError(f"{address}: {type(cause or error).__name__}: the server can't be reached")
                failed.retryable = True
                raise _named(failed, address) from None
            code = str(cause.response.get("Error", {}).get("Code", "unknown"))
            if code in _denied:
                raise _named(DeniedError(f"{address}: refused ({code}); are the credentials right?"), address) from None
            if code in _missing:
                raise _named(NotFoundError(f"{address}: {code}; is the bucket there?"), address) from None
            failed = StorageError(f"{address}: the server answered {code}")
            failed.retryable = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
            raise _named(failed, address) from None


def _named(error: StorageError, address: str) -> StorageError:
    error.uri = address
    return error


def _named_pair() -> tuple[str | None, str | None]:
    """Where boto3 would find none by the environment or a profile."""
    profile = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    shared = os.environ.get("AWS_SHARED_CREDENTIALS_FILE", os.path.expanduser("~/.aws/credentials"))
    if os.environ.get("AWS_ACCESS_KEY_ID") or profile or os.path.exists(shared):
        return None, None
    for names in _pairs:
        access_key, secret_key = (os.environ.get(name) for name in names)
        if access_key and secret_key:
            return access_key, secret_key
        if access_key or secret_key:
            raise DeniedError(f"of {names[0]} and {names[1]}, one is not set")
    return None, None


def _named_endpoint() -> str | None:
    if os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        return None
    found = next((text for name in _endpoints if (text := os.environ.get(name))), None)
    plain = os.environ.get("S3_USE_HTTPS") == "0" and found == os.environ.get("S3_ENDPOINT")
    return f"http://{found}" if found and plain and "://" not in found else found


def _is_local_http(endpoint: str | None) -> bool:
    """Credentials go by TLS, or to this machine."""
    parts = urlsplit(endpoint or "")
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
