"""bench/chart.py: the README's pictures are what it makes of the committed run, and show all that was measured."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "figures"
RESULT, TRACE = FIGURES / "local.json", FIGURES / "trace.json"
sys.path.insert(0, str(ROOT / "bench"))

import chart  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*words):
    return subprocess.run([sys.executable, str(ROOT / "bench" / "chart.py"), *map(str, words)], capture_output=True, text=True)


@pytest.fixture
def pictures(tmp_path):
    ended = drawn(RESULT, "--trace", TRACE, tmp_path)
    assert ended.returncode == 0, ended.stderr
    return tmp_path


def words_of(picture):
    return [element.text for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def entry(name="plain", role="load", median=1.0, **more):
    rate = {"median": median, "min": median, "max": median}
    known = {"role": role, "name": name, "file": "f", "cache": "warm", "samples": 3, "gb_per_s": rate, "failure": ""}
    return known | {"ceiling_gb_per_s": None} | more


def result(*entries):
    return {
        "schema": "tz-bench/1",
        "host": {"cores": 2, "cpu": "A & B"},
        "summary": {"rounds": 3, "files": [{"file": "f", "tensor_bytes": 10**9, "tensors": 5}], "entries": list(entries)},
    }


@pytest.mark.parametrize("name", ["loads.svg", "timeline.svg"])
def test_the_committed_pictures_are_those_of_the_committed_run(pictures, name):
    assert (pictures / name).read_bytes() == (FIGURES / name).read_bytes(), (
        "bench/chart.py docs/figures/local.json --trace docs/figures/trace.json docs/figures makes them again"
    )


def test_the_same_run_gives_the_same_bytes(pictures):
    before = {path.name: path.read_bytes() for path in pictures.iterdir()}
    assert drawn(RESULT, "--trace", TRACE, pictures).returncode == 0
    assert {path.name: path.read_bytes() for path in pictures.iterdir()} == before
    assert len(before) == 2


def test_every_load_and_peer_is_there_with_its_median(pictures):
    words = words_of((pictures / "loads.svg").read_text())
    entries = [each for each in json.loads(RESULT.read_text())["summary"]["entries"] if each["role"] in ("load", "peer")]
    assert entries
    for each in entries:
        name = f"tzio, {each['name']}" if each["role"] == "load" else each["name"]
        assert chart.shortened(name, 34) in words
        assert not each["samples"] or f"{each['gb_per_s']['median']:.2f}" in words
    assert any(word.startswith("this machine's ceiling") for word in words)


def test_every_lane_and_stage_of_the_trace_is_there(pictures):
    words = words_of((pictures / "timeline.svg").read_text())
    events = [each for each in json.loads(TRACE.read_text()) if each["ph"] == "X" and each["name"] != "wait"]
    names = {each["tid"]: each["args"]["name"] for each in json.loads(TRACE.read_text()) if each["name"] == "thread_name"}
    assert {names[each["tid"]] for each in events} <= set(words)
    assert {f"any lane: {each['name']}" for each in events} <= set(words)
    rectangles = list(ElementTree.fromstring((pictures / "timeline.svg").read_text()).iter(f"{SVG}rect"))
    assert len([each for each in rectangles if each.find(f"{SVG}title") is not None]) == len(events)


def test_pictures_fit_dark_pages_and_need_nothing_else(pictures):
    for path in pictures.iterdir():
        picture = path.read_text()
        assert "prefers-color-scheme: dark" in picture
        assert picture.count("http") == 1  # the namespace's name
        for element in ElementTree.fromstring(picture).iter(f"{SVG}rect"):
            assert 0 <= float(element.get("x")) <= float(element.get("x")) + float(element.get("width")) <= chart.WIDTH


def test_names_are_escaped():
    assert "tzio, <b>&" in words_of(chart.loads(result(entry("<b>&"))))


def test_what_was_dropped_says_why():
    words = words_of(chart.loads(result(entry(), entry("x", "peer", samples=0, failure="other bytes"))))
    assert "dropped: other bytes" in words


@pytest.mark.parametrize(
    ("lengths", "shown", "expected"),
    [
        ([], [], 1e-9),
        ([2.0, 1.0], [], 2.0),
        ([34.0, 6.0, 5.0], [], 6.0),  # cut
        ([34.0, 6.0, 5.0], [20.0], 34.0),  # not so much longer than what has to be seen
        ([95.0, 34.0, 6.0], [10.0], 10.0),  # both
        ([1.0], [10.0], 10.0),
        ([105.4, 55.8, 11.9, 5.0], [5.7], 11.9),  # of two that are, too
    ],
)
def test_a_bar_much_longer_than_all_others_is_cut(lengths, shown, expected):
    assert chart.scale_of(lengths, shown) == pytest.approx(expected * 1.04)


@pytest.mark.parametrize("scale", [0.05, 0.4, 1.0, 1.8, 9.9, 10.4, 36.0, 99.0, 400.0, 12345.0])
def test_an_axis_has_a_handful_of_marks(scale):
    assert 3 <= scale / chart.step_of(scale) <= 9


@pytest.mark.parametrize(
    ("spans", "expected"),
    [([], []), ([(2, 3), (0, 1)], [(0, 1), (2, 3)]), ([(0, 5), (1, 2), (5, 6)], [(0, 6)])],
)
def test_a_union_of_spans(spans, expected):
    assert chart.union(spans) == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [("[]", "no result of tz-bench load"), ("{}", "no result of tz-bench load"), ("no JSON", "no JSON")],
)
def test_another_file_is_refused_by_name(tmp_path, content, said):
    other = tmp_path / "other.json"
    other.write_text(content)
    ended = drawn(other, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"chart.py: {other}: {said}")
    assert not (tmp_path / "loads.svg").exists()
