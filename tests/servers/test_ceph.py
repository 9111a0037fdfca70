"""Loads and copies from Ceph's S3 server."""

import os
import time

import pytest
from ceph import BUCKET, VERSIONED
from files import make_sparse, sha256
from program import DENIED, NETWORK, NOT_FOUND, OK, USAGE
from proxy import Proxy

pytestmark = pytest.mark.ceph


@pytest.fixture(scope="session")
def plain(ceph, samples) -> str:
    """The URI of an object."""
    return ceph.put("plain.tensors", samples.plain.path)


# --- objects


@pytest.mark.parametrize("name", ["plain", "unaligned", "encrypted", "many"])
def test_object_gives_the_right_bytes(s3, ceph, samples, name):
    sample = getattr(samples, name)
    uri = ceph.put(sample.name, sample.path)
    assert s3.checksum(uri, *sample.options) == sample.checksum


@pytest.mark.parametrize(
    "key",
    ["in/a/folder.tensors", "a b", "a%20b", "a+b", "ä/ö", "a//b", "what?", "a#b", "~a&b=c;d", "quote'\"", "a/../b"],
)
def test_key_is_taken_as_it_stands(s3, ceph, samples, key):
    uri = ceph.put(key, samples.unaligned.path)
    assert s3.checksum(uri) == samples.unaligned.checksum


def test_object_of_many_parts(s3, ceph, samples):
    """Its ETag is no digest of it."""
    from boto3.s3.transfer import TransferConfig

    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    ceph.client.upload_file(str(samples.plain.path), BUCKET, "parts", Config=parts)
    assert "-8" in ceph.client.head_object(Bucket=BUCKET, Key="parts")["ETag"]
    assert s3.checksum(f"s3://{BUCKET}/parts") == samples.plain.checksum


def test_fetch_writes_the_right_bytes(s3, plain, samples, folder):
    result = s3("fetch", plain, folder, "--sha256", samples.plain.sha256)
    assert result.code == OK, result
    assert sha256(folder / "plain.tensors") == samples.plain.sha256


def test_empty_object_is_fetched(s3, ceph, folder):
    ceph.client.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    assert s3("fetch", f"s3://{BUCKET}/empty", folder).code == OK
    assert (folder / "empty").read_bytes() == b""


def test_sources_of_all_kinds_are_loaded_at_once(s3, ceph, plain, samples):
    many = ceph.put("many.tensors", samples.many.path)
    result = s3("verify", plain, samples.plain.path, many, f"file://{samples.many.path}")
    assert result.code == OK and result.out.count(b": OK (") == 4, result


def test_each_lane_keeps_one_connection(s3, plain):
    facts = s3.load(plain, "--concurrency", 3, "--chunk-size", "1MiB")
    assert facts["connections"] <= 3 and facts["retries"] == 0


# --- addresses


