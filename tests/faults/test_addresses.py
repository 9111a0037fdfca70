"""Redirects, proxies and credentials of S3, rows 53 to 55: they lead nowhere they must not, and tell no secret."""

import contextlib

import pytest
from files import SUMS
from loads import Loads, Package
from server import ranged, said, serving
from test_network import NETWORK, OPTIONS

SECRET = "canary-7f3a"


@pytest.fixture
def content(samples) -> bytes:
    return samples.plain.read_bytes()


@pytest.mark.parametrize(
    "target, kind",
    [
        ("/model.tensors", "transport"),  # to itself, for ever
        ("file:///etc/passwd", "transport"),
        ("ftp://127.0.0.1/x", "transport"),
        ("http://169.254.169.254/latest/meta-data", "denied"),
    ],
)
def test_redirect(loads, target, kind):
    with serving(lambda request: said("302 Found", location=target)) as server:
        loads.refuses(server.url(), kind, "redirect", OPTIONS, network=NETWORK)
        assert len(server.requests) <= 2 * 2 * 6  # two programs, two tries, five redirects


def test_redirect_within_the_server(loads, content):
    def answer(request):
        return said("307 Temporary Redirect", location="/else") if request.path != "/else" else ranged(request, content)

    with serving(answer) as server:
        loads.loads(server.url(), SUMS, OPTIONS, network=NETWORK)


def test_redirect_to_another_host_has_no_credentials(loads, content):
    with serving(lambda request: ranged(request, content)) as target:
        with serving(lambda request: said("302 Found", location=target.url())) as server:
            url = server.url().replace("http://", f"http://user:{SECRET}@")
            loads.loads(url, SUMS, OPTIONS, network=NETWORK)
            assert all("authorization" in request.headers for request in server.requests)
        assert target.requests
        assert not any("authorization" in request.headers for request in target.requests)


# --- proxies


@pytest.fixture
def loads_where(tz, environment, samples, tmp_path):
    """Loads in an environment with more variables."""
    with contextlib.ExitStack() as packages:

        def make(**variables) -> Loads:
            package = Package(environment | variables, samples.plain)
            packages.callback(package.close)
            return Loads(tz, package, environment | variables, tmp_path)

        yield make


@pytest.mark.parametrize(
    "status, kind",
    [("407 Proxy Authentication Required", "denied"), ("502 Bad Gateway", "transport"), ("200 OK", "format")],
)
def test_proxy_that_answers_with_a_page(loads_where, status, kind):
    """Of a page in place of a model nothing may be used; and a password of the proxy stays secret."""
    with serving(lambda request: said(status, b"<html>a page</html>")) as server:
        loads = loads_where(http_proxy=server.url("").replace("http://", f"http://user:{SECRET}@"))
        answer = loads.refuses("http://example.invalid/m.tensors", kind, "", OPTIONS, network=NETWORK)
        assert SECRET not in str(answer)
        assert server.requests


def test_proxy_that_dies_in_connect(loads_where):
    with serving(lambda request: iter([None])) as server:
        loads = loads_where(https_proxy=server.url(""))
        loads.refuses("https://example.invalid/m.tensors", "transport", "proxy", OPTIONS, network=NETWORK)
        assert {request.method for request in server.requests} == {"CONNECT"}


def test_proxy_of_a_header_is_none(loads_where):
    """Upper-case HTTP_PROXY may come from a client's header, in CGI."""
    with serving(lambda request: said("200 OK")) as server:
        loads = loads_where(HTTP_PROXY=server.url(""), REQUEST_METHOD="GET")
        loads.refuses("http://no-such-host.invalid/m.tensors", "transport", "", OPTIONS, network=NETWORK)
        assert not server.requests


def test_no_proxy(loads_where):
    with serving(lambda request: said("200 OK")) as server:
        loads = loads_where(http_proxy=server.url(""), no_proxy="host.invalid")
        loads.refuses("http://no-such.host.invalid/m.tensors", "transport", "", OPTIONS, network=NETWORK)
        assert not server.requests


# --- S3

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}


def test_half_a_pair(loads_where):
    loads = loads_where(AWS_SECRET_ACCESS_KEY=SECRET)
    answer = loads.refuses("s3://bucket/m.tensors", "denied", "AWS_ACCESS_KEY_ID", OPTIONS, names="", network=NETWORK)
    assert SECRET not in str(answer)


def test_malformed_file(loads_where, tmp_path):
    (tmp_path / "credentials").write_text(f"[default\naws_secret_access_key = {SECRET}\n")
    loads = loads_where(AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"))
    where = str(tmp_path / "credentials")
    answer = loads.refuses("s3://bucket/m.tensors", "denied", "line 1", OPTIONS, names=where, network=NETWORK)
    assert SECRET not in str(answer)


def test_missing_profile(loads_where):
    loads = loads_where(AWS_PROFILE="nobodys")
    loads.refuses("s3://bucket/m.tensors", "denied", "nobodys", OPTIONS, names="", network=NETWORK)


ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>" + SECRET + "</Message></Error>"


@pytest.mark.parametrize(
    "status, code, kind",
    [
        ("403 Forbidden", "AccessDenied", "denied"),
        ("403 Forbidden", "SignatureDoesNotMatch", "denied"),
        ("404 Not Found", "NoSuchKey", "not_found"),
        ("503 Service Unavailable", "SlowDown", "transport"),
        ("200 OK", "InternalError", "transport"),
    ],
)
def test_errors_of_s3(loads_where, status, code, kind):
    with serving(lambda request: said(status, ERROR.format(code).encode(), content_type="application/xml")) as server:
        loads = loads_where(**KEYS, AWS_ENDPOINT_URL=server.url(""))
        answer = loads.refuses("s3://bucket/m.tensors", kind, "", OPTIONS, network=NETWORK)
        assert answer["uri"] == "s3://bucket/m.tensors"
        assert all("authorization" in request.headers for request in server.requests)


def test_object_of_s3(loads_where, content):
    with serving(lambda request: ranged(request, content)) as server:
        loads = loads_where(**KEYS, AWS_ENDPOINT_URL=server.url(""))
        loads.loads("s3://bucket/m.tensors", SUMS, OPTIONS, network=NETWORK)


def test_no_credentials(loads_where):
    """Nothing is signed, and what is denied says so."""
    with serving(lambda request: said("403 Forbidden", ERROR.format("AccessDenied").encode())) as server:
        loads = loads_where(AWS_ENDPOINT_URL=server.url(""))
        loads.refuses("s3://bucket/m.tensors", "denied", "credentials", OPTIONS, network=NETWORK)
        assert server.requests
        assert not any("authorization" in request.headers for request in server.requests)
