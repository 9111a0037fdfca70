"""Loads and copies from nginx on each of its paths, and while it fails."""

import os
import shutil
import time
from collections import Counter

import pytest
from files import golden, make_sparse, sha256
from program import DATA_WRONG, DENIED, NETWORK, NOT_FOUND, OK, USAGE
from web import PASSWORD, USER

NOTHING = b""

# --- paths that work


@pytest.mark.parametrize(
    "path", ["", "/slow", "/gzip", "/short-lived", "/close", "/busy", "/two", "/moved", "/away"]
)
def test_path_gives_the_right_bytes(tz, web, samples, path):
    plain = samples.plain
    assert tz.checksum(f"{web.url}{path}/{plain.name}") == plain.checksum


@pytest.mark.parametrize("path", ["", "/slow", "/busy", "/two", "/moved", "/away"])
def test_fetch_writes_the_right_bytes(tz, web, samples, folder, path):
    plain = samples.plain
    result = tz("fetch", f"{web.url}{path}/{plain.name}", folder)
    assert result.code == OK, result
    assert os.listdir(folder) == [plain.name]
    assert sha256(folder / plain.name) == plain.sha256


@pytest.mark.parametrize("name", ["unaligned", "encrypted", "many"])
def test_each_kind_of_file_gives_the_right_bytes(tz, web, samples, name):
    sample = getattr(samples, name)
    assert tz.checksum(f"{web.url}/{sample.name}", *sample.options) == sample.checksum


def test_commands_say_of_a_url_what_they_say_of_a_file(tz, web, samples):
    for options in [[], ["--include", "*7"]]:
        local = tz("inspect", "--json", samples.plain.path, *options).json
        remote = tz("inspect", "--json", f"{web.url}/{samples.plain.name}", *options).json
        assert remote["tensors"] == local["tensors"]


@pytest.mark.parametrize("sample", golden(), ids=lambda sample: sample.path.stem)
@pytest.mark.parametrize("path", ["", "/noetag", "/norange"])
def test_golden_file_gives_the_right_bytes(tz, web, sample, path):
    """They are so small that a server which sends them whole will do."""
    (web.root / sample.name).write_bytes(sample.path.read_bytes())
    result = tz("checksum", f"{web.url}{path}/{sample.name}", *sample.options)
    assert (result.code, result.out) == (OK, sample.path.with_suffix(".sha256").read_bytes()), result


def test_an_object_without_an_etag_is_loaded_with_a_warning(tz, web, samples):
    result = tz("checksum", f"{web.url}/noetag/{samples.plain.name}")
    assert (result.code, result.out) == (OK, samples.plain.checksum)
    assert result.error.count("\n") == 1, result
    assert "warning" in result.error and "no ETag and no Last-Modified" in result.error


def test_sources_of_all_kinds_are_loaded_at_once(tz, web, samples):
    plain, other = samples.plain, samples.unaligned
    sources = [plain.path, f"{web.url}/{plain.name}", f"file://{other.path}", f"{web.url}/{other.name}"]
    facts = tz.load(*sources)
    tensors = plain.checksum.count(b"\n") - 1 + other.checksum.count(b"\n") - 1
    assert facts["tensors"] == 2 * tensors
    result = tz("verify", *sources)
    assert result.code == OK and result.out.count(b": OK (") == 4, result


def test_fetch_copies_several_to_names_and_folders(tz, web, samples, folder):
    (folder / "in").mkdir()
    many, key = samples.many, samples.encrypted
    arguments = [f"{web.url}/{many.name}", folder / "in", f"{web.url}/{key.name}", folder / "copy"]
    result = tz("fetch", *arguments, "--sha256", many.sha256, "--sha256", key.sha256)
    assert result.code == OK, result
    assert sha256(folder / "in" / many.name) == many.sha256
    assert sha256(folder / "copy") == key.sha256


def test_an_empty_file_is_fetched(tz, web, folder):
    (web.root / "empty").touch()
    assert tz("fetch", f"{web.url}/empty", folder).code == OK
    assert (folder / "empty").read_bytes() == NOTHING
    assert "the file is empty" in tz.refuses(DATA_WRONG, "load", f"{web.url}/empty")


# --- what it costs


