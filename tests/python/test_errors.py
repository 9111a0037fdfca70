"""Every class of error, provoked: what it is, what it says, and what it does not."""

import json
import os
import pathlib
import pickle
import re
import shutil
import struct
import threading

import numpy
import pytest
import safetensors
import tzio
import tzio.errors
import tzio.safetensors.numpy
from ranges import Handler, serving, serving_slowly

SECRET = "S3CRET"
#: What stands in a signed URL, and in no error.
QUERY = f"?X-Amz-Signature={SECRET}&token={SECRET}"


class Faulty(Handler):
    """Answers as the first part of the path says: /503/name."""

    asked = 0

    def answer(self, send):
        kind, _, name = self.path.split("?")[0].lstrip("/").partition("/")
        self.path = "/" + name
        if kind == "changing":
            type(self).asked += 1
            if type(self).asked > 1:
                os.utime(os.path.join(self.folder, name), ns=(self.asked, self.asked))  # another ETag
        elif kind == "cut" and send:
            self.send_response(206)
            self.send_header("Content-Range", "bytes 0-99999/100000")
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.close_connection = True
            return
        elif kind.isdigit():
            self.send_response(int(kind))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().answer(send)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    tensors = {str(i): numpy.full((1 << 18,), i, dtype=numpy.float32) for i in range(8)}
    for name in ("model.tensors", "model.safetensors"):
        tzio.save_file(tensors, folder / name)
    tzio.save_file({"x": tensors["1"][:1000]}, folder / "sealed.tensors", password=SECRET)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "files")


@pytest.fixture
def server(folder):
    with serving(folder, Faulty, asked=0) as address:
        yield address


def load(uri, **keywords):
    return tzio.load_file(uri, framework="numpy", **keywords)


def failure(kind, work) -> tzio.Error:
    """What `work` raises, which is of this very class."""
    with pytest.raises(tzio.Error) as caught:
        work()
    error = caught.value
    assert type(error) is kind
    assert SECRET not in str(error) + repr(error) + repr(vars(error)) + str(error.__cause__) + str(error.__context__)
    assert isinstance(error.hint, str)
    return error


def changed(path, at: int, content: bytes):
    with open(path, "r+b") as file:
        file.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        file.write(content)


def safetensors_file(path, header: object, size: int = 0):
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + size)


def test_a_file_that_breaks_its_format(folder):
    path = folder / "text.safetensors"
    path.write_bytes(b"no tensors" * 100)
    error = failure(tzio.FormatError, lambda: load(path))
    assert isinstance(error, ValueError)
    assert error.uri == str(path) and error.offset is not None and str(path) in str(error)


def test_a_file_that_was_cut_short(folder):
    path = folder / "model.safetensors"
    os.truncate(path, path.stat().st_size - 1)
    error = failure(tzio.FormatError, lambda: load(path))
    assert error.uri == str(path)


def test_a_version_that_nobody_knows_yet(folder):
    path = folder / "model.tensors"
    changed(path, 5, struct.pack("<I", 99))
    error = failure(tzio.UnsupportedError, lambda: load(path))
    assert isinstance(error, tzio.FormatError) and isinstance(error, ValueError)
    assert error.uri == str(path) and "99" in str(error)


def test_a_hash_that_does_not_fit(folder):
    path = folder / "model.tensors"
    changed(path, -1000, b"\xff")
    error = failure(tzio.HashMismatchError, lambda: load(path))
    assert error.uri == str(path) and error.offset is not None and "7" in str(error)


def test_a_hash_that_is_not_there(folder):
    path = folder / "model.safetensors"
    error = failure(tzio.HashMismatchError, lambda: load(path, verify="all"))
    assert error.uri == str(path) and error.hint


@pytest.mark.parametrize("secrets", [{}, {"password": SECRET + "?"}, {"key": SECRET.encode().ljust(32)}])
def test_a_key_that_is_missing_or_wrong(folder, secrets):
    error = failure(tzio.CryptographyError, lambda: load(folder / "sealed.tensors", **secrets))
    assert error.uri == str(folder / "sealed.tensors")


