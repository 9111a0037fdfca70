"""bench/peers.py: whatever this Python can import loads the same bytes; and tz-bench with it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[2] / "bench" / "peers.py"
sys.path.insert(0, str(PEERS.parent / "peers"))

import opt  # noqa: E402


def peers(*arguments: object) -> dict:
    command = [sys.executable, PEERS, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def bench(tz_bench: str, *arguments: object) -> dict:
    command = [tz_bench, *map(str, arguments), "--python", sys.executable, "--peers-script", PEERS, "--json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def importable() -> list[dict]:
    return [one for one in peers("list", "--json")["peers"] if one["importable"]]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A folder as transformers writes it, of 20 MB."""
    folder = tmp_path_factory.mktemp("opt")
    assert 15e6 < peers("make-opt", folder, "--scale", "0.0003")["bytes"] < 25e6
    return folder / "model.safetensors"


@pytest.fixture(scope="module")
def large_model(tmp_path_factory) -> Path:
    """The same, of 500 MB."""
    folder = tmp_path_factory.mktemp("large")
    assert 480e6 < peers("make-opt", folder, "--scale", "0.008")["bytes"] < 520e6
    yield folder / "model.safetensors"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def files(model) -> dict:
    return peers("make", model)["files"]


@pytest.fixture(scope="module")
def password_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "password"
    path.write_text("a password of a test\n")
    return path


@pytest.fixture(scope="module")
def with_password(model, password_file) -> Path:
    target = model.parent / "password.tensors"
    command = [sys.executable, PEERS, "convert", model, target, "--password-file", password_file]
    subprocess.run(command, check=True)
    return target


def test_every_adapter_gives_the_same_bytes(files, with_password, password_file):
    crcs = {}
    for one in importable():
        name = one["name"]
        if one["secret"] == "password":
            report = peers("load", name, with_password, "--password-file", password_file)
        elif one["secret"] is None:
            report = peers("load", name, files[one["reads"]])
        else:
            continue  # tensorizer writes no file with a key that one chooses here
        crcs[name] = report["crc32"]
        assert report["seconds"][0] > 0 and report["bytes"] > 15e6, name
    assert {"safetensors-mmap", "tensorizer", "tensorizer-password", "transformers", "torch-dcp"} <= crcs.keys()
    assert len(set(crcs.values())) == 1, crcs


def test_files_that_fit_are_kept_and_others_made_again(model, files):
    assert peers("make", model)["made"] == []
    model.touch()
    again = peers("make", model, "--formats", "pt")
    assert again["made"] == [files["pt"]]
    assert not Path(files["dcp"]).exists()
    peers("make", model)


def test_what_cannot_be_made_is_told(files, tmp_path):
    source = tmp_path / "alone.tensors"
    source.write_bytes(Path(files["tensors"]).read_bytes())
    said = peers("make", source, "--formats", "tensors,transformers")
    assert said["files"] == {"tensors": str(source)}
    assert "config.json" in said["not_made"]["transformers"]
    assert list(Path(f"{source}.peers").glob("*unfinished*")) == []


