"""Conversions from and to Ceph's S3 server."""

import signal
import time

import pytest
from ceph import BUCKET
from files import Sample, make_sparse
from program import DATA_WRONG, NOT_FOUND, OK, USAGE

pytestmark = pytest.mark.ceph

CANCELLED = 130


@pytest.fixture(scope="session")
def source(ceph, samples) -> str:
    """The URI of an object of twelve tensors, 36 MiB."""
    return ceph.put("convert-source.tensors", samples.plain.path)


@pytest.fixture
def uri(key) -> str:
    """What the names of a test's objects begin with."""
    return f"s3://{BUCKET}/{key}"


def convert(s3, *arguments):
    """One that must succeed, and lose nothing but what safetensors can't hold."""
    result = s3("convert", "--json", *arguments)
    assert result.code == OK, result
    assert all("tensors' kinds" in line for line in result.error.splitlines()), result
    return result.json


def keys_after(ceph, key) -> set:
    """What the names of all objects of a test have behind what they begin with."""
    return {one.removeprefix(key) for one in ceph.keys(key)}


# --- from and to


@pytest.mark.parametrize("ending", [".tensors", ".safetensors"])
def test_from_this_machine_and_back(s3, ceph, samples, key, uri, folder, ending):
    facts = convert(s3, samples.plain.path, uri + ending)
    assert facts["files"] == [uri + ending]
    assert facts["bytes_written"] == ceph.client.head_object(Bucket=BUCKET, Key=key + ending)["ContentLength"]
    assert s3.checksum(uri + ending) == samples.plain.checksum
    convert(s3, uri + ending, folder / "back.tensors")
    assert s3.checksum(folder / "back.tensors") == samples.plain.checksum
    assert ceph.uploads(key) == []


def test_from_one_object_to_another(s3, ceph, samples, key, uri, source):
    convert(s3, source, uri + ".safetensors")
    convert(s3, uri + ".safetensors", uri + ".tensors")
    assert s3.checksum(uri + ".safetensors") == samples.plain.checksum
    assert s3.checksum(uri + ".tensors", "--verify", "all") == samples.plain.checksum
    assert ceph.uploads(key) == []


def test_many_tensors(s3, ceph, samples, uri):
    convert(s3, ceph.put(samples.many.name, samples.many.path), uri + ".safetensors")
    assert s3.checksum(uri + ".safetensors") == samples.many.checksum


def test_with_another_key(s3, ceph, samples, uri, folder):
    """Encrypted on the way there, with another key from object to object, and decrypted on the way back."""
    old, new = folder / "old", folder / "new"
    for path in [old, new]:
        assert s3("keygen", path).code == OK
    assert s3("encrypt", "--key-file", old, samples.plain.path, uri + "-old").code == OK
    convert(s3, "--key-file", old, "--encrypt-key-file", new, uri + "-old", uri + "-new.tensors")
    assert s3.checksum("--key-file", new, uri + "-new.tensors") == samples.plain.checksum
    for wrong in [[], ["--key-file", old]]:
        s3.refuses(DATA_WRONG, "load", uri + "-new.tensors", *wrong)
    plain = folder / "plain.safetensors"
    assert s3("decrypt", "--key-file", new, uri + "-new.tensors", plain).code == OK
    assert s3.checksum(plain) == samples.plain.checksum


def test_shards_and_their_list(s3, ceph, samples, key, uri, source):
    convert(s3, "--max-shard-size", "9MiB", source, uri + ".safetensors")
    shards = {f"-{i:05}-of-00004.safetensors" for i in range(1, 5)}
    assert keys_after(ceph, key) == shards | {".safetensors.index.json"}
    assert ceph.uploads(key) == []
    convert(s3, uri + ".safetensors.index.json", uri + "-joined.tensors")
    assert s3.checksum(uri + "-joined.tensors") == samples.plain.checksum


def test_numbered_files(s3, ceph, samples, key, uri, source, folder):
    convert(s3, "--max-shard-size", "9MiB", source, uri + "-%03d.tensors")
    assert keys_after(ceph, key) == {f"-{i:03}.tensors" for i in range(4)}
    convert(s3, uri + "-%03d.tensors", folder / "joined.tensors")
    assert s3.checksum(folder / "joined.tensors") == samples.plain.checksum
    ceph.client.delete_object(Bucket=BUCKET, Key=f"{key}-002.tensors")
    error = s3.refuses(NOT_FOUND, "convert", uri + "-%03d.tensors", folder / "gap.tensors")
    assert f"{uri}-002.tensors: it is missing" in error, error
    assert not (folder / "gap.tensors").exists()


# --- whole or not at all


