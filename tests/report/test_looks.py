"""How pages look: in light and dark, in narrow and wide windows, with few bars and with many."""

import copy
from pathlib import Path

import pytest
from test_page import sweep

LOOKS = (Path(__file__).parent / "looks.js").read_text()
WIDTHS = [320, 700, 1100, 1900]


def measured(page, expression: str):
    return page.evaluate(f"(() => {{ {LOOKS}; return {expression}; }})()")


def only(result: dict, names: list[str]) -> dict:
    summary = result["summary"]
    summary["entries"] = [e for e in summary["entries"] if e["name"] in names or e["role"] == "source"]
    return result


def with_loaders(result: dict, count: int) -> dict:
    """Other loaders besides, some with long names, one with a word that has no place to break."""
    entries = result["summary"]["entries"]
    model = next(entry for entry in entries if entry["role"] == "peer" and entry["cache"] == "warm")
    for i in range(count):
        entry = copy.deepcopy(model)
        entry["name"] = f"loader {i}" + ["", " with a name of many words", "_of_one_word" * 3][i % 3]
        entry["gb_per_s"] = {name: rate * (i + 1) / count for name, rate in model["gb_per_s"].items()}
        entries.append(entry)
    return result


def check(page):
    assert measured(page, "document.documentElement.scrollWidth - innerWidth") <= 0
    assert measured(page, "looks.overlaps()") == []
    assert measured(page, "looks.outside()") == []
    assert measured(page, "looks.pale(4.5)") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_with_everything(make_page, open_page, result, scheme, width):
    page = open_page(make_page(result | {"sweep": sweep()}), scheme, width)
    page.click("#ceilings summary")
    check(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_can_be_read_at_every_rate(make_page, open_page, result, scheme):
    lanes, chunks = list(range(1, 11)), [1024 * i for i in range(1, 11)]
    cells = [
        {"concurrency": lane, "chunk_bytes": chunk, "gb_per_s": i + 1, "best": i == 99}
        for i, (lane, chunk) in enumerate((lane, chunk) for lane in lanes for chunk in chunks)
    ]
    result["sweep"] = {"concurrency": lanes, "chunk_bytes": chunks, "cells": cells}
    page = open_page(make_page(result, trace=None), scheme)
    assert page.locator(".heat td").count() == 100
    assert measured(page, "looks.pale(4.5)") == []


@pytest.mark.parametrize("width", WIDTHS)
def test_with_two_bars(make_page, open_page, result, width):
    page = open_page(make_page(only(result, ["plain", "tensorizer"])), width=width)
    assert page.locator("#loads > table:first-of-type [data-entry]").count() == 2
    check(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_with_twelve_bars(make_page, open_page, result, width):
    page = open_page(make_page(with_loaders(result, 5)), width=width)
    assert page.locator("#loads > table:first-of-type [data-entry]").count() == 12
    check(page)


def test_measures_find_what_they_look_for(make_page, open_page, result):
    page = open_page(make_page(result))
    page.evaluate("document.querySelector('#notes li').style.color = 'color-mix(in srgb, gray, white)'")
    page.evaluate("document.querySelector('#loads td.name').style.cssText += 'position: relative; top: 30px'")
    page.evaluate("document.querySelector('#machine dd').style.marginLeft = '90vw'")
    assert measured(page, "looks.pale(4.5).length") == 1
    assert measured(page, "looks.overlaps().length") >= 1
    assert measured(page, "looks.outside().length") >= 1
