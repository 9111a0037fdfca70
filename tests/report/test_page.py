"""What a page shows of its data."""

import json

import pytest

ALL = ["summary", "loads", "sweep", "timeline", "progress", "machine", "notes", "raw"]
LANES = [1, 4, 16, 64]
CHUNKS = [1 << 20, 4 << 20, 16 << 20]


def sweep() -> dict:
    """Rates that grow with both; the last combination was not measured."""
    cells = [
        {"concurrency": lanes, "chunk_bytes": bytes, "gb_per_s": 1 + row + column, "best": False}
        for column, lanes in enumerate(LANES)
        for row, bytes in enumerate(CHUNKS)
    ][:-1]
    cells[-1]["best"] = True
    return {"concurrency": LANES, "chunk_bytes": CHUNKS, "cells": cells}


def entries(result: dict, role: str, cache: str) -> list[dict]:
    return [entry for entry in result["summary"]["entries"] if (entry["role"], entry["cache"]) == (role, cache)]


def panel(page, cache_text: str):
    """The table of loads below the heading that ends so."""
    return page.locator(f"#loads > h3:text-matches('{cache_text}$') + table")


def percent(row, selector: str, attribute: str) -> float:
    return float(row.locator(selector).first.get_attribute(attribute).rstrip("%"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_section_is_shown(make_page, open_page, result, scheme):
    page = open_page(make_page(result | {"sweep": sweep()}), scheme)
    assert page.sections() == ALL
    assert page.title() == "model.tensors – tz-bench"
    assert page.locator(".failed").count() == 1, "the loader that failed, and no section"


def test_what_is_not_there_is_not_shown(make_page, open_page, result):
    result["summary"]["notes"] = []
    page = open_page(make_page(result, trace=None))
    assert page.sections() == ["summary", "loads", "machine", "raw"]


def test_a_sweep_alone_is_a_page(make_page, open_page, result):
    alone = {"schema": "tz-bench-sweep/1", "host": result["host"], "sweep": sweep()}
    page = open_page(make_page(alone, trace=None))
    assert page.sections() == ["summary", "sweep", "machine", "raw"]
    assert page.texts("#summary p") == ["Fastest with 64 lanes and chunks of 4 MiB: 5.00 GB/s."]


def test_the_summary_is_a_sentence_for_each_state_of_the_cache(make_page, open_page, result):
    warm, cold = open_page(make_page(result)).texts("#summary p:not(.quiet)")
    delivering = [entry for entry in entries(result, "load", "cold") if entry["name"] != "mapped"]
    ours = max(delivering, key=lambda entry: entry["gb_per_s"]["median"])
    peer = entries(result, "peer", "cold")[0]
    times = ours["gb_per_s"]["median"] / peer["gb_per_s"]["median"]
    assert cold == (
        f"model.tensors, from the disk: tzio ({ours['name']}) loads {ours['gb_per_s']['median']:.2f} GB/s, "
        f"{100 * ours['of_ceiling']:.0f} % of what this machine allows; "
        f"{times:.1f} times tensorizer, the fastest other loader."
    )
    assert warm.startswith("model.tensors, from the page cache: tzio (") and "mapped" not in warm


def test_the_summary_names_who_is_faster(make_page, open_page, result):
    peer = entries(result, "peer", "cold")[0]
    peer["gb_per_s"] = {"median": 50, "min": 50, "max": 50}
    assert open_page(make_page(result)).texts("#summary p")[1].endswith("; tensorizer is faster: 50.00 GB/s.")


@pytest.mark.parametrize("cache, text", [("warm", "from the page cache"), ("cold", "from the disk")])
def test_bars_are_as_long_as_their_figures_say(make_page, open_page, result, cache, text):
    table = panel(open_page(make_page(result)), text)
    units = set()
    for entry in entries(result, "load", cache) + entries(result, "peer", cache):
        row = table.locator(f"[data-entry='{entry['name']}']")
        if not entry["samples"] or entry["name"] == "mapped":
            continue
        rates = entry["gb_per_s"]
        assert row.locator(".figure").first.inner_text() == f"{rates['median']:.2f}"
        assert row.locator(".sample").count() == entry["samples"]
        units.add(round(percent(row, "rect", "width") / rates["median"], 1))
        units.add(round(percent(row, ".whisker", "x1") / rates["min"], 1))
        units.add(round(percent(row, ".whisker", "x2") / rates["max"], 1))
        if entry["ceiling_gb_per_s"]:
            units.add(round(percent(row, ".own-ceiling", "x1") / entry["ceiling_gb_per_s"], 1))
    assert max(units) - min(units) < 0.15, units


def test_a_bar_far_beyond_copying_is_cut_off(make_page, open_page, result):
    mapped = next(entry for entry in entries(result, "load", "warm") if entry["name"] == "mapped")
    mapped["gb_per_s"] = {"median": 900, "min": 800, "max": 1000}
    row = panel(open_page(make_page(result)), "from the page cache").locator("[data-entry='mapped']")
    assert percent(row, "rect", "width") == 100
    assert row.locator(".whisker").count() == 0
    assert row.locator(".figure").first.inner_text() == "900.0"


def test_a_loader_that_failed_is_shown_with_its_reason(make_page, open_page, result):
    row = panel(open_page(make_page(result)), "from the disk").locator("[data-entry='Run:ai streamer']")
    assert row.locator("td").all_inner_texts() == ["Run:ai streamer", "no figures: the command ended with 1"]


def test_disturbed_samples_are_marked(make_page, open_page, result):
    loads = [run for run in result["runs"] if run["role"] == "load" and run["name"] != "mapped"]
    for run in loads[:2]:
        run["disturbed"] = True
    page = open_page(make_page(result))
    assert page.locator("#loads table .sample.disturbed").count() == 2
    assert page.texts("#summary .quiet")[0].endswith("; 2 were disturbed by others and are marked.")
    assert "disturbed by others" in page.texts("#loads .legend li")


def test_the_map_of_rates_frames_the_best(make_page, open_page, result):
    page = open_page(make_page(result | {"sweep": sweep()}))
    rows = [row.split("\t") for row in page.texts(".heat tbody tr")]
    assert rows == [
        ["1 MiB", "1.00", "2.00", "3.00", "4.00"],
        ["4 MiB", "2.00", "3.00", "4.00", "5.00"],
        ["16 MiB", "3.00", "4.00", "5.00", "–"],
    ]
    assert page.texts(".heat .best") == ["5.00"]
    assert "--concurrency 64 --chunk-size 4MiB. Within 3 % of it: 16 × 16 MiB." in page.texts("#sweep p")[0]


def test_the_timeline_tells_of_the_slice_pointed_at(make_page, open_page, result):
    page = open_page(make_page(result))
    timeline = json.loads(page.locator("#timeline-data").text_content())
    lane, stage, begin, length, _, chunk = max(timeline["slices"], key=lambda slice: slice[3])
    drawn = page.locator(".lanes-drawn")
    drawn.scroll_into_view_if_needed()
    box = drawn.bounding_box()
    x = (begin + length / 2) / 1e6 / timeline["seconds"] * box["width"]
    drawn.hover(position={"x": x, "y": (lane + 0.5) * box["height"] / len(timeline["lanes"])})
    told = page.texts("#timeline .told")[0]
    assert told.startswith(f"{timeline['lanes'][lane]}: {timeline['stages'][stage]}, ")
    assert told.endswith(f", chunk {chunk}")


def test_shares_of_stages_add_up(make_page, open_page, result):
    shares = [int(text.split()[-2]) for text in open_page(make_page(result)).texts("#timeline .legend li")]
    assert len(shares) >= 3
    assert 97 <= sum(shares) <= 103


def test_bytes_over_time_end_with_all_tensors(make_page, open_page, result):
    page = open_page(make_page(result))
    timeline = json.loads(page.locator("#timeline-data").text_content())
    assert timeline["done"][-1][1] == result["summary"]["files"][0]["tensor_bytes"]
    assert page.locator("#progress .curves .curve").count() == 2
    assert page.texts("#progress p")[0].startswith("244 MiB in ")


def test_the_data_can_be_downloaded_and_read(make_page, open_page, result):
    page = open_page(make_page(result))
    with page.expect_download() as download:
        page.click("#download")
    assert json.loads(download.value.path().read_text()) == result
    page.click("#raw summary")
    assert json.loads(page.locator("#raw pre").inner_text()) == result


def test_names_are_shown_as_text(make_page, open_page, result):
    hostile = "</script><b id=injected>x</b><img src=x onerror=alert(1)>"
    peer = entries(result, "peer", "cold")[0]
    peer["name"] = hostile
    result["summary"]["notes"] = [hostile]
    page = open_page(make_page(result))
    assert page.texts("#notes li") == [hostile]
    assert hostile in page.texts("#loads td.name")
    assert page.locator("#injected, img").count() == 0


def test_a_section_that_cant_be_drawn_leaves_the_others_alone(make_page, open_page, result):
    page = open_page(make_page(result | {"sweep": {"concurrency": [1], "chunk_bytes": [1], "cells": [None]}}))
    assert page.sections() == ALL
    assert page.texts("#sweep .failed")[0].startswith("This can't be drawn")
