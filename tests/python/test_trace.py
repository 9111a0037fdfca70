"""Timelines, statistics, logs and progress: what a load says about itself."""

import builtins
import json
import logging

import pytest
import torch
import tzio
from conftest import weights
from ranges import Failing, serving


@pytest.fixture
def saved(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    tzio.save_file(weights(), path)
    return path


def events(path, phase="X"):
    return [event for event in json.loads(path.read_text()) if event["ph"] == phase]


def test_a_load_leaves_its_timeline(saved, tmp_path):
    trace = tmp_path / "trace.json"
    tzio.load_file(saved, trace=trace)
    stages = {event["name"] for event in events(trace)}
    assert {"read", "copy"} & stages
    assert stages <= {"read", "wait", "verify", "decrypt", "copy", "put", "deliver"}
    assert sum(event["args"]["bytes"] for event in events(trace) if event["name"] == "read") >= sum(
        tensor.nbytes for tensor in weights().values()
    )


def test_a_configuration_names_it_too(saved, tmp_path):
    tzio.load_file(saved, config=tzio.Config(trace=str(tmp_path / "trace.json")))
    assert events(tmp_path / "trace.json")


def test_an_open_file_has_one_for_all_its_loads(saved, tmp_path):
    trace = tmp_path / "trace.json"
    with tzio.open(saved, trace=trace, prefetch_bytes=1) as file:
        assert len(list(file)) == len(weights())
        file.get_slice("layers.0.weight")[3:9]
    reads = [event for event in events(trace) if event["name"] == "read"]
    chunks = [event["args"]["chunk"] for event in reads]
    assert len(chunks) >= 8 and len(set(chunks)) == len(chunks)  # those of a load are behind those before
    for track in {event["tid"] for event in reads}:
        spans = sorted((event["ts"], event["dur"]) for event in events(trace) if event["tid"] == track)
        assert all(begin + length <= after + 1e-3 for (begin, length), (after, _) in zip(spans, spans[1:]))


def test_a_module_has_one_for_both_its_loads(saved, tmp_path):
    trace = tmp_path / "trace.json"
    module = torch.nn.Module()
    module.register_buffer("positions", torch.zeros(1000, dtype=torch.int64))  # filled in place
    module.register_buffer("scale", torch.tensor(0.0))  # cast
    info = tzio.load_into_module(module, saved, strict=False, trace=trace)
    assert info.tensors == info.stats.tensors == 2
    assert len({event["args"]["chunk"] for event in events(trace) if event["name"] == "read"}) >= 2


def test_a_failed_load_leaves_its_timeline_too(tmp_path):
    path = tmp_path / "model.tensors"
    tzio.save_file(weights(), path)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(tzio.HashMismatchError):
        tzio.load_file(path, trace=tmp_path / "trace.json")
    assert events(tmp_path / "trace.json")


def test_a_timeline_that_cant_be_written_is_known_before_the_load(saved, tmp_path):
    seen = []
    with pytest.raises(tzio.NotFoundError) as caught:
        tzio.load_file(saved, trace=tmp_path / "none" / "trace.json", progress=seen.append)
    assert caught.value.uri == str(tmp_path / "none" / "trace.json")
    assert seen == []


def test_one_line_in_the_log_sums_a_load_up(saved, caplog):
    with caplog.at_level(logging.INFO, "tzio"):
        tzio.load_file(saved)
        (line,) = [record.getMessage() for record in caplog.records]
        assert line.startswith("loaded ") and "GB/s" in line
        caplog.clear()
        with tzio.open(saved) as file:
            dict(iter(file))
        file.close()
        (line,) = [record.getMessage() for record in caplog.records]
        assert line.startswith("loaded ")


def test_a_warning_is_not_lost_among_what_is_told_in_detail(tmp_path, caplog):
    tzio.save_file({"x": torch.zeros(80 << 20, dtype=torch.uint8)}, tmp_path / "x.tensors")
    with serving(tmp_path, Failing) as address, caplog.at_level(logging.DEBUG, "tzio"):
        tzio.load_file(f"{address}/x.tensors", chunk_size="64KiB")
    told = {level: [r.getMessage() for r in caplog.records if r.levelname == level] for level in ("WARNING", "DEBUG")}
    (warning,) = told["WARNING"]
    assert "503" in warning and "; try 5 of 8 in " in warning
    assert len(told["DEBUG"]) > 900, "so many that some were left out"


def test_statistics_of_a_file_sum_its_loads(saved):
    with tzio.open(saved, prefetch_bytes=1) as file:
        for _ in file:
            pass
        stats = file.stats.as_dict()
    assert stats["tensors"] == len(weights())
    assert stats["bytes"] == sum(tensor.nbytes for tensor in weights().values())
    assert stats["read_bytes"] > 0 and stats["seconds"] > 0
    assert set(stats["stages"]) == {"read", "wait", "verify", "decrypt", "copy"}


def test_progress_true_needs_no_tqdm(saved, monkeypatch, caplog):
    real = builtins.__import__

    def without_tqdm(name, *rest, **keywords):
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real(name, *rest, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    assert len(tzio.load_file(saved, progress=True)) == len(weights())
    assert "tqdm" in caplog.text


def test_progress_true_is_a_bar_that_ends(saved, monkeypatch):
    tqdm = pytest.importorskip("tqdm.auto")
    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, **keywords):
            super().__init__(**{**keywords, "disable": False})
            bars.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    tzio.load_file(saved, progress=True)
    with tzio.open(saved, progress=True) as file:
        list(file)
    assert [bar.n for bar in bars] == [bar.total for bar in bars] and len(bars) == 2
    assert all(bar.total > 0 and bar.disable for bar in bars)  # closed