def test_sealed_data_that_was_changed(folder):
    changed(folder / "sealed.tensors", -100, b"\xff\x01")
    error = failure(tzio.CryptographyError, lambda: load(folder / "sealed.tensors", password=SECRET))
    assert error.uri == str(folder / "sealed.tensors")


def test_what_is_not_there(folder, server):
    error = failure(tzio.NotFoundError, lambda: load(folder / "none.tensors"))
    assert isinstance(error, FileNotFoundError) and not error.retryable
    assert error.uri == str(folder / "none.tensors")
    error = failure(tzio.NotFoundError, lambda: load(f"{server}/files/none.tensors{QUERY}"))
    assert error.uri == f"{server}/files/none.tensors"


@pytest.mark.parametrize("status", [401, 403])
def test_what_is_not_allowed(server, status):
    error = failure(tzio.DeniedError, lambda: load(f"{server}/{status}/model.tensors{QUERY}"))
    assert isinstance(error, PermissionError) and not error.retryable
    assert error.uri == f"{server}/{status}/model.tensors" and error.hint


def test_a_server_that_fails(server):
    error = failure(tzio.StorageError, lambda: load(f"{server}/503/model.tensors{QUERY}", network={"tries": "1"}))
    assert isinstance(error, OSError) and error.retryable
    assert error.uri == f"{server}/503/model.tensors" and "503" in str(error)


def test_a_connection_that_breaks(server):
    error = failure(tzio.StorageError, lambda: load(f"{server}/cut/model.tensors", network={"tries": "1"}))
    assert error.retryable and error.uri == f"{server}/cut/model.tensors"


def test_what_is_no_file():
    error = failure(tzio.StorageError, lambda: load("/dev/null"))
    assert error.uri == "/dev/null" and not error.retryable


def test_an_object_that_changes_while_it_is_read(server):
    error = failure(tzio.ObjectChangedError, lambda: load(f"{server}/changing/model.tensors{QUERY}"))
    assert isinstance(error, tzio.StorageError) and isinstance(error, OSError) and error.retryable
    assert error.uri == f"{server}/changing/model.tensors"


def test_time_that_is_over(folder):
    with serving_slowly(folder) as (address, _):
        error = failure(tzio.DeadlineError, lambda: load(f"{address}/model.tensors{QUERY}", deadline=0.3))
    assert isinstance(error, TimeoutError) and isinstance(error, tzio.StorageError)
    assert error.uri == f"{address}/model.tensors" and error.hint


def test_time_that_is_over_before_another_load_is_done(folder):
    with serving_slowly(folder) as (address, begun), tzio.open(f"{address}/model.tensors") as slow:
        thread = threading.Thread(target=lambda: pytest.raises(tzio.CancelledError, slow.get_tensor, "7"))
        thread.start()
        assert begun.wait(60)
        error = failure(tzio.DeadlineError, lambda: load(folder / "model.tensors", deadline=0.2))
        assert error.uri == str(folder / "model.tensors") and error.hint
        slow.close()
        thread.join()
    assert len(load(folder / "model.tensors", deadline=60)) == 8


def test_more_memory_than_there_is(folder):
    path = folder / "huge.safetensors"
    size = 1 << 43
    safetensors_file(path, {"x": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}, size)
    error = failure(tzio.LimitError, lambda: load(path))
    assert isinstance(error, MemoryError) and error.uri == str(path)


