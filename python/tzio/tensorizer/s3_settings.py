"""Keys, endpoint and region of S3: as options of the engine, as arguments of `open_stream`, and from files."""

from __future__ import annotations

import configparser
import logging
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from .http_stream import CAInfo

logger = logging.getLogger("tensorizer.stream_io")


class S3Settings(NamedTuple):
    """Of one stream. repr() shows no keys."""

    access_key: str | None
    secret_key: str | None
    endpoint: str | None  # with its scheme; None: that of AWS, or what the engine and boto3 find
    region: str | None = None
    signature: str | None = None

    def network(self) -> dict[str, str]:
        """As options of the engine."""
        options: dict[str, str | None] = {"endpoint-url": self.endpoint, "region": self.region}
        if self.access_key == self.secret_key == "":
            options["no-sign-request"] = "1"
        else:
            options |= {"access-key-id": self.access_key, "secret-access-key": self.secret_key}
        if self.endpoint is not None and self.endpoint.startswith("http://"):
            options["allow-http"] = "1"
        return {name: value for name, value in options.items() if value is not None}

    def __repr__(self) -> str:
        return f"S3Settings(endpoint={self.endpoint!r}, region={self.region!r})"


def stream_keywords(network: dict[str, str]) -> dict[str, Any]:
    """What open_stream() takes for what `network` says."""
    words = {
        "access-key-id": "s3_access_key_id",
        "secret-access-key": "s3_secret_access_key",
        "endpoint-url": "s3_endpoint",
        "region": "s3_region_name",
    }
    found: dict[str, Any] = {words[name]: value for name, value in network.items() if name in words}
    if "no-sign-request" in network:
        found |= {"s3_access_key_id": "", "s3_secret_access_key": ""}
    if network.get("endpoint-url", "").startswith("http://"):
        found["force_http"] = True
    if "insecure" in network:
        found["certificate_handling"] = CAInfo(allow_untrusted=True)
    elif "ca-file" in network:
        found["certificate_handling"] = CAInfo(cacert=network["ca-file"])
    return found


def read_s3cfg(paths: Iterable[Any]) -> dict[str, str]:
    """The first file of s3cmd that there is; nothing where it can't be used."""
    config = configparser.ConfigParser(interpolation=None)
    for path in paths:
        try:
            if config.read([path]):
                return dict(config["default"])
        except (configparser.Error, KeyError) as error:
            logger.warning("%s can't be used: %s", os.fsdecode(path), type(error).__name__)
    return {}


def profile_endpoint() -> str | None:
    """What AWS's own configuration files name, where boto3 is installed to read them."""
    try:
        import botocore.session
    except ImportError:
        return None
    profile = botocore.session.Session().get_scoped_config()
    of_s3 = profile.get("s3")
    found = (of_s3.get("endpoint_url") if isinstance(of_s3, dict) else None) or profile.get("endpoint_url")
    return str(found) if found else None
