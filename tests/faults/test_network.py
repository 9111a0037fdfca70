"""Servers that fail, rows 43 and 45 to 57: rightly loaded, or one kind of error that names the URL."""

import gzip
import socket
import struct
import threading

import pytest
from files import LARGE_SUMS, REGION, SUMS
from server import RESET, head, ranged, said, serving

#: Few tries and short waits, so that what can't succeed ends soon.
OPTIONS = ["--tries", "2", "--stall-time", "400ms", "--first-byte-timeout", "700ms", "--connect-timeout", "2s"]
NETWORK = {"tries": "2", "stall-time-ms": "400", "first-byte-timeout-ms": "700", "connect-timeout-ms": "2000"}


@pytest.fixture
def content(samples) -> bytes:
    return samples.plain.read_bytes()


def other(**changes):
    """Answers for a range, but with other fields."""
    return lambda request, content: ranged(request, content, **changes)


def part_only(request, content, then):
    begin, end = request.range(len(content))
    where = f"bytes {begin}-{end - 1}/{len(content)}"
    yield head("206 Partial Content", content_range=where, content_length=end - begin)
    yield content[begin : begin + (end - begin) // 2]
    yield then


def compressed(request, content):
    body = gzip.compress(content)
    return ranged(request, content, body, content_encoding="gzip", content_length=len(body))


def shifted(request, content):
    begin, end = request.range(len(content))
    return ranged(request, content, content_range=f"bytes {begin + 1}-{end}/{len(content) + 1}")


def chunked_wrongly(request, content):
    yield head("206 Partial Content", transfer_encoding="chunked", content_range=f"bytes 0-99/{len(content)}")
    yield b"xyz\r\nno number\r\n"


def of_many_fields(request, content):
    yield b"HTTP/1.1 206 Partial Content\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(10_000)) + b"\r\n"


def endless_head(request, content):
    yield b"HTTP/1.1 206 Partial Content\r\n"
    for _ in range(1000):
        yield b"X-A: " + b"a" * 1000 + b"\r\n"


def informational_flood(request, content):
    for _ in range(1000):
        yield b"HTTP/1.1 102 Processing\r\n\r\n"


def with_two_lengths(request, content):
    yield head("206 Partial Content", content_length=3)[:-2] + b"Content-Length: 4\r\n\r\nabc"


def without_head(request, content):
    yield b"not HTTP at all"
    yield None


def silence(request, content):
    yield 3600


#: Row, what the server does with every request, the kind of error, and what it says.
FAULTS = [
    (45, "reset in the middle", "transport", "", lambda r, c: part_only(r, c, RESET)),
    (45, "end in the middle", "transport", "", lambda r, c: part_only(r, c, None)),
    (45, "reset at once", "transport", "", lambda r, c: iter([RESET])),
    (45, "no length", "transport", "", other(content_length=None)),
    (46, "no answer", "transport", "", silence),
    (46, "stall in the middle", "transport", "", lambda r, c: part_only(r, c, 3600)),
    (47, "another range", "transport", "", shifted),
    (47, "no Content-Range", "transport", "", other(content_range=None)),
    (47, "multipart", "transport", "", other(content_range=None, content_type="multipart/byteranges; boundary=x")),
    (47, "416", "transport", "", lambda r, c: said("416 Range Not Satisfiable")),
    (48, "500", "transport", "500", lambda r, c: said("500 Internal Server Error")),
    (48, "502", "transport", "502", lambda r, c: said("502 Bad Gateway")),
    (48, "503", "transport", "503", lambda r, c: said("503 Service Unavailable", retry_after="0")),
    (48, "503 with junk", "transport", "503", lambda r, c: said("503 Service Unavailable", retry_after="junk")),
    (48, "503 for an hour", "transport", "503", lambda r, c: said("503 Service Unavailable", retry_after="3600")),
    (48, "429", "transport", "429", lambda r, c: said("429 Too Many Requests")),
    (48, "408", "transport", "408", lambda r, c: said("408 Request Timeout")),
    (49, "404", "not_found", "", lambda r, c: said("404 Not Found")),
    (49, "403", "denied", "", lambda r, c: said("403 Forbidden")),
    (49, "401", "denied", "", lambda r, c: said("401 Unauthorized")),
    (49, "301 to nowhere", "transport", "", lambda r, c: said("301 Moved Permanently")),
    (49, "304", "transport", "304", lambda r, c: said("304 Not Modified")),
    (51, "10,000 fields", "transport", "", of_many_fields),
    (51, "a head of a megabyte", "transport", "", endless_head),
    (51, "bad chunks", "transport", "", chunked_wrongly),
    (51, "2^64 bytes", "transport", "", other(content_length=1 << 64)),
    (51, "two lengths", "transport", "", with_two_lengths),
    (51, "endless 1xx", "transport", "", informational_flood),
    (51, "no head", "transport", "", without_head),
    (51, "control characters", "transport", "", lambda r, c: said("500 \x1b[31mred\x07")),
    (51, "an ETag with NUL", "transport", "", other(etag='"a\0b"')),
    (52, "gzip", "transport", "", compressed),
]


@pytest.mark.parametrize("row, what, kind, says, answer", FAULTS, ids=[f"{f[0]}-{f[1]}" for f in FAULTS])
def test_always(loads, content, row, what, kind, says, answer):
    with serving(lambda request: answer(request, content)) as server:
        loads.refuses(server.url(), kind, says, OPTIONS, network=NETWORK)


PASSING = [fault for fault in FAULTS if fault[0] in (45, 46, 51, 52) or fault[1] in ("500", "502", "503", "429", "408")]


@pytest.mark.parametrize("row, what, kind, says, answer", PASSING, ids=[f"{f[0]}-{f[1]}" for f in PASSING])
def test_once(loads, content, row, what, kind, says, answer):
    """The first request fails, and then none: right bytes."""
    failed = []

    def first_fails(request):
        fails = len(failed) < 1
        failed.append(request)
        return answer(request, content) if fails else ranged(request, content)

    for in_python in (False, True):
        failed.clear()
        with serving(first_fails) as server:
            if in_python:
                assert is_right(loads, server.url())
            else:
                result = loads.run("load", server.url(), *OPTIONS)
                assert result.code == 0, result
            assert len(failed) > 1


def test_whole_object_in_place_of_a_range(loads, content):
    """Of a small object that is as good."""

    def whole(request):
        return said("200 OK", content, etag='"1"')

    with serving(whole) as server:
        loads.loads(server.url(), SUMS, OPTIONS, network=NETWORK)


def test_object_that_is_replaced(loads, samples):
    """Each answer is of another version."""
    content = samples.large.read_bytes()

    def replaced(request):
        return ranged(request, content, etag=f'"{request.number}"')

    with serving(replaced) as server:
        loads.refuses(server.url(), "object_changed", "", OPTIONS, network=NETWORK)


def test_412(loads, samples):
    content = samples.large.read_bytes()

    def gone(request):
        return said("412 Precondition Failed") if "if-match" in request.headers else ranged(request, content)

    with serving(gone) as server:
        loads.refuses(server.url(), "object_changed", "", OPTIONS, network=NETWORK)


def test_without_etag_there_is_a_warning(loads, content):
    with serving(lambda request: ranged(request, content, etag=None)) as server:
        assert server.url() in loads.loads(server.url(), SUMS, OPTIONS, network=NETWORK)


def test_flipped_bit(loads, content):
    """In the data, in every answer: what is fetched again is wrong too."""
    at = content.index(bytes(range(77))) + 5
    wrong = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    with serving(lambda request: ranged(request, wrong)) as server:
        loads.refuses(server.url(), "integrity", "third", OPTIONS, network=NETWORK)


def test_bit_flipped_once(loads, content):
    """In the first answer that has it: it is fetched again."""
    at, flipped = content.index(bytes(range(77))) + 5, []
    wrong = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]

    def once(request):
        begin, end = request.range(len(content))
        first = begin <= at < end and not flipped
        if first:
            flipped.append(request)
        return ranged(request, wrong if first else content)

    for run in (lambda url: loads.run("load", url, *OPTIONS).code == 0, lambda url: is_right(loads, url)):
        flipped.clear()
        with serving(once) as server:
            assert run(server.url())
        assert flipped


