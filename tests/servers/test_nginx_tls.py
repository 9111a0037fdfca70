"""nginx over TLS: certificates that are right, and each kind that is not."""

import pytest
from program import DENIED, NETWORK, NOT_FOUND, OK, USAGE


@pytest.fixture
def authority(web):
    """Options that trust the server's authority."""
    return ["--ca-file", web.tls("ca.pem")]


@pytest.fixture
def certificate(web):
    """Options that show a certificate, by its name."""
    return lambda name: ["--client-cert", web.tls(f"{name}.pem"), "--client-key", web.tls(f"{name}.key")]


@pytest.mark.parametrize("port, tls", [("good", "TLSv1.3"), ("tls12", "TLSv1.2")])
def test_trusted_certificate(tz, web, samples, authority, port, tls):
    plain = samples.plain
    url = f"{web.urls[port]}/{plain.name}"
    assert tz.checksum(*authority, url) == plain.checksum
    assert {request.tls for request in web.requests(plain.name)} == {tls}


def test_certificate_of_an_address(tz, web, samples, authority):
    url = f"https://127.0.0.1:{web.port_of('good')}/{samples.plain.name}"
    assert tz.checksum(*authority, url) == samples.plain.checksum


def test_each_lane_keeps_one_connection(tz, web, samples, authority):
    name = samples.plain.name
    url = f"{web.urls['good']}/{name}"
    facts = tz.load(*authority, url, "--concurrency", 4, "--chunk-size", "1MiB")
    requests = web.requests(name, at_least=facts["requests"])
    assert len({request.connection for request in requests}) == facts["connections"] <= 4


@pytest.mark.parametrize("path", ["short-lived", "close", "two", "moved"])
def test_paths_over_tls(tz, web, samples, authority, path):
    url = f"{web.urls['good']}/{path}/{samples.plain.name}"
    assert tz.checksum(*authority, url) == samples.plain.checksum


WRONG = [
    ("other_name", "its certificate is for other.example, not for localhost"),
    ("expired", "its certificate expired on 2021-01-01"),
    ("unknown_ca", "its certificate is by an unknown authority"),
]


@pytest.mark.parametrize("port, says", WRONG)
@pytest.mark.parametrize("command", ["load", "fetch"])
def test_wrong_certificate(tz, web, samples, authority, folder, command, port, says):
    url = f"{web.urls[port]}/{samples.plain.name}"
    target = [folder / "copy"] if command == "fetch" else []
    error = tz.refuses(NETWORK, command, *authority, url, *target, seconds=15)
    assert url in error and says in error, error
    assert web.requests() == []  # nothing is asked for, and nothing is tried again
    assert list(folder.iterdir()) == []


def test_the_systems_authorities_do_not_know_it(tz, web, samples):
    error = tz.refuses(NETWORK, "load", f"{web.urls['good']}/{samples.plain.name}")
    assert "its certificate is by an unknown authority" in error and "CA file" in error, error


@pytest.mark.parametrize("port", ["good", *(port for port, _ in WRONG)])
def test_insecure_takes_all_and_warns(tz, web, samples, port):
    result = tz("checksum", "--insecure", f"{web.urls[port]}/{samples.plain.name}")
    assert (result.code, result.out) == (OK, samples.plain.checksum)
    assert "warning: certificates are not verified" in result.error, result
    assert result.error.count("\n") == 1, result


def test_client_certificate(tz, web, samples, authority, certificate):
    url = f"{web.urls['asks_certificate']}/{samples.plain.name}"
    assert tz.checksum(*authority, *certificate("client"), url) == samples.plain.checksum


def test_client_certificate_that_is_missing_or_not_trusted(tz, web, samples, authority, certificate):
    """nginx says no by status 400."""
    url = f"{web.urls['asks_certificate']}/{samples.plain.name}"
    for options in [[], certificate("stranger")]:
        error = tz.refuses(NETWORK, "load", *authority, *options, url)
        assert "status 400" in error, error


def test_files_that_are_no_certificates(tz, web, samples, authority, certificate, folder):
    url = f"{web.urls['asks_certificate']}/{samples.plain.name}"
    junk = folder / "junk"
    junk.write_text("no certificate\n")
    shown, key = web.tls("client.pem"), web.tls("client.key")
    for options, named in [
        (["--ca-file", junk], junk),
        ([*authority, "--client-cert", junk, "--client-key", key], junk),
        ([*authority, "--client-cert", shown, "--client-key", junk], junk),
        ([*authority, "--client-cert", shown, "--client-key", web.tls("good.key")], web.tls("good.key")),
    ]:
        assert str(named) in tz.refuses(USAGE, "load", *options, url)
    assert str(folder / "absent") in tz.refuses(NOT_FOUND, "load", "--ca-file", folder / "absent", url)


def test_ports_mixed_up(tz, web, samples, authority):
    name = samples.plain.name
    tls_to_plain = f"https://127.0.0.1:{web.port_of('url')}/{name}"
    assert "does not speak TLS" in tz.refuses(NETWORK, "load", *authority, tls_to_plain)
    plain_to_tls = f"http://127.0.0.1:{web.port_of('good')}/{name}"
    assert "status 400" in tz.refuses(NETWORK, "load", plain_to_tls)


def test_no_redirect_from_https_to_http(tz, web, samples, authority):
    url = f"{web.urls['good']}/away/{samples.plain.name}"
    error = tz.refuses(DENIED, "load", *authority, url)
    assert f"redirects from https to http://localhost:{web.port_of('url')}" in error, error
    assert len(web.requests(at_least=1)) == 1
