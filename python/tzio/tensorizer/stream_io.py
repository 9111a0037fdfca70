"""`open_stream`: file objects of paths, http(s)://, s3:// and redis://.

Where neither arguments nor files nor the environment name an endpoint of S3, it is AWS. With the environment variable
TZIO_COREWEAVE=1 it is CoreWeave's, as it always is for tensorizer.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any, Union

from .http_stream import CAInfo, CURLStreamFile
from .redis_stream import RedisStreamFile
from .s3_files import S3StreamFile, S3UploadFile, client_of, download_url, parse_s3_uri
from .s3_settings import S3Settings, profile_endpoint, read_s3cfg

__all__ = ["CAInfo", "CURLStreamFile", "RedisStreamFile", "open_stream"]

logger = logging.getLogger("tensorizer.stream_io")

_aws = "s3.amazonaws.com"
_coreweave = os.environ.get("TZIO_COREWEAVE") == "1"
default_s3_read_endpoint = "accel-object.ord1.coreweave.com" if _coreweave else _aws
default_s3_write_endpoint = "object.ord1.coreweave.com" if _coreweave else _aws
_s3_default_config_paths: tuple[str, ...] = (os.path.expanduser("~/.s3cfg"),)

_PathLike = Union[str, bytes, "os.PathLike[Any]"]
_schemes = ("http", "https", "s3", "redis", "hf", "file")


def scheme_of(name: str) -> str | None:
    """None for paths."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", name)
    scheme = match[1].lower() if match else None
    return scheme if scheme in _schemes else None


def open_stream(
    path_uri: Union[_PathLike, int],
    mode: str = "rb",
    s3_access_key_id: str | None = None,
    s3_secret_access_key: str | None = None,
    s3_endpoint: str | None = None,
    s3_config_path: _PathLike | None = None,
    buffer_size: int | None = None,
    force_http: bool | None = None,
    *,
    begin: int | None = None,
    end: int | None = None,
    s3_region_name: str | None = None,
    s3_signature_version: str | None = None,
    certificate_handling: CAInfo | None = None,
) -> Any:
    """A binary file object. http(s):// and redis:// are read only; s3:// is read, or written whole: what is written is
    uploaded by close(). Empty keys of S3 mean that nothing is signed. `end` is of remote streams.
    """
    normal = "".join(sorted(mode))
    scheme = scheme_of(path_uri) if isinstance(path_uri, str) else None
    if scheme in ("http", "https", "redis") and normal != "br":
        raise ValueError(f'Only the mode "rb" is valid when opening {scheme}:// streams.')
    if scheme in ("http", "https"):
        assert isinstance(path_uri, str)
        return CURLStreamFile(path_uri, begin, end, certificate_handling=certificate_handling)
    if scheme == "redis":
        assert isinstance(path_uri, str)
        return RedisStreamFile(path_uri, begin=begin, end=end)
    if scheme == "s3":
        assert isinstance(path_uri, str)
        if normal not in ("br", "bw", "ab", "+bw", "+ab"):
            raise ValueError('Only the modes "rb", "wb[+]", and "ab[+]" are valid when opening s3:// streams.')
        s3 = _s3_settings(
            normal != "br", s3_access_key_id, s3_secret_access_key, s3_endpoint, s3_config_path, force_http
        )
        s3 = s3._replace(region=s3_region_name, signature=s3_signature_version)
        if normal != "br":
            return _upload_file(path_uri, s3)
        return _download_file(path_uri, s3, begin, end, certificate_handling)
    return _open_file(path_uri, mode, normal, buffer_size, begin)


def _open_file(path: Any, mode: str, normal: str, buffer_size: int | None, begin: int | None) -> Any:
    if "b" not in normal:
        raise ValueError('Only binary modes ("rb", "wb", "wb+", etc.) are valid when opening local file streams.')
    if isinstance(path, str) and scheme_of(path) == "file":
        path = path[len("file://") :]
    folder = "" if isinstance(path, int) else os.path.dirname(os.fsdecode(path))
    if folder and set(normal) & set("wax"):
        os.makedirs(folder, exist_ok=True)
    file = open(path, mode, buffering=-1 if buffer_size is None else buffer_size)
    if begin or not isinstance(path, int):
        file.seek(begin or 0)
    return file


# --- S3


def s3_network(*, read: bool) -> dict[str, str]:
    """For URIs alone."""
    return _s3_settings(not read, None, None, None, None, None).network()