def test_an_error_is_one_line_without_the_password(tmp_path):
    password_file = tmp_path / "password"
    password_file.write_text("cAnArY7531")
    nonsense = tmp_path / "nonsense.tensors"
    nonsense.write_bytes(b"nothing")
    command = [sys.executable, PEERS, "load", "tensorizer-password", nonsense, "--password-file", password_file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("peers.py: ")
    assert "cAnArY7531" not in done.stdout + done.stderr


def test_tz_bench_loads_beside_all_of_them(tz_bench, large_model):
    said = bench(tz_bench, "load", large_model, "--peers", "all", "--runs=1", "--warmup=0", "--no-fio")
    peer_entries = [one for one in said["summary"]["entries"] if one["role"] == "peer"]
    for cache, other in (("warm", "cold"), ("cold", "warm")):
        expected = {one["name"] for one in importable() if one["secret"] is None and one["cache"] != other}
        assert {one["name"] for one in peer_entries if one["cache"] == cache} == expected
    entries = {one["name"]: one for one in peer_entries if one["cache"] == "warm"}
    assert {one["name"]: one["failure"] for one in peer_entries if one["failed"]} == {}
    assert len({run["crc32"] for run in said["runs"] if run["role"] in ("load", "peer")}) == 1
    assert entries["safetensors-mmap"]["file_peak_bytes_max"] > 450e6
    assert entries["safetensors-clone"]["anonymous_peak_bytes_max"] > 450e6


def test_compare_says_what_it_will_do_before_it_begins(tz_bench, tmp_path):
    words = ["compare", "--scale=0.0002", "--runs=2", "--warmup=1", "--warm", "--peers=safetensors-mmap"]
    command = [tz_bench, *words, "--python", sys.executable, "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plan, loads = done.stderr.splitlines()[:2]
    assert "OPT-30B scaled by 0.0002 (as asked)" in plan
    assert str(tmp_path) in plan
    assert loads.startswith("tz-bench: 24 loads, ")  # one peer, three of ours and four reads, in three rounds


def test_compare_refuses_what_the_disk_has_no_room_for(tmp_path):
    done = subprocess.run(
        [sys.executable, PEERS, "plan-opt", tmp_path, "--scale", "1"], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        pytest.skip("there is room for 180 GB")
    assert f"{tmp_path}: 3 files of {opt.scaled(1).bytes} bytes don't fit" in done.stderr, done.stderr
    assert "--folder" in done.stderr


def test_compare_makes_its_model_and_removes_it(tz_bench, tmp_path):
    options = ("--scale=0.0002", "--runs=1", "--warmup=0", "--warm", "--folder", tmp_path)
    said = bench(tz_bench, "compare", *options)
    entries = {one["name"]: one for one in said["summary"]["entries"] if one["role"] == "peer"}
    for name in ("tensorizer", "safetensors-mmap", "transformers"):
        assert entries[name]["failed"] is None, entries[name]["failure"]
        assert entries[name]["seconds"].keys() == {"median", "average"}
    assert said["model"]["scale"] == 0.0002
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.001])
def test_a_scale_is_of_the_bytes(scale):
    whole = opt.scaled(1)
    assert (whole.layers, whole.hidden, whole.vocabulary) == (48, 7168, 50272)
    assert opt.scaled(scale).bytes == pytest.approx(whole.bytes * scale, rel=0.5)


def test_the_largest_scale_fits():
    for size in (10**8, 10**9, 10**10, 10**12):
        assert opt.scaled(opt.largest_scale(size)).bytes <= size
    assert opt.largest_scale(10**12) == 1


GB = 10**9


@pytest.mark.parametrize(
    ("memory", "disk", "loads", "bound"),
    [
        (20 * GB, 10**13, 1, "memory"),
        (10**13, 20 * GB, 1, "disk"),
        (10**13, 10**13, 132, "time"),
        (10**13, 10**13, 1, "whole"),
        (20 * GB, 8 * GB, 132, "disk"),
        (64 * GB, 100 * GB, 1000, "time"),
    ],
)
def test_what_fits_memory_disk_and_time_is_made(memory, disk, loads, bound):
    plan = opt.plan("auto", memory, disk, loads)
    assert plan["bound"] == bound
    assert plan["bytes"] <= memory / 5
    assert plan["disk_bytes"] == 3 * plan["bytes"] <= disk * 0.9
    assert plan["seconds"] <= 3600


def test_a_plan_says_what_was_asked_for():
    plan = opt.plan("0.001", GB, 10 * GB, 10)
    assert (plan["scale"], plan["bound"]) == (0.001, "asked")
    assert plan["seconds"] == pytest.approx(10 * plan["bytes"] / 500e6)


def test_a_plan_needs_room_on_the_disk():
    with pytest.raises(OSError, match="give --folder"):
        opt.plan("auto", GB, 10**6, 1)
    with pytest.raises(OSError, match="give --folder"):
        opt.plan("1", 10**13, 100 * GB, 1)


@pytest.mark.parametrize("scale", [0, -1, 1.5])
def test_a_scale_is_between_zero_and_one(scale):
    with pytest.raises(ValueError, match="scale"):
        opt.scaled(scale)