def test_each_lane_keeps_one_connection(tz, web, samples):
    name = samples.plain.name
    facts = tz.load(f"{web.url}/{name}", "--concurrency", 3, "--chunk-size", "1MiB")
    requests = web.requests(name, at_least=facts["requests"])
    assert len(requests) == facts["requests"] > 30
    assert len({request.connection for request in requests}) == facts["connections"] <= 3
    assert facts["retries"] == 0


def test_nothing_is_asked_for_twice(tz, web, samples):
    plain = samples.plain
    facts = tz.load(f"{web.url}/{plain.name}")
    ranges = sorted(
        tuple(map(int, request.range.removeprefix("bytes=").split("-")))
        for request in web.requests(plain.name, at_least=facts["requests"])
    )
    assert ranges[0][0] == 0
    # nobody needs what may stand behind the last tensor
    assert plain.size - 4096 < ranges[-1][1] < plain.size
    overlap = sum(max(0, a[1] + 1 - b[0]) for a, b in zip(ranges, ranges[1:]))
    assert overlap <= 1 << 20, ranges


def test_only_what_is_chosen_is_asked_for(tz, web, samples):
    plain = samples.plain
    facts = tz.load(f"{web.url}/{plain.name}", "--include", "tensor.1")
    assert facts["tensors"] == 1
    sent = sum(request.bytes_sent for request in web.requests(plain.name, at_least=facts["requests"]))
    assert sent < plain.size / 4


@pytest.mark.parametrize("path, requests_max", [("/short-lived", 3), ("/close", 1)])
def test_a_closed_connection_is_no_failure(tz, web, samples, path, requests_max):
    name = samples.plain.name
    facts = tz.load(f"{web.url}{path}/{name}", "--concurrency", 2)
    assert facts["retries"] == 0
    requests = web.requests(name, at_least=facts["requests"])
    each = Counter(request.connection for request in requests)
    assert max(each.values()) == requests_max
    assert len(each) == facts["connections"]


def test_a_redirect_is_followed_once(tz, web, samples):
    name = samples.plain.name
    facts = tz.load(f"{web.url}/moved/{name}")
    requests = web.requests(name, at_least=facts["requests"])
    assert [request.path for request in requests].count(f"/moved/{name}") == 1


def assert_memory_limit_holds(tz, web, size):
    """64 MiB of buffers, 32 MiB for connections and the like, and the program itself."""
    path = web.root / "large.tensors"
    make_sparse(path, size)
    program = tz.watched("inspect", path).peak_bytes
    arguments = ["load", "--json", "--memory", "none", "--verify", "none", "--memory-limit", "64MiB"]
    result = tz.watched(*arguments, f"{web.url}/{path.name}", seconds=400, every=0.1)
    path.unlink()
    assert result.json["bytes"] == size
    assert result.json["staging_bytes"] <= 64 << 20
    assert max(result.peak_bytes, result.json["peak_rss_bytes"]) <= program + (64 + 32 << 20)


def test_a_memory_limit_holds(tz, web):
    assert_memory_limit_holds(tz, web, 1 << 30)


@pytest.mark.slow
def test_a_tensor_of_20_gib_needs_no_more_memory(tz, web):
    """It is sparse on the disk."""
    assert_memory_limit_holds(tz, web, 20 << 30)


def test_two_connections_are_enough_for_many_tensors(tz, web, samples):
    many = samples.many
    result = tz("checksum", f"{web.url}/two/{many.name}")
    assert (result.code, result.out) == (OK, many.checksum)
    requests = web.requests(many.name, at_least=9)  # of 8 MiB
    refused = [request for request in requests if request.status == 503]
    assert len(refused) < 60


# --- paths that fail


