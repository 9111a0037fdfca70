"""Objects of S3 as file objects: what Python code itself reads and writes. Needs boto3; loads don't."""

from __future__ import annotations

import io
import os
import tempfile
import time
import weakref
from typing import Any
from urllib.parse import urlsplit

from ._version import __version__
from .http_stream import CAInfo, CURLStreamFile
from .s3_settings import S3Settings

_DAY_SECONDS = 86400


def parse_s3_uri(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    if parts.scheme.lower() != "s3":
        raise ValueError(f"Invalid S3 URI: {uri}")
    return parts.netloc, parts.path.lstrip("/")


def client_of(s3: S3Settings) -> Any:
    """Empty keys: nothing is signed. None: boto3 looks for them."""
    import boto3
    import botocore
    from botocore.config import Config

    config: dict[str, Any] = {"user_agent_extra": f"tzio-tensorizer/{__version__}"}
    keys: dict[str, Any] = {}
    host = urlsplit(s3.endpoint or "").hostname
    if host in ("cwobject.com", "cwlota.com"):
        config["s3"] = {"addressing_style": "virtual"}
    if s3.region is not None:
        config["region_name"] = s3.region
    if s3.access_key == s3.secret_key == "":
        config["signature_version"] = botocore.UNSIGNED
    else:
        keys = {"aws_access_key_id": s3.access_key, "aws_secret_access_key": s3.secret_key}
        if s3.signature is not None:
            config["signature_version"] = s3.signature
    return boto3.session.Session().client("s3", endpoint_url=s3.endpoint, config=Config(**config), **keys)


def download_url(uri: str, s3: S3Settings) -> str:
    """A signed URL that is good for one to two days, until the end of a day, so that caches see it again."""
    from botocore.exceptions import NoCredentialsError

    bucket, key = parse_s3_uri(uri)
    old = "accel-object" in (urlsplit(s3.endpoint or "").hostname or "").split(".")
    client = client_of(s3._replace(signature=s3.signature or ("s3" if old else "s3v4")))
    now = int(time.time())
    seconds = now - now % _DAY_SECONDS + 2 * _DAY_SECONDS - now
    try:
        url: str = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, seconds)
    except NoCredentialsError:
        if s3.access_key is not None or s3.secret_key is not None:
            raise
        return download_url(uri, s3._replace(access_key="", secret_key=""))  # the bucket may be public
    return url


class S3StreamFile(CURLStreamFile):
    """An object of S3. Loads take its address and network options; what Python reads comes by a signed URL."""

    def __init__(
        self,
        uri: str,
        url: str,
        network: dict[str, str],
        begin: int | None,
        end: int | None,
        certificate_handling: CAInfo | None,
    ) -> None:
        self._signed = url
        self._network = network
        super().__init__(uri, begin, end, certificate_handling=certificate_handling)

    def _url(self) -> str:
        return self._signed

    def address_for_engine(self) -> tuple[str, dict[str, str]] | None:
        found = super().address_for_engine()
        return found and (found[0], {**self._network, **found[1]})


class S3UploadFile(io.BufferedRandom):
    """A temporary file that is uploaded when it is closed, or forgotten. close() raises what goes wrong then."""

    def __init__(self, client: Any, uri: str) -> None:
        descriptor, name = tempfile.mkstemp(prefix="tensors-upload-")
        raw = io.FileIO(descriptor, "rb+")
        raw.name = uri  # what errors call it
        super().__init__(raw)
        bucket, key = parse_s3_uri(uri)
        self._upload = weakref.finalize(self, _upload, client, name, bucket, key)
        self._name = name

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._upload()

    def abort(self) -> None:
        """Closes it without an upload."""
        if self._upload.detach() is not None:
            os.unlink(self._name)
        super().close()


def _upload(client: Any, name: str, bucket: str, key: str) -> None:
    try:
        client.upload_file(name, bucket, key)
    finally:
        os.unlink(name)