def test_nothing_is_replaced_without_force(s3, ceph, samples, key, uri, source):
    name = key + ".tensors"
    ceph.client.put_object(Bucket=BUCKET, Key=name, Body=b"old")
    error = s3.refuses(USAGE, "convert", source, uri + ".tensors")
    assert uri in error and "--force" in error, error
    assert ceph.client.get_object(Bucket=BUCKET, Key=name)["Body"].read() == b"old"
    assert ceph.uploads(key) == []
    convert(s3, "--force", source, uri + ".tensors")
    assert s3.checksum(uri + ".tensors") == samples.plain.checksum
    convert(s3, "--force", "--align", "1", uri + ".tensors", uri + ".tensors")  # itself
    assert s3.checksum(uri + ".tensors") == samples.plain.checksum


def begin(slow_s3, ceph, key, *arguments):
    """A conversion whose source takes three seconds, and of whose target the server has a part."""
    run = slow_s3.start("convert", *arguments, "--concurrency", 1, "--chunk-size", "256KiB")
    until = time.monotonic() + 30
    while ceph.parts(key) == 0:
        assert run.process.poll() is None, run.finish(1)
        assert time.monotonic() < until, run.kill()
        time.sleep(0.01)
    assert run.process.poll() is None, run.finish(1)
    return run


def test_nothing_that_came_meanwhile_is_replaced(slow_s3, ceph, key, uri, source):
    run = begin(slow_s3, ceph, key, source, uri + ".tensors")
    ceph.client.put_object(Bucket=BUCKET, Key=key + ".tensors", Body=b"other's")
    result = run.finish(60)
    assert result.code == USAGE and "--force" in result.error, result
    body = ceph.client.get_object(Bucket=BUCKET, Key=key + ".tensors")["Body"].read()
    assert body == b"other's"
    assert ceph.uploads(key) == []


def test_server_that_comes_back_costs_only_retries(s3, slow_s3, ceph, samples, key, uri, source):
    run = begin(slow_s3, ceph, key, source, uri + ".safetensors")
    ceph.script("bounce")
    result = run.finish(90)
    assert result.code == OK, result
    assert s3.checksum(uri + ".safetensors") == samples.plain.checksum
    assert ceph.uploads(key) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopped_conversion_leaves_nothing(slow_s3, ceph, key, uri, source, how):
    run = begin(slow_s3, ceph, key, source, uri + ".tensors")
    run.process.send_signal(how)
    result = run.finish(30)
    assert (result.code, result.out) == (CANCELLED, b""), result
    assert ceph.keys(key) == set()
    assert ceph.uploads(key) == []


@pytest.mark.parametrize("shards", [[], ["--max-shard-size", "18MiB"]])
def test_killed_conversion_is_listed_and_aborted(s3, slow_s3, ceph, key, uri, source, shards):
    run = begin(slow_s3, ceph, key, source, uri + ".safetensors", *shards)
    run.kill()
    assert ceph.keys(key) == set()
    listed = s3("uploads", uri, "--json").json["uploads"]
    assert [one["upload_id"] for one in listed] == [upload for _, upload in ceph.uploads(key)] != []
    assert s3("uploads", uri, "--abort").code == OK
    assert ceph.uploads(key) == []


def test_damaged_source_leaves_nothing(s3, ceph, samples, key, uri):
    damaged = Sample(samples.damaged(), samples.tz)
    source = ceph.put(f"{key}-damaged", damaged.path)
    damaged.path.unlink()
    error = s3.refuses(DATA_WRONG, "convert", source, uri + ".tensors")
    assert source in error, error
    assert keys_after(ceph, key) == {"-damaged"}
    assert ceph.uploads(key) == []


def test_deleted_source_leaves_nothing(slow_s3, ceph, samples, key, uri):
    source = ceph.put(f"{key}-source", samples.plain.path)
    run = begin(slow_s3, ceph, key, source, uri + ".tensors")
    ceph.client.delete_object(Bucket=BUCKET, Key=f"{key}-source")
    result = run.finish(60)
    assert result.code not in (OK, USAGE) and result.out == b"", result
    assert ceph.keys(key) == set()
    assert ceph.uploads(key) == []


def test_memory_is_bounded(s3, ceph, key, uri, folder):
    """One tensor, several times larger than staging and the parts that wait: at most two of 8 MiB for each lane."""
    large = folder / "large.tensors"
    make_sparse(large, 384 << 20)
    source = ceph.put(f"{key}-large", large)
    limits = ["--memory-limit", "64MiB", "--concurrency", 4]
    arguments = ["--json", *limits, source, uri + ".safetensors"]
    result = s3.watched("convert", *arguments, every=0.05)
    assert result.json["bytes"] == 384 << 20
    assert result.peak_bytes <= 64 + 4 * 2 * 8 + 32 + 24 << 20, result.peak_bytes >> 20
