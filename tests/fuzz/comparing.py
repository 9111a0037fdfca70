"""Variants of files, each made from its number alone, and what is wrong with the way that tzio reads one."""

from __future__ import annotations

import copy
import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

import readers
import safetensors_mutations
import tensors_mutations
from base_files import Base, bases
from known_differences import MORE_PERMISSIVE, MORE_PERMISSIVE_BY_CHANGE, STRICTER
from readers import Outcome
from safetensors_file import read_file as read_safetensors
from verdicts import EITHER, LOADS, Verdict


@dataclass
class Variant:
    number: int
    format: str
    data: bytes
    protection: str
    changes: list[str]
    verdict: Verdict

    def __str__(self) -> str:
        return f"variant {self.number} ({self.format}, {self.protection}; {', '.join(self.changes) or 'nothing'})"


class Variants:
    """Those of a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.tensors, safetensors = bases(seed)
        self.safetensors = [read_safetensors(data) for data in safetensors]

    def make(self, number: int) -> Variant:
        lots = random.Random(f"{self.seed} variant {number}")
        if lots.randrange(5) < 3:
            base: Base = lots.choice(self.tensors)
            file, mutations, protection, name = base.file, tensors_mutations.MUTATIONS, base.protection, "tensors"
        else:
            file, mutations = lots.choice(self.safetensors), safetensors_mutations.MUTATIONS
            protection, name = "plain", "safetensors"
        usual = usual_verdict(name)
        file = copy.deepcopy(file)
        how = lots.random()
        if how < 0.1 and protection != "password":  # a changed cost of the key could take hours
            data, changes = flipped(file.write(), lots)
            return Variant(number, name, data, protection, changes, replace(EITHER, verify=usual.verify))
        count = 1 if how < 0.75 else lots.randrange(2, 4)
        changes, verdict = change(file, mutations, lots, count, usual)
        return Variant(number, name, file.write(), protection, changes, verdict)


def usual_verdict(name: str) -> Verdict:
    return of_format(LOADS, name)


def of_format(verdict: Verdict, name: str) -> Verdict:
    """safetensors files have no hashes that could be asked for."""
    return verdict if name == "tensors" else replace(verdict, verify="auto")


def flipped(data: bytes, lots: random.Random) -> tuple[bytes, list[str]]:
    """Bits and bytes anywhere, for the most part where the header is."""
    changed, changes = bytearray(data), []
    for _ in range(lots.randrange(1, 4)):
        at = lots.randrange(len(changed)) if lots.randrange(2) else lots.randrange(min(len(changed), 300))
        changed[at] = lots.choice([changed[at] ^ 1 << lots.randrange(8), lots.randrange(256)])
        changes.append(f"byte {at}")
    return bytes(changed), changes


def change(file, mutations, lots: random.Random, count: int, usual: Verdict) -> tuple[list[str], Verdict]:
    """What several changes together come to can't be told, but that they may load only where others read them."""
    changes, verify = [], usual.verify
    verdict = usual
    while len(changes) < count:
        mutation = lots.choice(mutations)
        try:
            made = mutation(file, lots)
        except Exception:
            if not changes:
                raise
            return changes, verdict  # the one before took away what this one changes
        if made is None:
            continue
        changes.append(mutation.__name__)
        verify = "auto" if made.verify == "auto" else verify
        verdict = replace(made if count == 1 else EITHER, verify=verify)
    return changes, verdict


@dataclass
class Findings:
    """`wrong` is empty where all is well. `known`: the reason of a difference that is known."""

    wrong: str = ""
    known: str = ""
    kind: str | None = None


def compare(variant: Variant, path: Path) -> Findings:
    path.write_bytes(variant.data)
    ours = readers.by_tzio(path, variant.protection, variant.verdict.verify)
    if ours.kind == "untyped":
        return Findings(f"{variant}: an error without a type: {ours.text}")
    if ours.kind != "no such type" and not variant.verdict.allows(ours.kind):
        got = "it loads" if ours.loaded else f"it is refused ({ours.kind}: {ours.text})"
        return Findings(f"{variant}: must be: {variant.verdict}; but {got}")
    return against(variant, ours)


def against(variant: Variant, ours: Outcome) -> Findings:
    if variant.format == "safetensors":
        theirs = readers.by_safetensors(variant.data)
    elif variant.protection == "password" and "derivation_of_the_key" in variant.changes:
        return Findings(kind=ours.kind)  # it would take as long as the file says
    else:
        theirs = readers.by_tensorizer(variant.data, variant.protection, verify=True)
    if ours.loaded and theirs.loaded:
        wrong = "" if readers.same(ours, theirs) else f"{variant}: other tensors than of the other package"
        return Findings(wrong)
    if not ours.loaded and not theirs.loaded:
        return Findings(kind=ours.kind)
    if ours.kind == "no such type" and theirs.loaded:
        return Findings(f"{variant}: a type that only the other package knows: {ours.text}")
    more = ours.loaded or ours.kind == "no such type"
    reason = reason_of(variant, more, theirs.text if more else ours.text)
    if reason:
        return Findings(known=reason, kind=ours.kind)
    who = (
        f"tzio alone loads it; the other package says: {theirs.text}" if more else f"tzio alone refuses it: {ours.text}"
    )
    return Findings(f"{variant}: {who}")


def reason_of(variant: Variant, more_permissive: bool, text: str) -> str:
    if more_permissive:
        for change in variant.changes:
            if change in MORE_PERMISSIVE_BY_CHANGE:
                return MORE_PERMISSIVE_BY_CHANGE[change]
    table = MORE_PERMISSIVE if more_permissive else STRICTER
    return next((reason for said, reason in table[variant.format].items() if re.search(said, text)), "")