@pytest.mark.parametrize(
    "path, code, says",
    [
        ("/code/403", DENIED, "access is denied (status 403)"),
        ("/code/404", NOT_FOUND, "there is no such object (status 404)"),
        ("/code/429", NETWORK, "the server asks for fewer requests (status 429), after 2 tries"),
        ("/code/500", NETWORK, "the server failed (status 500), after 2 tries"),
        ("/code/502", NETWORK, "the server failed (status 502), after 2 tries"),
        ("/code/503", NETWORK, "the server asks for fewer requests (status 503), after 2 tries"),
        ("/code/504", NETWORK, "the server failed (status 504), after 2 tries"),
        ("/drop/plain.tensors", NETWORK, "closed the connection without an answer, after 2 tries"),
        ("/loop/plain.tensors", NETWORK, "redirects once more after 5 redirects"),
        ("/norange/plain.tensors", NETWORK, "the server ignores ranges"),
        ("/auth/plain.tensors", DENIED, "access is denied (status 401)"),
        ("/absent", NOT_FOUND, "there is no such object (status 404)"),
        ("/", DENIED, "access is denied (status 403)"),
    ],
)
@pytest.mark.parametrize("command", ["load", "fetch"])
def test_path_fails_with_its_reason(tz, web, folder, command, path, code, says):
    arguments = [f"{web.url}{path}", *([folder / "copy"] if command == "fetch" else [])]
    error = tz.refuses(code, command, *arguments, "--tries", 2)
    assert f"{web.url}{path}" in error and says in error, error
    assert os.listdir(folder) == []


@pytest.mark.parametrize(
    "path, requests", [("/code/403", 1), ("/code/404", 1), ("/code/500", 3), ("/loop/x", 6)]
)
def test_only_what_may_pass_is_tried_again(tz, web, path, requests):
    tz("load", f"{web.url}{path}", "--tries", 3)
    time.sleep(0.2)
    assert len(web.requests(path, at_least=requests)) == requests


def test_redirects_have_a_limit(tz, web, samples):
    url = f"{web.url}/moved/{samples.plain.name}"
    assert "redirects" in tz.refuses(NETWORK, "load", "--redirects", 0, url)
    tz.load("--redirects", 1, url)


def test_a_flipped_bit_is_noticed(tz, web, samples):
    url = f"{web.url}/{samples.damaged().name}"
    for command in ["load", "verify", "checksum"]:
        error = tz.refuses(DATA_WRONG, command, url)
        assert url in error and "tensor" in error, error


def test_a_file_that_is_cut_is_noticed(tz, web, samples):
    cut = web.root / "cut.tensors"
    cut.write_bytes(samples.plain.path.read_bytes()[:10_000_000])
    assert "the file ends at byte 10000000" in tz.refuses(DATA_WRONG, "load", f"{web.url}/cut.tensors")


def test_a_wrong_digest_leaves_no_file(tz, web, samples, folder):
    url = f"{web.url}/{samples.many.name}"
    error = tz.refuses(DATA_WRONG, "fetch", url, folder, "--sha256", samples.plain.sha256)
    assert url in error, error
    assert os.listdir(folder) == []


def test_a_key_is_needed_and_must_be_right(tz, web, samples, folder):
    url = f"{web.url}/{samples.encrypted.name}"
    assert "--key-file" in tz("load", url).error
    (folder / "wrong").write_bytes(bytes(32))
    tz.refuses(DATA_WRONG, "load", url, "--key-file", folder / "wrong")


def test_too_little_memory_is_an_error(tz, web, samples):
    error = tz.refuses(USAGE, "load", f"{web.url}/{samples.plain.name}", "--memory-limit", "1KiB")
    assert "memory limit is 1 KiB" in error, error


# --- user and password


def test_a_user_and_password_are_sent(tz, web, samples):
    place = web.url.removeprefix("http://")
    password = PASSWORD.replace(" ", "%20")
    url = f"http://{USER}:{password}@{place}/auth/{samples.plain.name}"
    assert tz.checksum(url) == samples.plain.checksum
    error = tz.refuses(DENIED, "load", url.replace("sesame", "barley"))
    assert "401" in error and "barley" not in error and USER not in error, error


def test_a_user_and_password_stay_on_a_redirect_within_the_server(tz, web, samples):
    place = web.url.removeprefix("http://")
    tz.load(f"http://{USER}:x@{place}/moved/{samples.plain.name}")
    assert {request.credentials for request in web.requests(samples.plain.name)} == {"Basic"}


