"""Loads from nginx by way of a proxy.

Names that only the proxy knows show that it was asked: this machine is never asked by a proxy.
"""

import pytest
from program import DENIED, NETWORK, OK, USAGE
from proxy import Proxy, basic

PLAIN, TLS = "models.example", "other.example"  # the second has a certificate


@pytest.fixture
def places(web):
    return {f"{PLAIN}:80": web.port_of("url"), f"{TLS}:443": web.port_of("other_name")}


@pytest.fixture
def proxy(places):
    with Proxy(places) as proxy:
        yield proxy


@pytest.fixture
def guarded(places):
    """A proxy that asks for a user and password."""
    with Proxy(places, "user:p@ss word") as proxy:
        yield proxy


RIGHT, WRONG = "user:p%40ss%20word", "user:canary-8472"
SCHEMES = pytest.mark.parametrize("scheme", ["http", "https"])


@pytest.fixture
def source(web, samples):
    """Arguments that read a file by the scheme."""
    name = samples.plain.name
    return {
        "http": [f"http://{PLAIN}/{name}"],
        "https": [f"https://{TLS}/{name}", "--ca-file", web.tls("ca.pem")],
    }


@SCHEMES
def test_proxy_of_the_environment(tz, web, samples, proxy, source, scheme):
    environment = {f"{scheme}_proxy": proxy.url()}
    assert tz.checksum(*source[scheme], environment=environment) == samples.plain.checksum
    asked = proxy.asked[0]
    if scheme == "https":  # a connection for each lane, and nothing of the request
        assert {asked.method for asked in proxy.asked} == {"CONNECT"}
        assert asked.target == f"{TLS}:443"
        assert not {"range", "authorization"} & set(asked.headers)
    else:
        assert (asked.method, asked.target) == ("GET", source["http"][0])
    assert {request.host for request in web.requests(samples.plain.name)} <= {PLAIN, TLS}


@SCHEMES
@pytest.mark.parametrize("name", ["all_proxy", "ALL_PROXY"])
def test_proxy_for_all(tz, samples, proxy, source, scheme, name):
    environment = {name: proxy.url()}
    assert tz.checksum(*source[scheme], environment=environment) == samples.plain.checksum


@SCHEMES
def test_proxy_option_wins(tz, samples, proxy, source, scheme):
    environment = {f"{scheme}_proxy": "http://127.0.0.1:9"}
    options = ["--proxy", proxy.url()]
    assert tz.checksum(*source[scheme], *options, environment=environment) == samples.plain.checksum


@SCHEMES
def test_fetch_by_a_proxy(tz, samples, proxy, source, scheme, folder):
    url, *options = source[scheme]
    arguments = ["fetch", url, folder / "copy", *options, "--sha256", samples.plain.sha256]
    assert tz(*arguments, environment={"all_proxy": proxy.url()}).code == OK


@SCHEMES
def test_connections_are_kept(tz, web, samples, proxy, source, scheme):
    options = ["--concurrency", 3, "--chunk-size", "1MiB"]
    facts = tz.load(*source[scheme], *options, environment={"all_proxy": proxy.url()})
    requests = web.requests(samples.plain.name, at_least=facts["requests"])
    assert len({request.connection for request in requests}) <= 3
    assert facts["retries"] == 0


@SCHEMES
def test_user_and_password(tz, web, samples, guarded, source, scheme):
    environment = {"all_proxy": guarded.url(RIGHT)}
    assert tz.checksum(*source[scheme], environment=environment) == samples.plain.checksum
    sent = {asked.headers.get("proxy-authorization") for asked in guarded.asked}
    assert sent == {basic("user:p@ss word")}
    assert {request.credentials for request in web.requests(samples.plain.name)} == {"-"}


