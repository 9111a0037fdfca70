"""Uploads to Ceph's S3 server."""

import os
import signal
import time

import pytest
from ceph import BUCKET, VERSIONED
from files import sha256
from program import DENIED, NETWORK, NOT_FOUND, OK, USAGE

pytestmark = pytest.mark.ceph

CANCELLED = 130
PART = 8 << 20


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A file of 32 parts and a bit, no two alike."""
    path = tmp_path_factory.mktemp("large") / "large"
    with open(path, "wb") as file:
        for _ in range(32):
            file.write(os.urandom(PART))
        file.write(os.urandom(1000))
    yield path
    path.unlink()


def begin(s3, ceph, key, path, *options, parts=4):
    """An upload that has stored some parts."""
    run = s3.start("upload", path, f"s3://{BUCKET}/{key}", "--concurrency", 1, *options)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if ceph.parts(key) >= parts:
            assert run.process.poll() is None, run.finish(1)
            return run
        assert run.process.poll() is None, run.finish(1)
        time.sleep(0.01)
    run.kill()
    pytest.fail("no parts came")


def stored(s3, key, folder) -> str:
    """SHA-256 of an object."""
    result = s3("fetch", f"s3://{BUCKET}/{key}", folder / "back", "--force")
    assert result.code == OK, result
    return sha256(folder / "back")


def test_object_of_many_parts(s3, ceph, key, large, folder):
    facts = s3("upload", "--json", large, f"s3://{BUCKET}/{key}").json
    assert (facts["bytes"], facts["part_bytes"]) == (large.stat().st_size, PART)
    assert ceph.client.head_object(Bucket=BUCKET, Key=key)["ETag"].endswith('-33"')
    assert stored(s3, key, folder) == sha256(large)
    assert ceph.uploads(key) == []


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1])
def test_sizes_about_a_part(s3, ceph, key, folder, size):
    (folder / "file").write_bytes(os.urandom(size))
    assert s3("upload", folder / "file", f"s3://{BUCKET}/{key}").code == OK
    assert stored(s3, key, folder) == sha256(folder / "file")


def test_over_tls(tz, s3, ceph, key, folder):
    (folder / "file").write_bytes(os.urandom(3 * PART + 1))
    environment = ceph.environment(AWS_ENDPOINT_URL=ceph.tls_url)
    options = ["--ca-file", ceph.authority, "--part-size", "5MiB"]
    for more in [[], ["--sign-payloads", "--force"]]:
        result = tz(
            "upload", folder / "file", f"s3://{BUCKET}/{key}", *options, *more, environment=environment
        )
        assert result.code == OK, result
        assert ceph.client.head_object(Bucket=BUCKET, Key=key)["ETag"].endswith('-5"')
        assert stored(s3, key, folder) == sha256(folder / "file")


def test_name_as_in_a_folder(s3, ceph, key, samples):
    assert s3("upload", samples.unaligned.path, f"s3://{BUCKET}/{key}/").code == OK
    uri = f"s3://{BUCKET}/{key}/{samples.unaligned.name}"
    assert s3.checksum(uri) == samples.unaligned.checksum
    ceph.client.delete_object(Bucket=BUCKET, Key=f"{key}/{samples.unaligned.name}")


@pytest.mark.parametrize("name", ["a b", "a%20b+c", "ä/ö", "quote'\"&<>", "a//b"])
def test_key_is_taken_as_it_stands(s3, ceph, folder, name):
    key = f"uploaded/{name}"
    (folder / "file").write_bytes(os.urandom(PART + 1))
    assert s3("upload", folder / "file", f"s3://{BUCKET}/{key}").code == OK
    body = ceph.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    ceph.client.delete_object(Bucket=BUCKET, Key=key)
    assert body == (folder / "file").read_bytes()


def test_from_one_object_to_another(s3, ceph, key, samples, folder):
    source = ceph.put(f"{key}-source", samples.plain.path)
    assert s3("upload", source, f"s3://{BUCKET}/{key}").code == OK
    assert stored(s3, key, folder) == samples.plain.sha256
    ceph.client.delete_object(Bucket=BUCKET, Key=f"{key}-source")


@pytest.mark.parametrize("size", [100, PART + 100])
def test_nothing_is_replaced_without_force(s3, ceph, key, folder, size):
    (folder / "file").write_bytes(os.urandom(size))
    ceph.client.put_object(Bucket=BUCKET, Key=key, Body=b"old")
    uri = f"s3://{BUCKET}/{key}"
    error = s3.refuses(USAGE, "upload", folder / "file", uri)
    assert uri in error and "--force" in error, error
    assert ceph.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"old"
    assert s3("upload", "--force", folder / "file", uri).code == OK
    assert stored(s3, key, folder) == sha256(folder / "file")


def test_nothing_that_came_meanwhile_is_replaced(s3, ceph, key, large):
    run = begin(s3, ceph, key, large)
    ceph.client.put_object(Bucket=BUCKET, Key=key, Body=b"other's")
    result = run.finish(60)
    assert result.code == USAGE and "--force" in result.error, result
    assert ceph.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"other's"
    assert ceph.uploads(key) == []


def test_version_is_added(s3, ceph, folder):
    (folder / "file").write_bytes(os.urandom(PART + 1))
    ceph.put_version("uploaded", folder / "file")
    (folder / "file").write_bytes(os.urandom(PART + 1))
    assert s3("upload", "--force", folder / "file", f"s3://{VERSIONED}/uploaded").code == OK
    versions = ceph.client.list_object_versions(Bucket=VERSIONED, Prefix="uploaded")["Versions"]
    assert len(versions) == 2
    body = ceph.client.get_object(Bucket=VERSIONED, Key="uploaded")["Body"].read()
    assert body == (folder / "file").read_bytes()


def test_wrong_credentials(tz, ceph, key, folder):
    (folder / "file").write_bytes(os.urandom(PART + 1))
    for wrong, code in [
        ({"AWS_SECRET_ACCESS_KEY": "canary-8472"}, "SignatureDoesNotMatch"),
        (ceph.credentials("other_"), "AccessDenied"),
    ]:
        uri = f"s3://{BUCKET}/{key}"
        error = tz.refuses(DENIED, "upload", folder / "file", uri, environment=ceph.environment(**wrong))
        assert uri in error and code in error and "canary" not in error, error
    assert not ceph.keys(key)


def test_bucket_that_is_not_there(s3, folder):
    (folder / "file").write_bytes(b"x")
    assert "NoSuchBucket" in s3.refuses(NOT_FOUND, "upload", folder / "file", "s3://absent/absent")


# --- while it fails


def test_server_that_comes_back_costs_only_retries(s3, ceph, key, large, folder):
    run = begin(s3, ceph, key, large)
    ceph.script("bounce")
    assert run.finish(90).code == OK
    assert stored(s3, key, folder) == sha256(large)
    assert ceph.uploads(key) == []


def test_short_stall_costs_only_time(s3, ceph, key, large, folder, frozen):
    run = begin(s3, ceph, key, large)
    frozen()
    time.sleep(2)
    assert run.process.poll() is None
    ceph.script("resume")
    assert run.finish(90).code == OK
    assert stored(s3, key, folder) == sha256(large)


def test_stall_without_end_is_an_error(s3, ceph, key, large, frozen):
    brisk = ["--stall-time", "500ms", "--first-byte-timeout", "500ms", "--connect-timeout", "1s", "--tries", 2]
    run = begin(s3, ceph, key, large, *brisk)
    frozen()
    result = run.finish(30)
    assert (result.code, result.out) == (NETWORK, b""), result
    assert "tz uploads" in result.error, "its parts could not be removed"
    ceph.script("resume")
    assert not ceph.keys(key)
    assert len(ceph.uploads(key)) <= 1  # what asks to abort it may have waited in the server's socket


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_upload_leaves_nothing(s3, ceph, key, large, how):
    run = begin(s3, ceph, key, large)
    run.process.send_signal(how)
    result = run.finish(30)
    assert (result.code, result.out) == (CANCELLED, b""), result
    assert not ceph.keys(key)
    assert ceph.uploads(key) == []


def test_source_that_changes_leaves_nothing(s3, ceph, key, folder):
    path = folder / "file"
    path.write_bytes(os.urandom(PART) * 32)
    run = begin(s3, ceph, key, path)
    with open(path, "ab") as file:
        file.write(b"more")
    result = run.finish(60)
    assert (result.code, result.out) == (NETWORK, b""), result
    assert not ceph.keys(key)
    assert ceph.uploads(key) == []


def test_killed_upload_is_listed_and_aborted(s3, ceph, key, large):
    run = begin(s3, ceph, key, large)
    run.kill()
    uri = f"s3://{BUCKET}/{key}"
    assert not ceph.keys(key)
    listed = s3("uploads", f"s3://{BUCKET}", "--json").json["uploads"]
    mine = [one for one in listed if one["target"] == uri]
    assert [(key, one["upload_id"]) for one in mine] == ceph.uploads(key)
    assert s3("uploads", uri, "--older-than", "1h", "--abort").out == b"aborted 0\n"
    assert len(ceph.uploads(key)) == 1
    result = s3("uploads", uri, "--abort")
    assert result.code == OK and result.out.endswith(b"aborted 1\n") and uri.encode() in result.out
    assert ceph.uploads(key) == []


def test_list_of_many_uploads(s3, ceph, key):
    for i in range(1100):
        ceph.client.create_multipart_upload(Bucket=BUCKET, Key=f"{key}/ä {i}")
    facts = s3("uploads", f"s3://{BUCKET}/{key}/", "--abort", "--json").json
    assert {one["target"] for one in facts["uploads"]} == {f"s3://{BUCKET}/{key}/ä {i}" for i in range(1100)}
    assert ceph.uploads(key) == []


@pytest.mark.slow
def test_upload_of_2_gib_needs_no_more_memory(tz, ceph_sts, folder):
    from files import make_sparse

    large = folder / "large"
    make_sparse(large, 2 << 30)
    arguments = ["upload", "--json", "--memory-limit", "64MiB", large, f"s3://{BUCKET}/large-upload"]
    result = tz.watched(*arguments, environment=ceph_sts.environment(), seconds=300, every=0.1)
    ceph_sts.client.delete_object(Bucket=BUCKET, Key="large-upload")
    assert result.json["bytes"] == large.stat().st_size
    assert result.peak_bytes <= 64 + 32 + 24 << 20
