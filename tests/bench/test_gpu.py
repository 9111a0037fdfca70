"""bench/gpu.sh where there is no GPU: every part runs to its end, and no table passes for a measurement.

python -m pytest tests/bench/test_gpu.py
"""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"

pytestmark = pytest.mark.skipif(
    not all((BIN / name).exists() for name in ("gpu_probe_fake", "tz_fake_gpu", "tz_bench_fake_gpu")),
    reason="no programs with the tests' runtime: these need CUDA's toolkit, TZ_TESTS and TZ_BENCH",
)


def run(tmp_path, *options):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "memory").mkdir()
    done = subprocess.run(
        [ROOT / "bench/gpu.sh", "--fake", "--size", "32MB", "--tmpfs", tmp_path / "memory"]
        + ["--report", tmp_path / "report", *options, tmp_path / "scratch"],
        capture_output=True,
        text=True,
        check=False,
    )
    log = tmp_path / "report/log.txt"
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    assert not list((tmp_path / "scratch").iterdir()), "its files are gone"
    assert not list((tmp_path / "memory").iterdir()), "its files are gone"
    return (tmp_path / "report/tables.md").read_text()


def check(tables, sections):
    assert tables.startswith("No GPU: the tests' runtime stands in for CUDA. No figure below is a measurement.\n")
    titles = re.findall(r"^## (.*)$", tables, re.MULTILINE)
    assert len(titles) == sections
    assert all("(not measured: no GPU; " in title for title in titles)
    assert "failed" not in tables
    assert "ended with" not in tables
    assert "NOT AS IN THE FILE" not in tables
    assert not re.search(r"\bnan\b", tables)


def test_loads_and_what_is_on_the_device(tmp_path):
    tables = run(tmp_path, "--parts", "facts,check,device,disk,peers")
    check(tables, 6)  # the models come first
    assert tables.count("as in the file") == 4
    for row in ("safetensors", "tensors", "crc32", "sha256", "decrypted by the CPU", "decrypted by the GPU"):
        assert re.search(rf"^\| {row} \| 24 \| \d", tables, re.MULTILINE), row


def test_the_probe_asks_all_its_questions(tmp_path):
    tables = run(tmp_path, "--parts", "probe")
    check(tables, 2)  # the models come first
    for question in (
        "Pinned ring of 256 MiB",
        "cudaHostAlloc",
        "cudaLaunchHostFunc",
        "pread, 4096 KiB",
        "1 GiB once",
        "a mapping, process_vm_readv, 4 MiB",
    ):
        assert question in tables


def test_tuning_says_what_a_load_takes_by_itself(tmp_path):
    tables = run(tmp_path, "--parts", "tune")
    check(tables, 2)
    assert tables.count("| by itself: ") == 5
    assert "| 13 workers, 24 lanes, 4 MiB | " in tables


def test_says_what_is_missing_where_it_was_packed_without_a_gpu(tmp_path):
    packed = tmp_path / "packed"
    (packed / "bin").mkdir(parents=True)
    for program in ("tz", "gpu_probe"):
        (packed / "bin" / program).symlink_to(BIN / program)
    (packed / "gpu.sh").write_bytes((ROOT / "bench/gpu.sh").read_bytes())
    done = subprocess.run(
        ["bash", packed / "gpu.sh", "--fake", "--tmpfs", tmp_path, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "there is no GPU, and no program that does without" in done.stderr
