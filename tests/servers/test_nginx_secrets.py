"""Secrets reach `tz` by the environment and by files, and nothing that it writes tells them.

Neither does any command line that is seen while it runs. nginx checks no signatures, so that S3's
credentials can be told by the log alone.
"""

import os

import pytest
from files import golden, make
from program import DATA_WRONG, DENIED, NETWORK, OK
from proxy import Proxy

CANARY = "cAnArY8642"  # of these tests alone: command lines of the whole machine are looked at
S3 = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": f"secret{CANARY}",
    "AWS_SESSION_TOKEN": f"token{CANARY}",
}


def assert_silent(result, looked: bool = True):
    """Looks for the canary in all that was written and seen, also in other spellings."""
    seen = [result.out, result.error.encode(), *result.command_lines]
    assert not looked or result.command_lines, "the run was not looked at"
    for spelling in [CANARY.encode(), CANARY.lower().encode(), CANARY.encode().hex().encode()]:
        assert not any(spelling in text for text in seen), result


@pytest.fixture
def bucket(web, samples):
    """Arguments that read a bucket `models` of nginx."""
    (web.root / "models").mkdir(exist_ok=True)
    target = web.root / "models" / samples.plain.name
    if not target.exists():
        os.link(samples.plain.path, target)
    return [f"s3://models/{samples.plain.name}", "--endpoint-url", web.url]


COMMANDS = pytest.mark.parametrize(
    "command", [["load", "-vv"], ["load", "--json"], ["verify", "-vv"], ["inspect", "-vv"], ["checksum"]]
)


@COMMANDS
def test_s3_credentials_of_the_environment(tz, web, bucket, command):
    result = tz.watched(*command, *bucket, environment=S3)
    assert result.code == OK, result
    assert_silent(result)
    assert {request.credentials for request in web.requests("plain.tensors")} == {"AWS4-HMAC-SHA256"}


def profile(folder, **more) -> dict:
    """A file with credentials, and the environment that names it."""
    lines = [f"{name.lower()} = {value}" for name, value in S3.items()]
    (folder / "credentials").write_text("\n".join(["[other]", *lines]) + "\n")
    return {"AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"), **more}


@COMMANDS
def test_s3_credentials_of_a_profile(tz, web, bucket, folder, command):
    result = tz.watched(*command, *bucket, "--profile", "other", environment=profile(folder))
    assert result.code == OK, result
    assert_silent(result)
    assert {request.credentials for request in web.requests("plain.tensors")} == {"AWS4-HMAC-SHA256"}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_info_says_where_credentials_are_and_not_what(tz, folder, options):
    for environment in [S3, profile(folder, AWS_PROFILE="other")]:
        result = tz("info", *options, environment=environment)
        assert result.code == OK, result
        assert_silent(result, looked=False)


def test_s3_credentials_do_not_follow_to_another_host(tz, web, samples):
    """Nor does the request."""
    arguments = ["load", f"s3://away/{samples.plain.name}", "--endpoint-url", web.url]
    assert "leads to another place" in tz.refuses(NETWORK, *arguments, environment=S3)
    assert [request.status for request in web.requests(at_least=1)] == [307]


@pytest.mark.parametrize("code", [403, 404, 503])
def test_s3_credentials_in_failures(tz, web, code):
    arguments = ["load", "-vv", f"s3://code/{code}", "--endpoint-url", web.url, "--tries", 2]
    result = tz.watched(*arguments, environment=S3)
    assert result.code != OK
    assert_silent(result)


def test_half_a_profile_is_not_told(tz, bucket, folder):
    (folder / "credentials").write_text(f"[default]\naws_secret_access_key = {CANARY}\n")
    result = tz("load", *bucket, environment={"AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials")})
    assert result.code == DENIED, result
    assert_silent(result, looked=False)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("expected", [CANARY, "another"])
def test_password_of_a_proxy(tz, web, samples, scheme, expected):
    places = {"models.example:80": web.port_of("url"), "other.example:443": web.port_of("other_name")}
    url = {"http": "http://models.example", "https": "https://other.example"}[scheme]
    arguments = ["load", "-vv", f"{url}/{samples.plain.name}", "--ca-file", web.tls("ca.pem")]
    with Proxy(places, f"user:{expected}") as proxy:
        result = tz.watched(*arguments, environment={"all_proxy": proxy.url(f"user:{CANARY}")})
    assert_silent(result)
    assert (result.code == OK) == (expected == CANARY), result


@pytest.mark.parametrize("url", [f"http://user:{CANARY}@{{}}/absent", f"http://{{}}/absent?token={CANARY}"])
def test_secrets_of_a_url(tz, web, url):
    """All but the command line of `tz`: what was typed stands there."""
    url = url.format(web.url.removeprefix("http://"))
    for arguments in [["load", "-vv", url], ["load", "-vv", url.replace("absent", "plain.tensors")]]:
        result = tz.watched(*arguments)
        typed = "\0".join(arguments).encode()
        result.command_lines = {line for line in result.command_lines if typed not in line}
        assert_silent(result)


def test_password_of_a_file(tz, web, folder):
    """Its file was written with another one."""
    sample = next(sample for sample in golden() if "password" in sample.name)
    (web.root / sample.name).write_bytes(sample.path.read_bytes())
    (folder / "password").write_text(CANARY)
    result = tz.watched("load", "-vv", f"{web.url}/{sample.name}", "--password-file", folder / "password")
    assert result.code == DATA_WRONG, result
    assert_silent(result)


def test_key_of_a_file(tz, web, samples, folder):
    key = (CANARY * 4)[:32]
    (folder / "key").write_text(key)
    make(tz, web.root / "keyed.tensors", "1MiB", "--encrypt-key-file", folder / "key")
    result = tz.watched("load", "-vv", f"{web.url}/keyed.tensors", "--key-file", folder / "key")
    assert result.code == OK, result
    assert_silent(result)
    result = tz.watched("load", "-vv", f"{web.url}/{samples.encrypted.name}", "--key-file", folder / "key")
    assert result.code == DATA_WRONG, result
    assert_silent(result)