@pytest.mark.parametrize(
    "keywords", [{"verify": "perhaps"}, {"io": "magic"}, {"direct_io": "maybe"}, {"key": b"k" * 32, "password": "x"}]
)
def test_arguments_that_can_not_hold_together(folder, keywords):
    error = failure(tzio.UsageError, lambda: load(folder / "model.tensors", **keywords))
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chunk_size", "8Mo"),
        ("chunk_size", -1),
        ("memory_limit", 3.5),
        ("concurrency", "many"),
        ("workers", -2),
        ("io", "magic"),
        ("direct_io", True),
        ("verify", "perhaps"),
        ("deadline", "soon"),
    ],
)
def test_a_setting_that_is_none_is_told_where_it_is_made(folder, field, value):
    error = failure(tzio.UsageError, lambda: tzio.Config(**{field: value}))
    assert isinstance(error, ValueError) and str(error).startswith(f"{field}={value!r} is ")
    assert str(failure(tzio.UsageError, lambda: load(folder / "model.tensors", **{field: value}))) == str(error)


@pytest.mark.parametrize(
    "name",
    ["CHUNK_SIZE", "CONCURRENCY", "IO", "KDF_MAX_MEMORY", "KDF_MAX_PASSES", "MEMORY_LIMIT", "VERIFY", "WORKERS"],
)
def test_a_variable_that_says_nothing_is_named(folder, monkeypatch, name):
    monkeypatch.setenv(f"TZ_{name}", "foo")
    error = failure(tzio.UsageError, lambda: load(folder / "model.tensors"))
    assert str(error).startswith(f"TZ_{name}='foo' is ")
    sizes = {"CHUNK_SIZE": "1MiB", "KDF_MAX_MEMORY": "1MiB", "MEMORY_LIMIT": "1GiB"}
    good = {**sizes, "IO": "auto", "VERIFY": "auto"}.get(name, 2)
    assert load(folder / "model.tensors", **{name.lower(): good}), "a keyword goes before it"


@pytest.mark.parametrize("name", ["x.foo", "noext", "x.SAFETENSORS"])
def test_a_name_that_says_no_format_is_not_written(folder, name):
    """As `tz convert` has it."""
    tensors = {"x": numpy.ones(3)}
    error = failure(tzio.UsageError, lambda: tzio.save_file(tensors, folder / name))
    assert error.uri == str(folder / name) and str(folder / name) in str(error) and "format=" in error.hint
    assert not (folder / name).exists()
    for chosen in ("tensors", "safetensors"):
        tzio.save_file(tensors, folder / name, format=chosen)
        assert tzio.info(folder / name)[0].format == chosen
    tzio.save_file(tensors, folder / name, password=SECRET)
    assert tzio.info(folder / name)[0].encrypted
    tzio.safetensors.numpy.save_file(tensors, folder / name)  # the original knows one format
    assert tzio.info(folder / name)[0].format == "safetensors"


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("x.safetensors", {"password": SECRET}),
        ("x.tensors", {"metadata": {"a": "b"}}),
        ("x.tensors", {"max_shard_size": "1GB"}),
    ],
)
def test_what_a_format_can_not_do_says_which_can(folder, name, keywords):
    error = failure(tzio.UsageError, lambda: tzio.save_file({}, folder / name, **keywords))
    assert error.uri == str(folder / name) and error.hint and error.hint in str(error)
    assert not (folder / name).exists()


def test_other_misuse_is_of_its_class(folder):
    for work in (
        lambda: tzio.save_file({}, folder / "x.tensors", format="zip"),
        lambda: tzio.load_file(folder / "model.tensors", framework="jax"),
        lambda: tzio.install_as("numpy"),
    ):
        failure(tzio.UsageError, work)
    file = tzio.open(folder / "model.tensors", framework="numpy")
    file.close()
    assert str(folder / "model.tensors") in str(failure(tzio.UsageError, file.__enter__))


def test_a_name_that_an_open_file_lacks_is_a_key_error_with_the_file(folder):
    with tzio.open(folder / "model.tensors", framework="numpy") as file:
        for work in (file.get_tensor, file.get_slice):
            with pytest.raises(KeyError, match="model.tensors: no tensor is called 'nosuch'"):
                work("nosuch")