def test_a_user_and_password_do_not_follow_to_another_host(tz, web, samples):
    place = web.url.removeprefix("http://")
    name = samples.plain.name
    facts = tz.load(f"http://{USER}:x@{place}/away/{name}")
    sent = {request.path: set() for request in web.requests(name, at_least=facts["requests"])}
    for request in web.requests(name):
        sent[request.path].add((request.host.split(":")[0], request.credentials))
    assert sent == {f"/away/{name}": {("127.0.0.1", "Basic")}, f"/{name}": {("localhost", "-")}}


# --- while it fails or changes


# Of /slow/, which limits each connection
SLOWLY = ["--concurrency", 4, "--chunk-size", "1MiB"]


def slow_load(tz, web, name, *options):
    """A checksum that takes some seconds, once a part of it has come."""
    run = tz.start("checksum", f"{web.url}/slow/{name}", *SLOWLY, *options)
    web.requests(name, at_least=3)
    return run


def test_killed_workers_cost_only_retries(tz, web, samples):
    plain = samples.plain
    run = slow_load(tz, web, plain.name)
    for worker in web.workers():
        os.kill(worker, 9)
    result = run.finish(60)
    assert (result.code, result.out) == (OK, plain.checksum), result


def test_new_workers_cost_nothing(tz, web, samples):
    """As when nginx reads its configuration again."""
    plain = samples.plain
    run = slow_load(tz, web, plain.name)
    os.kill(web.master, 1)
    result = run.finish(60)
    assert (result.code, result.out) == (OK, plain.checksum), result


def test_a_server_that_comes_back_costs_only_retries(tz, web, samples):
    plain = samples.plain
    run = slow_load(tz, web, plain.name)
    web.stop()
    time.sleep(0.3)
    web.start()
    result = run.finish(60)
    assert (result.code, result.out) == (OK, plain.checksum), result


def test_a_server_that_stays_away_is_an_error(tz, web, samples):
    plain = samples.plain
    run = slow_load(tz, web, plain.name, "--tries", 3)
    try:
        web.stop()
        result = run.finish(60)
    finally:
        web.start()
    assert (result.code, result.out) == (NETWORK, NOTHING), result
    assert "after 3 tries" in result.error, result


def replace(web, samples):
    """Puts another file in the place of what is being read. nginx's ETag is length and second."""
    shutil.copy(samples.other, web.root / "new")
    os.utime(web.root / "new", (0, 0))
    os.replace(web.root / "new", web.root / "replaced.tensors")


def test_an_object_that_is_replaced_is_never_mixed(tz, web, samples):
    shutil.copy(samples.plain.path, web.root / "replaced.tensors")
    run = slow_load(tz, web, "replaced.tensors", "--verify", "none")
    replace(web, samples)
    result = run.finish(60)
    assert (result.code, result.out) == (NETWORK, NOTHING), result
    assert "the object was replaced during the load" in result.error, result


def test_without_an_etag_hashes_notice_it(tz, web, samples):
    shutil.copy(samples.plain.path, web.root / "replaced.tensors")
    options = ["--concurrency", 1, "--chunk-size", "64KiB"]
    run = tz.start("checksum", f"{web.url}/noetag/replaced.tensors", *options)
    web.requests("replaced.tensors", at_least=10)
    replace(web, samples)
    result = run.finish(60)
    assert (result.code, result.out) == (DATA_WRONG, NOTHING), result


def test_fetch_leaves_nothing_of_an_object_that_is_replaced(tz, web, samples, folder):
    shutil.copy(samples.plain.path, web.root / "replaced.tensors")
    run = tz.start("fetch", f"{web.url}/slow/replaced.tensors", folder, *SLOWLY)
    web.requests("replaced.tensors", at_least=3)
    replace(web, samples)
    result = run.finish(60)
    assert (result.code, result.out) == (NETWORK, NOTHING), result
    assert os.listdir(folder) == []


def test_a_deadline_ends_a_load(tz, web, samples):
    error = tz.refuses(NETWORK, "load", f"{web.url}/slow/{samples.plain.name}", "--deadline", "500ms")
    assert "deadline" in error, error


def test_ctrl_c_ends_a_fetch(tz, web, samples, folder):
    run = tz.start("fetch", f"{web.url}/slow/{samples.plain.name}", folder)
    web.requests(samples.plain.name, at_least=1)
    run.process.send_signal(2)
    assert run.finish(20).code == 130
    assert os.listdir(folder) == []