def _s3_settings(
    write: bool,
    access_key: str | None,
    secret_key: str | None,
    endpoint: str | None,
    config_path: Any,
    force_http: bool | None,
) -> S3Settings:
    """Arguments, then ~/.s3cfg, then the environment, then the default."""
    if access_key is None or secret_key is None:
        s3cfg = read_s3cfg(_s3_default_config_paths if config_path is None else (config_path,))
        found = (access_key or s3cfg.get("access_key"), secret_key or s3cfg.get("secret_key"))
        if all(found):
            access_key, secret_key = found
            endpoint = endpoint or s3cfg.get("host_base")
            if force_http is None and s3cfg.get("use_https") in ("True", "False"):
                force_http = s3cfg["use_https"] == "False"
    allow_http = False
    if not endpoint:
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        allow_http = bool(endpoint)
    if not endpoint:
        endpoint = default_s3_write_endpoint if write else default_s3_read_endpoint
        if endpoint == _aws:
            return S3Settings(access_key, secret_key, None)  # of a region or profile, which others know
        of_profile = profile_endpoint()
        endpoint, allow_http = of_profile or endpoint, of_profile is not None
    return S3Settings(access_key, secret_key, _enforce_scheme(endpoint, allow_http, bool(force_http)))


def _enforce_scheme(endpoint: str, allow_http: bool = False, force_http: bool = False) -> str:
    scheme, separator, rest = endpoint.partition("://")
    if not separator:
        return ("http://" if force_http else "https://") + endpoint
    if scheme.lower() == "https":
        return "http://" + rest if force_http else endpoint
    if scheme.lower() == "http" and (allow_http or force_http):
        return endpoint
    raise ValueError("Non-HTTPS endpoint URLs are not allowed. force_http=True allows them.")


def _upload_file(uri: str, s3: S3Settings) -> S3UploadFile:
    try:
        client = client_of(s3)
    except ImportError:
        raise NotImplementedError(
            "uploads to S3 need boto3 (pip install boto3); or write a file, and let `tz upload` put it there"
        ) from None
    return S3UploadFile(client, uri)


def _download_file(
    uri: str, s3: S3Settings, begin: int | None, end: int | None, certificate_handling: CAInfo | None
) -> S3StreamFile:
    try:
        url = download_url(uri, s3)
    except ImportError:
        raise NotImplementedError(
            "streams of S3 need boto3 (pip install boto3); a TensorDeserializer takes the s3:// address without it"
        ) from None
    return S3StreamFile(uri, url, s3.network(), begin, end, certificate_handling)


def s3_upload(
    path: str,
    target_uri: str,
    s3_access_key_id: str | None,
    s3_secret_access_key: str | None,
    s3_endpoint: str | None = default_s3_write_endpoint,
    s3_region_name: str | None = None,
    s3_signature_version: str | None = None,
) -> None:
    """Uploads a file."""
    bucket, key = parse_s3_uri(target_uri)
    s3 = S3Settings(s3_access_key_id, s3_secret_access_key, _full(s3_endpoint), s3_region_name, s3_signature_version)
    client_of(s3).upload_file(path, bucket, key)


def _s3_download_url(
    path_uri: str,
    s3_access_key_id: str | None,
    s3_secret_access_key: str | None,
    s3_endpoint: str | None = default_s3_read_endpoint,
    s3_region_name: str | None = None,
    s3_signature_version: str | None = None,
) -> str:
    s3 = S3Settings(s3_access_key_id, s3_secret_access_key, _full(s3_endpoint), s3_region_name, s3_signature_version)
    return download_url(path_uri, s3)


def s3_download(
    path_uri: str,
    s3_access_key_id: str | None,
    s3_secret_access_key: str | None,
    s3_endpoint: str | None = default_s3_read_endpoint,
    s3_region_name: str | None = None,
    s3_signature_version: str | None = None,
    buffer_size: int | None = None,
    begin: int | None = None,
    end: int | None = None,
    certificate_handling: CAInfo | None = None,
) -> CURLStreamFile:
    """An object as a file object."""
    s3 = S3Settings(s3_access_key_id, s3_secret_access_key, _full(s3_endpoint), s3_region_name, s3_signature_version)
    return _download_file(path_uri, s3, begin, end, certificate_handling)


def _full(endpoint: str | None) -> str | None:
    if endpoint is None or endpoint == _aws:
        return None
    return endpoint if "://" in endpoint else "https://" + endpoint