def is_right(loads, url) -> bool:
    return loads.in_python(url, network=NETWORK).get("sums") == SUMS


def test_server_that_closes_after_each_answer(loads, samples):
    content = samples.large.read_bytes()

    def close(request):
        yield from ranged(request, content, connection="close")
        yield None

    with serving(close) as server:
        loads.loads(server.url(), LARGE_SUMS, OPTIONS, network=NETWORK)


def test_nobody_listens(loads):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    loads.refuses(f"http://127.0.0.1:{port}/m", "transport", str(port), OPTIONS, network=NETWORK)


def test_plain_text_on_the_port_of_tls(loads, content):
    with serving(lambda request: ranged(request, content)) as server:
        url = server.url().replace("http:", "https:")
        loads.refuses(url, "transport", "", OPTIONS, network=NETWORK)


def test_name_that_does_not_exist(loads):
    loads.refuses("http://no-such-host.invalid/m", "transport", "no-such-host.invalid", OPTIONS, network=NETWORK)


def test_length_of_the_index_is_checked_before_a_second_request(loads, content):
    wrong = content[:REGION] + struct.pack("<Q", (1 << 64) - 8) + content[REGION + 8 :]
    with serving(lambda request: ranged(request, wrong)) as server:
        loads.refuses(server.url(), "format", "the file has", OPTIONS, network=NETWORK)
        assert len(server.requests) == 2  # one of each program


def test_503_now_and_then(loads, content):
    """Each third request fails; the package gets over it each time."""
    lock = threading.Lock()
    count = [0]

    def now_and_then(request):
        with lock:
            count[0] += 1
            fails = count[0] % 3 == 1
        return said("503 Service Unavailable") if fails else ranged(request, content)

    with serving(now_and_then) as server:
        for _ in range(5):
            assert loads.in_python(server.url()).get("sums") == SUMS