def test_other_sizes_that_are_none_are_named(folder):
    error = failure(tzio.UsageError, lambda: tzio.open(folder / "model.tensors", prefetch_bytes="8Mo"))
    assert str(error).startswith("prefetch_bytes='8Mo' is no size") and error.hint
    path = folder / "x.safetensors"
    error = failure(tzio.UsageError, lambda: tzio.save_file({}, path, max_shard_size="8Mo"))
    assert str(error).startswith("max_shard_size='8Mo' is no size")


@pytest.mark.parametrize(
    "option",
    [
        {"concurrency": 1 << 32},
        {"workers": 1 << 40},
        {"kdf_max_passes": 1 << 32},
        {"kdf_max_memory": 1 << 64},
        {"memory_limit": "99999999999GiB"},
        {"chunk_size": "9" * 400},
    ],
)
def test_numbers_too_large_for_the_core_are_named(folder, option):
    error = failure(tzio.UsageError, lambda: load(folder / "model.tensors", **option))
    assert str(error).startswith(f"{next(iter(option))}=") and str(error).endswith("is too large")


@pytest.mark.parametrize("deadline", [1e10, 10**400, float("inf")])
def test_a_deadline_beyond_all_years_is_none(folder, deadline):
    assert load(folder / "model.tensors", deadline=deadline)


@pytest.mark.parametrize("deadline", [0, -1, -(10**400), float("-inf"), 1e-9])
def test_a_deadline_that_has_passed(folder, deadline):
    failure(tzio.DeadlineError, lambda: load(folder / "model.tensors", deadline=deadline))


def test_a_deadline_that_is_no_number(folder):
    error = failure(tzio.UsageError, lambda: load(folder / "model.tensors", deadline=float("nan")))
    assert str(error).startswith("deadline=nan is no number of seconds")


@pytest.mark.parametrize("key", [SECRET.encode(), "zz" * 32, b""])
def test_a_key_that_is_none(folder, key):
    with pytest.raises((tzio.Error, ValueError)) as caught:
        load(folder / "sealed.tensors", key=key)
    assert SECRET not in str(caught.value) and "zz" not in str(caught.value)


def test_a_file_that_is_closed_while_it_is_read(folder):
    with serving_slowly(folder) as (address, begun):
        file = tzio.open(f"{address}/model.tensors{QUERY}", framework="numpy")
        closing = threading.Thread(target=lambda: begun.wait(60) and file.close())
        closing.start()
        error = failure(tzio.CancelledError, lambda: file.get_tensor("7"))
        assert error.uri == f"{address}/model.tensors" and error.uri in str(error)
        closing.join()


def test_a_save_where_there_is_no_folder(folder):
    for name in ("x.tensors", "x.safetensors"):
        path = folder / "none" / name
        error = failure(tzio.NotFoundError, lambda path=path: tzio.save_file({"x": numpy.zeros(3)}, path))
        assert error.uri == str(path)


def test_what_safetensors_raises_is_raised(folder):
    path = folder / "text.safetensors"
    path.write_bytes(b"no tensors" * 100)
    error = failure(tzio.safetensors.SafetensorError, lambda: tzio.safetensors.numpy.load_file(path))
    assert isinstance(error, safetensors.SafetensorError) and error.uri == str(path)
    error = failure(tzio.NotFoundError, lambda: tzio.safetensors.numpy.load_file(folder / "none.safetensors"))
    assert isinstance(error, FileNotFoundError)


def test_passwords_in_urls_are_not_told(folder, server):
    address = server.replace("http://", f"http://user:{SECRET}@")
    error = failure(tzio.NotFoundError, lambda: load(f"{address}/files/none.tensors"))
    assert error.uri is not None and error.uri.endswith("/files/none.tensors")


@pytest.mark.parametrize("framework", ["torch", "dlpack"])
def test_a_gpu_that_is_not_there_is_an_error_before_anything_is_read(framework):
    """Whatever of GPU, driver, and CUDA in PyTorch and tzio this machine lacks."""
    error = failure(tzio.DeviceError, lambda: tzio.load_file("/none", framework=framework, device="cuda:99"))
    assert (error.device, error.sticky, error.uri) == (99, False, None)
    assert error.hint


