"""`CURLStreamFile`: an HTTP download as a file object, within the process. Loads don't go through it: they take its
address."""

from __future__ import annotations

import http.client
import io
import os
import ssl
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from ._version import __version__
from .read_only import ReadOnlyStream

_TRIES_MAX = 4  # of a read whose connection breaks: what stays broken for seconds is not a hiccup
_TIMEOUT_SECONDS = 60
_SKIP_BYTES_MAX = 1 << 20  # what is nearer is read and thrown away: a new request takes longer


class CAInfo:
    """Which certificates HTTPS servers may have: those of the file `cacert`, of the folder `capath`, or any."""

    __slots__ = ("_curl_flags", "allow_untrusted", "cacert", "capath")

    def __init__(
        self, *, cacert: str | None = None, capath: str | None = None, allow_untrusted: bool = False
    ) -> None:
        if (cacert is not None) + (capath is not None) + bool(allow_untrusted) != 1:
            raise ValueError("Exactly one of cacert, capath, or allow_untrusted=True must be specified")
        if cacert is not None and not os.path.isfile(cacert):
            raise ValueError(f"cacert={cacert!r} is no file")
        if capath is not None and not os.path.isdir(capath):
            raise ValueError(f"capath={capath!r} is no folder")
        self.cacert = None if cacert is None else str(cacert)
        self.capath = None if capath is None else str(capath)
        self.allow_untrusted = bool(allow_untrusted)
        self._curl_flags = (
            ("--cacert", self.cacert)
            if self.cacert
            else ("--capath", self.capath)
            if self.capath
            else ("--insecure",)
        )

    @property
    def curl_flags(self) -> tuple[str | None, ...]:
        return self._curl_flags

    def __hash__(self) -> int:
        return hash(self._curl_flags)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CAInfo) and self._curl_flags == other._curl_flags

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.cacert, capath=self.capath)
        if self.allow_untrusted:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def network(self) -> dict[str, str]:
        """As options of the engine, which knows no folders."""
        return {"insecure": "1"} if self.allow_untrusted else {"ca-file": self.cacert or ""}


class CURLStreamFile(ReadOnlyStream):
    """The bytes from `begin` up to, not including, `end` of what is at a URL. Seeking far or backwards asks again.

    `response_headers` are those of the last answer, `http_response_latencies` seconds until each. One thread at a time.
    Raises OSError, which as `name` never has the query of the URL, where signatures are, nor a password.
    """

    def __init__(
        self,
        uri: str,
        begin: int | None = None,
        end: int | None = None,
        headers: dict[str, Any] | None = None,
        *,
        buffer_size: int | None = None,
        certificate_handling: CAInfo | None = None,
    ) -> None:
        if begin is not None and begin < 0:
            raise ValueError("Invalid begin, must be non-negative")
        self._begin = begin or 0
        if end is not None and end <= self._begin:
            raise ValueError(f"end must come after begin (requested range: {self._begin} to {end})")
        if certificate_handling is not None and not isinstance(certificate_handling, CAInfo):
            raise TypeError(f"certificate_handling is a CAInfo or None, not {type(certificate_handling).__name__}")
        parts = urlsplit(uri)
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._uri = uri
        self._end = end
        self._headers = headers
        self._certificates = certificate_handling
        self._curr = self._begin
        self._response: Any = None
        self._error_context: list[str] = []
        self.popen_latencies: list[float] = []
        self.http_response_latencies: list[float] = []
        self.response_headers: Any = http.client.HTTPMessage()
        self.bytes_read = 0
        self.bytes_skipped = 0
        self.read_operations = 0
        self._open()

    def register_error_context(self, msg: str) -> None:
        """What to add to errors from now on."""
        self._error_context.append(msg)

    def address_for_engine(self) -> tuple[str, dict[str, str]] | None:
        """A URL and network options that give the same bytes; None where there are none."""
        certificates = self._certificates
        if self._begin or self._end is not None or self._headers or (certificates and certificates.capath):
            return None
        return self._uri, certificates.network() if certificates else {}

    # --- requests

    def _url(self) -> str:
        return self._uri

    def _open(self) -> None:
        self._drop()
        headers = {"User-Agent": f"tzio-tensorizer/{__version__}", "Accept-Encoding": "identity"}
        headers.update({name: str(value) for name, value in (self._headers or {}).items()})
        if self._curr or self._end is not None:
            headers["Range"] = f"bytes={self._curr}-{'' if self._end is None else self._end - 1}"
        started = time.monotonic()
        try:
            request = urllib.request.Request(self._url(), headers=headers)
            context = self._certificates.context() if self._certificates and request.type == "https" else None
            self._response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=context)
        except (OSError, http.client.HTTPException) as error:
            raise self._failure("Failed to open stream", error) from None
        self.http_response_latencies.append(time.monotonic() - started)
        self.response_headers = self._response.headers
        if self._response.status != 206:
            self._skip(self._curr)  # the server knows no ranges

    def _failure(self, what: str, error: Exception) -> OSError:
        status = f"HTTP status {error.code}" if isinstance(error, urllib.error.HTTPError) else str(error)
        context = "".join("\n" + line for line in self._error_context)
        return OSError(f"{what}: {self.name}: {status}{context}")

    def _skip(self, size: int) -> None:
        while size > 0:
            part = self._part(min(size, 1 << 16))
            if not part:
                return
            size -= len(part)

    def _part(self, size: int) -> bytes:
        part: bytes = self._response.read(size)
        if not part and self._response.length:
            raise ConnectionResetError("the connection ended early")
        return part

    def _drop(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    # --- a file

    def read(self, size: int | None = None) -> bytes:
        parts = []
        left = -1 if size is None or size < 0 else size
        if self._end is not None:
            left = min(left, self._end - self._curr) if left >= 0 else self._end - self._curr
        while left != 0:
            part = self._read_some(left)
            if not part:
                break
            parts.append(part)
            left -= len(part) if left > 0 else 0
        return b"".join(parts)

    def _read_some(self, left: int) -> bytes:
        if self.closed:
            raise OSError("CURLStreamFile closed.")
        for attempt in range(_TRIES_MAX):
            try:
                if self._response is None:
                    self._open()
                part = self._part(min(left, 16 << 20) if left > 0 else 16 << 20)
                break
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if attempt + 1 == _TRIES_MAX:
                    raise self._failure("Failed to read from stream", error) from None
                time.sleep(0.1 * 2**attempt)
        self._curr += len(part)
        self.bytes_read += len(part)
        self.read_operations += 1
        return part

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            raise ValueError("Unsupported `whence`")
        target = position + self._curr if whence == io.SEEK_CUR else position
        ahead = target - self._curr
        if 0 < ahead <= _SKIP_BYTES_MAX and self._response is not None:
            try:
                self._skip(ahead)
                self.bytes_skipped += ahead
            except (OSError, http.client.HTTPException):
                self._drop()
        elif ahead:
            self._drop()
        self._curr = target
        return target

    def close(self) -> None:
        self._drop()
        super().close()