@SCHEMES
@pytest.mark.parametrize("userinfo", ["", WRONG])
def test_wrong_or_missing_password(tz, web, guarded, source, scheme, userinfo):
    environment = {"all_proxy": guarded.url(userinfo)}
    error = tz.refuses(DENIED, "load", *source[scheme], environment=environment)
    assert "407" in error and "proxy" in error, error
    assert "canary" not in error, error
    assert len(guarded.asked) == 1 and web.requests() == []


@SCHEMES
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("listed", ["*", ".example", "other.example,models.example"])
def test_no_proxy(tz, proxy, source, scheme, name, listed):
    """Then the name has to be found, and it is not."""
    environment = {"all_proxy": proxy.url(), name: listed}
    error = tz.refuses(NETWORK, "load", *source[scheme], "--tries", 1, environment=environment)
    assert ".example" in error, error
    assert proxy.asked == []


def test_empty_option_means_none(tz, proxy, source):
    environment = {"http_proxy": proxy.url()}
    arguments = ["load", *source["http"], "--proxy", "", "--tries", 1]
    tz.refuses(NETWORK, *arguments, environment=environment)
    assert proxy.asked == []


def test_upper_case_is_for_https_only(tz, samples, proxy, source):
    tz.refuses(NETWORK, "load", *source["http"], "--tries", 1, environment={"HTTP_PROXY": proxy.url()})
    assert proxy.asked == []
    assert tz.checksum(*source["https"], environment={"HTTPS_PROXY": proxy.url()}) == samples.plain.checksum


def test_this_machine_is_asked_directly(tz, web, samples, proxy):
    for host in ["127.0.0.1", "localhost"]:
        url = f"http://{host}:{web.port_of('url')}/{samples.plain.name}"
        assert tz.checksum(url, environment={"all_proxy": proxy.url()}) == samples.plain.checksum
    assert proxy.asked == []


def test_wrong_certificate_behind_a_proxy(tz, web, samples, places, source):
    places[f"{TLS}:443"] = web.port_of("good")  # for localhost
    with Proxy(places) as proxy:
        error = tz.refuses(NETWORK, "load", *source["https"], environment={"https_proxy": proxy.url()})
    assert "its certificate is for" in error and TLS in error, error


@SCHEMES
def test_proxy_that_cannot_reach_the_server(tz, source, scheme):
    with Proxy({}) as proxy:
        arguments = ["load", *source[scheme], "--tries", 2]
        error = tz.refuses(NETWORK, *arguments, environment={"all_proxy": proxy.url()})
        assert "502" in error, error


@SCHEMES
def test_proxy_that_is_not_there(tz, source, scheme):
    environment = {"all_proxy": f"http://{WRONG}@127.0.0.1:9"}
    error = tz.refuses(NETWORK, "load", *source[scheme], "--tries", 2, environment=environment)
    assert "127.0.0.1:9" in error and "canary" not in error, error


@SCHEMES
def test_broken_connection_costs_only_a_retry(tz, samples, proxy, source, scheme):
    proxy.cut_after = 1_000_000  # before any answer but those of the index can have ended
    facts = tz.load(*source[scheme], "--verify", "all", environment={"all_proxy": proxy.url()})
    assert facts["retries"] >= 1


@pytest.mark.parametrize("wrong", ["socks5://127.0.0.1:9", "https://127.0.0.1:9", "http://"])
def test_proxies_that_cannot_be_used(tz, source, wrong):
    tz.refuses(USAGE, "load", *source["http"], environment={"http_proxy": wrong})


def test_no_password_in_the_option(tz, source):
    error = tz.refuses(USAGE, "load", *source["http"], "--proxy", f"http://{WRONG}@127.0.0.1:9")
    assert "canary" not in error, error


def test_redirect_to_this_machine_from_elsewhere_is_refused(tz, web, samples, proxy):
    url = f"http://{PLAIN}/away/{samples.plain.name}"
    error = tz.refuses(DENIED, "load", url, environment={"http_proxy": proxy.url()})
    assert f"redirects to localhost:{web.port_of('url')}" in error, error