kinds = {
    "format": (tzio.FormatError, ValueError),
    "integrity": (tzio.HashMismatchError, Exception),
    "auth": (tzio.CryptographyError, Exception),
    "unsupported": (tzio.UnsupportedError, ValueError),
    "not_found": (tzio.NotFoundError, FileNotFoundError),
    "denied": (tzio.DeniedError, PermissionError),
    "transport": (tzio.StorageError, OSError),
    "deadline": (tzio.DeadlineError, TimeoutError),
    "object_changed": (tzio.ObjectChangedError, OSError),
    "limit": (tzio.LimitError, MemoryError),
    "io": (tzio.StorageError, OSError),
    "device": (tzio.DeviceError, RuntimeError),
    "cancelled": (tzio.CancelledError, Exception),
    "usage": (tzio.UsageError, ValueError),
}


@pytest.mark.parametrize("kind", kinds)
def test_every_kind_of_the_engine_has_its_class_and_survives_pickling(kind):
    """As it has to between the processes of a pool. test_device_errors.py has those of GPUs."""
    made = tzio.errors.from_core(kind, "file: text", "file", 7, "do this")
    again = pickle.loads(pickle.dumps(made))
    for error in (made, again):
        assert (type(error), isinstance(error, kinds[kind][1])) == (kinds[kind][0], True)
        assert (str(error), error.uri, error.offset, error.hint) == ("file: text", "file", 7, "do this")
    assert getattr(made, "retryable", None) == getattr(again, "retryable", None)


def test_every_public_class_of_errors_is_provoked_here():
    public = {value for value in vars(tzio).values() if isinstance(value, type) and issubclass(value, tzio.Error)}
    of_frameworks = {tzio.UnknownTypeError}  # provoked in test_dtypes.py
    assert public - {tzio.Error, tzio.DeviceMemoryError} - of_frameworks == {kind for kind, _ in kinds.values()}


# --- what to do is said in arguments of calls, not in options of the program


def test_hints_speak_of_arguments():
    cases = {
        "raise --deadline": "raise deadline",
        "raise --memory-limit, or lower --concurrency or --chunk-size": (
            "raise memory_limit, or lower concurrency or chunk_size"
        ),
        "give its key (--key-file) or password (--password-file)": "give its key (key) or password (password)",
        "use --io auto or --io threads": 'use io="auto" or io="threads"',
        "choose another --verify, or write the file anew": "choose another verify, or write the file anew",
        "use https, or --allow-http": 'use https, or network={"allow-http": "1"}',
        "`tz inspect` lists the names": "tzio.info() lists the names",
        "hf download a/b --revision x": "hf download a/b --revision x",
    }
    for hint, ours in cases.items():
        assert tzio.errors.in_arguments(hint) == ours
        error = tzio.errors.from_core("limit", f"--workers: a; {hint}", "--workers", 7, hint)
        assert (str(error), error.uri, error.hint) == (f"--workers: a; {ours}", "--workers", ours), "names stay"


#: Options that no call of the package leads to: it signs nothing, writes no manifest, replaces what is there, and leaves
#: the number of loops to the engine.
NOT_OF_THE_PACKAGE = {"--pubkey", "--sidecar", "--hashes", "--force", "--loops"}
#: Of programs that the text names.
NOT_OURS = {"--abort", "--format", "--revision"}


def test_every_option_in_a_text_of_the_engine_has_its_argument():
    root = pathlib.Path(__file__).parents[2]
    found = set()
    for folder in ("format", "engine", "protocols", "cuda", "python/core"):
        for source in (root / folder).rglob("*.cpp"):
            for text in re.findall(r'"(?:[^"\\\n]|\\.)*"', source.read_text()):
                found |= set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert "--deadline" in found  # else the sources are elsewhere
    for option in found - NOT_OF_THE_PACKAGE - NOT_OURS:
        assert "--" not in tzio.errors.in_arguments(f"use {option}"), option