def test_endpoint_option_wins(tz, ceph, plain, samples):
    environment = ceph.environment(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    arguments = [plain, "--endpoint-url", ceph.url]
    assert tz.checksum(*arguments, environment=environment) == samples.plain.checksum


def asked(ceph, request) -> bool:
    """Whether the log has such a request; it is written a little later."""
    until = time.monotonic() + 5
    while request not in ceph.log() and time.monotonic() < until:
        time.sleep(0.05)
    return request in ceph.log()


@pytest.fixture
def by_name(ceph, folder):
    """Environment that reaches the server by its name s3.example, which only a proxy knows."""
    http, https = (int(url.rpartition(":")[2]) for url in [ceph.url, ceph.tls_url])
    hosts = ["s3.example", f"{BUCKET}.s3.example"]
    places = {f"{host}:80": http for host in hosts} | {f"{host}:443": https for host in hosts}
    with Proxy(places) as proxy:
        yield ceph.environment(all_proxy=proxy.url(), AWS_CONFIG_FILE=str(folder / "config"))


@pytest.mark.parametrize("style, path", [("path", f"/{BUCKET}/style"), ("virtual", "/style")])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_bucket_in_the_path_or_the_host(tz, ceph, samples, folder, by_name, scheme, style, path):
    uri = ceph.put(f"style-{scheme}", samples.unaligned.path)
    (folder / "config").write_text(f"[default]\ns3 =\n  addressing_style = {style}\n")
    environment = by_name | {"AWS_ENDPOINT_URL": f"{scheme}://s3.example"}
    options = ["--allow-http"] if scheme == "http" else ["--ca-file", ceph.authority]
    assert tz.checksum(uri, *options, environment=environment) == samples.unaligned.checksum
    assert asked(ceph, f'"GET {path}-{scheme} HTTP/1.1" 206')


def test_no_credentials_over_http_to_elsewhere(tz, plain, by_name):
    environment = by_name | {"AWS_ENDPOINT_URL": "http://s3.example"}
    error = tz.refuses(USAGE, "load", plain, environment=environment)
    assert "signed requests would go over plain http to s3.example" in error, error


def test_tls(tz, ceph, plain, samples):
    environment = ceph.environment(AWS_ENDPOINT_URL=ceph.tls_url)
    arguments = ["--ca-file", ceph.authority, plain]
    assert tz.checksum(*arguments, environment=environment) == samples.plain.checksum
    error = tz.refuses(NETWORK, "load", plain, environment=environment)
    assert "its certificate is by an unknown authority" in error, error


# --- credentials


def test_profile_has_all(tz, ceph, plain, samples, folder):
    """In the home folder, where other programs look for it."""
    (folder / ".aws").mkdir()
    facts = ceph.facts
    keys = f"aws_access_key_id = {facts['access']}\naws_secret_access_key = {facts['secret']}\n"
    (folder / ".aws/credentials").write_text(f"[store]\n{keys}")
    (folder / ".aws/config").write_text(f"[profile store]\nendpoint_url = {ceph.url}\n")
    environment = {"HOME": str(folder)}
    by_option = tz.checksum(plain, "--profile", "store", environment=environment)
    by_name = tz.checksum(plain, environment=environment | {"AWS_PROFILE": "store"})
    assert by_option == by_name == samples.plain.checksum


def test_s3cfg_has_all(tz, ceph, plain, samples, folder):
    facts = ceph.facts
    place = ceph.url.removeprefix("http://")
    lines = [f"access_key = {facts['access']}", f"secret_key = {facts['secret']}"]
    lines += [f"host_base = {place}", f"host_bucket = {place}", "use_https = False"]
    (folder / ".s3cfg").write_text("\n".join(["[default]", *lines, ""]))
    assert tz.checksum(plain, environment={"HOME": str(folder)}) == samples.plain.checksum


def test_public_object_needs_no_credentials(tz, ceph, samples):
    uri = ceph.put("public", samples.plain.path, ACL="public-read")
    arguments = [uri, "--endpoint-url", ceph.url]
    assert tz.checksum(*arguments) == samples.plain.checksum
    wrong = ceph.credentials() | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    assert tz.checksum("--no-sign-request", *arguments, environment=wrong) == samples.plain.checksum


def test_private_object_needs_them(tz, ceph, plain):
    for options, says in [([], "no credentials found"), (["--no-sign-request"], "not signed")]:
        error = tz.refuses(DENIED, "load", plain, "--endpoint-url", ceph.url, *options)
        assert "AccessDenied" in error and says in error, error


WRONG = [
    ({"AWS_SECRET_ACCESS_KEY": "canary-8472"}, "SignatureDoesNotMatch"),
    ({"AWS_ACCESS_KEY_ID": "UNKNOWN"}, "InvalidAccessKeyId"),
    ("other_", "AccessDenied"),
]


@pytest.mark.parametrize("wrong, code", WRONG)
@pytest.mark.parametrize("command", ["load", "fetch"])
def test_wrong_credentials(tz, ceph, plain, folder, command, wrong, code):
    wrong = ceph.credentials(wrong) if isinstance(wrong, str) else wrong
    target = [folder] if command == "fetch" else []
    error = tz.refuses(DENIED, command, plain, *target, environment=ceph.environment(**wrong))
    assert plain in error and code in error and "environment" in error, error
    assert "canary" not in error
    assert os.listdir(folder) == []


@pytest.mark.parametrize(
    "uri, code",
    [(f"s3://{BUCKET}/absent", "NoSuchKey"), ("s3://absent/absent", "NoSuchBucket")],
)
def test_what_is_not_there(s3, uri, code):
    error = s3.refuses(NOT_FOUND, "load", uri)
    assert uri in error and code in error, error


@pytest.mark.parametrize("how", ["session", "role"])
def test_session_token(tz, ceph_sts, samples, how):
    uri = ceph_sts.put("plain.tensors", samples.plain.path)
    right, other = session(ceph_sts, how), session(ceph_sts, how)
    assert tz.checksum(uri, environment=right) == samples.plain.checksum
    without = right | {"AWS_SESSION_TOKEN": ""}
    of_another = right | {"AWS_SESSION_TOKEN": other["AWS_SESSION_TOKEN"]}
    for wrong in [without, of_another]:
        assert "AccessDenied" in tz.refuses(DENIED, "load", uri, environment=wrong)


def session(ceph, how) -> dict:
    """The environment of a new session."""
    sts = ceph.client_of("sts")
    role = {"RoleArn": ceph.facts["role"], "RoleSessionName": "test"}
    token = (sts.get_session_token() if how == "session" else sts.assume_role(**role))["Credentials"]
    return ceph.environment(
        AWS_ACCESS_KEY_ID=token["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=token["SecretAccessKey"],
        AWS_SESSION_TOKEN=token["SessionToken"],
    )


def test_wrong_credentials_where_the_server_does_not_say_which(tz, ceph_sts, samples):
    uri = ceph_sts.put("plain.tensors", samples.plain.path)
    for wrong, _ in WRONG[:2]:
        error = tz.refuses(DENIED, "load", uri, environment=ceph_sts.environment(**wrong))
        assert "AccessDenied" in error and "canary" not in error, error


def presigned(ceph, seconds=600) -> str:
    parameters = {"Bucket": BUCKET, "Key": "plain.tensors"}
    return ceph.client.generate_presigned_url("get_object", parameters, ExpiresIn=seconds)


def test_presigned_url(tz, ceph, plain, samples):
    assert tz.checksum(presigned(ceph)) == samples.plain.checksum


def test_presigned_url_that_is_wrong_or_expired(tz, ceph, plain):
    url = presigned(ceph, seconds=1)
    time.sleep(2.1)
    for wrong in [url, presigned(ceph) + "0"]:
        error = tz.refuses(DENIED, "load", wrong)
        assert "403" in error and ceph.facts["access"] not in error, error
        assert wrong.rpartition("=")[2] not in error, error


# --- versions


def test_versions(s3, ceph, samples):
    first = ceph.put_version("v", samples.plain.path)
    second = ceph.put_version("v", samples.unaligned.path)
    uri = f"s3://{VERSIONED}/v"
    assert s3.checksum(uri) == samples.unaligned.checksum
    assert s3.checksum(f"{uri}?versionId={first}") == samples.plain.checksum
    assert s3.checksum(f"{uri}?versionId={second}") == samples.unaligned.checksum
    assert "NoSuchKey" in s3.refuses(NOT_FOUND, "load", f"{uri}?versionId=absent")


def test_delete_marker(s3, ceph, samples):
    version = ceph.put_version("gone", samples.plain.path)
    ceph.client.delete_object(Bucket=VERSIONED, Key="gone")
    uri = f"s3://{VERSIONED}/gone"
    assert "NoSuchKey" in s3.refuses(NOT_FOUND, "load", uri)
    assert s3.checksum(f"{uri}?versionId={version}") == samples.plain.checksum


# --- while it fails or changes


def begin(slow_s3, *arguments, after=0.7):
    """A load of `plain`, which takes three seconds, that is in the middle of things."""
    run = slow_s3.start(*arguments, "--concurrency", 1, "--chunk-size", "64KiB")
    time.sleep(after)
    assert run.process.poll() is None, run.finish(1)
    return run


def test_short_stall_costs_nothing(slow_s3, ceph, plain, frozen):
    run = begin(slow_s3, "load", "--json", "--verify", "all", plain)
    frozen()
    time.sleep(2)
    assert run.process.poll() is None
    ceph.script("resume")
    assert run.finish(60).json["retries"] == 0


def test_stall_costs_only_retries(slow_s3, ceph, plain, samples, frozen):
    brisk = ["--stall-time", "500ms", "--first-byte-timeout", "500ms"]
    loads = [
        begin(slow_s3, "load", "--json", "--verify", "all", plain, *brisk, after=0),
        begin(slow_s3, "checksum", plain, *brisk),
    ]
    frozen()
    time.sleep(2)
    ceph.script("resume")
    facts, digests = [load.finish(60) for load in loads]
    assert facts.json["retries"] >= 1
    assert (digests.code, digests.out) == (OK, samples.plain.checksum), digests


def test_stall_without_end_is_an_error(slow_s3, plain, frozen):
    brisk = ["--stall-time", "500ms", "--first-byte-timeout", "500ms"]
    run = begin(slow_s3, "load", plain, *brisk, "--tries", 2)
    frozen()
    result = run.finish(30)
    assert (result.code, result.out) == (NETWORK, b""), result
    assert "after 2 tries" in result.error, result


def test_frozen_server_is_an_error(s3, plain, frozen):
    frozen()
    error = s3.refuses(NETWORK, "load", plain, "--first-byte-timeout", "500ms", "--tries", 2, seconds=20)
    assert "after 2 tries" in error, error


def test_server_that_comes_back_costs_only_retries(slow_s3, ceph, plain, samples):
    loads = [
        begin(slow_s3, "load", "--json", "--verify", "all", plain, after=0),
        begin(slow_s3, "checksum", plain),
    ]
    ceph.script("bounce")
    facts, digests = [load.finish(60) for load in loads]
    assert facts.json["retries"] >= 1
    assert (digests.code, digests.out) == (OK, samples.plain.checksum), digests


@pytest.mark.parametrize("after", [0.2, 0.5, 0.9])
def test_overwritten_object_is_never_mixed(slow_s3, ceph, samples, after):
    uri = ceph.put("replaced", samples.plain.path)
    run = begin(slow_s3, "checksum", uri, "--verify", "none", after=after)
    ceph.put("replaced", samples.other)
    result = run.finish(60)
    assert (result.code, result.out) == (NETWORK, b""), result
    assert "the object was replaced during the load" in result.error, result


def test_overwritten_while_fetched_leaves_nothing(slow_s3, ceph, samples, folder):
    uri = ceph.put("replaced", samples.plain.path)
    run = begin(slow_s3, "fetch", uri, folder)
    ceph.put("replaced", samples.other)
    result = run.finish(60)
    assert (result.code, result.out) == (NETWORK, b""), result
    assert os.listdir(folder) == []


def test_deleted_object_is_an_error(slow_s3, ceph, samples):
    uri = ceph.put("deleted", samples.plain.path)
    run = begin(slow_s3, "checksum", uri)
    ceph.client.delete_object(Bucket=BUCKET, Key="deleted")
    result = run.finish(60)
    assert result.code in (NOT_FOUND, NETWORK) and result.out == b"", result


@pytest.mark.parametrize("how", ["overwritten", "deleted"])
def test_old_version_is_loaded_to_its_end(slow_s3, ceph, samples, how):
    ceph.put_version("kept", samples.plain.path)
    run = begin(slow_s3, "checksum", f"s3://{VERSIONED}/kept")
    if how == "overwritten":
        ceph.put_version("kept", samples.other)
    else:
        ceph.client.delete_object(Bucket=VERSIONED, Key="kept")
    result = run.finish(60)
    assert (result.code, result.out) == (OK, samples.plain.checksum), result


# --- large


@pytest.mark.slow
def test_an_object_of_2_gib_needs_no_more_memory(tz, ceph_sts, folder):
    from boto3.s3.transfer import TransferConfig

    large = folder / "large"
    make_sparse(large, 2 << 30)
    parts = TransferConfig(multipart_chunksize=64 << 20, max_concurrency=2)
    ceph_sts.client.upload_file(str(large), BUCKET, "large", Config=parts)
    arguments = ["load", "--json", "--memory", "none", "--verify", "none", "--memory-limit", "64MiB"]
    uri, environment = f"s3://{BUCKET}/large", ceph_sts.environment()
    result = tz.watched(*arguments, uri, environment=environment, seconds=300, every=0.1)
    ceph_sts.client.delete_object(Bucket=BUCKET, Key="large")
    assert result.json["bytes"] == 2 << 30
    assert result.peak_bytes <= 64 + 32 + 24 << 20
