"""Some hundred changed files, read by tzio and by the other packages; and that the comparison sees what is wrong."""

import random

import base_files
import comparing
import pytest
import readers
import safetensors_file
import safetensors_mutations
import tensors_file
import tensors_mutations
from comparing import Variant, Variants, compare
from verdicts import EITHER, LOADS, refused

SEED, VARIANTS, STEP = 1, 400, 50


@pytest.fixture(scope="session")
def variants() -> Variants:
    return Variants(SEED)


@pytest.mark.parametrize("first", range(0, VARIANTS, STEP))
def test_variants_are_read_as_they_must_be(variants, tmp_path, first):
    wrong = [compare(variants.make(number), tmp_path / "variant").wrong for number in range(first, first + STEP)]
    assert not any(wrong), "\n".join(filter(None, wrong))


def test_a_variant_is_made_from_its_number_alone(variants):
    again = Variants(SEED)
    for number in random.Random(SEED).sample(range(100_000), 40):
        assert variants.make(number) == again.make(number)


def test_unchanged_files_load_and_are_the_same(variants, tmp_path):
    for base in variants.tensors:
        variant = Variant(0, "tensors", base.file.write(), base.protection, [], LOADS)
        assert compare(variant, tmp_path / "variant").wrong == ""
    for file in variants.safetensors:
        variant = Variant(0, "safetensors", file.write(), "plain", [], comparing.usual_verdict("safetensors"))
        assert compare(variant, tmp_path / "variant").wrong == ""


@pytest.mark.parametrize("mutation", tensors_mutations.MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_each_change_of_a_tensors_file_gets_its_verdict(tmp_path, mutation):
    lots = random.Random(f"{SEED} {mutation.__name__}")
    for _ in range(200):
        base = base_of(lots)
        verdict = mutation(base.file, lots)
        if verdict is not None:
            variant = Variant(0, "tensors", base.file.write(), base.protection, [mutation.__name__], verdict)
            assert compare(variant, tmp_path / "variant").wrong == ""
            return
    pytest.fail("it fits no file")


def base_of(lots):
    """A small file with much in it, of any protection."""
    return base_files.tensors_base(lots)


@pytest.mark.parametrize("mutation", safetensors_mutations.MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_each_change_of_a_safetensors_file_gets_its_verdict(tmp_path, mutation):
    lots = random.Random(f"{SEED} {mutation.__name__}")
    for _ in range(200):
        file = safetensors_file.read_file(base_files.safetensors_base(lots))
        verdict = mutation(file, lots)
        if verdict is not None:
            verdict = comparing.of_format(verdict, "safetensors")
            variant = Variant(0, "safetensors", file.write(), "plain", [mutation.__name__], verdict)
            assert compare(variant, tmp_path / "variant").wrong == ""
            return
    pytest.fail("it fits no file")


def test_what_is_wrong_is_seen(variants, tmp_path, monkeypatch):
    """A reader that takes everything, one that takes nothing, and one that gives other bytes."""
    path = tmp_path / "variant"
    base = next(base for base in variants.tensors if base.protection == "plain")
    data = base.file.write()
    right = readers.by_tzio
    whole = Variant(0, "tensors", data, "plain", [], LOADS)
    assert compare(whole, path).wrong == ""

    broken = Variant(0, "tensors", data[:-20] + b"\xff" * 4, "plain", ["x"], EITHER)
    loaded = right(write(path, data), "plain", "all")
    monkeypatch.setattr(readers, "by_tzio", lambda *_: loaded)
    assert "tzio alone loads it" in compare(broken, path).wrong
    assert "it loads" in compare(Variant(0, "tensors", data, "plain", [], refused("format")), path).wrong

    monkeypatch.setattr(readers, "by_tzio", lambda *_: readers.Outcome("format", "no reason that is known"))
    assert "must be: loads" in compare(whole, path).wrong
    assert "tzio alone refuses it" in compare(Variant(0, "tensors", data, "plain", [], EITHER), path).wrong

    other = readers.Outcome(None, tensors={name: (d, s, b + b"x") for name, (d, s, b) in loaded.tensors.items()})
    monkeypatch.setattr(readers, "by_tzio", lambda *_: other)
    assert "other tensors" in compare(whole, path).wrong

    monkeypatch.setattr(readers, "by_tzio", lambda *_: readers.Outcome("untyped", "KeyError()"))
    assert "without a type" in compare(broken, path).wrong


def write(path, data):
    path.write_bytes(data)
    return path


def test_a_file_that_is_written_again_is_the_same():
    lots = random.Random(SEED)
    for _ in range(5):
        data = base_files.tensors_base(lots)
        written = data.file.write()
        plain = [tensor.plain for tensor in data.file.tensors]
        assert tensors_file.read_file(written, plain).write() == written
        safetensors = base_files.safetensors_base(lots)
        assert safetensors_file.read_file(safetensors).write() == safetensors
