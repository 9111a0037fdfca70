"""What must become of a variant of a file, by what was changed in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """`kinds`: of the errors with which it may be refused. `loads`: whether it may load."""

    loads: bool
    kinds: frozenset[str] = frozenset()
    verify: str = "all"

    def allows(self, kind: str | None) -> bool:
        """`kind`: of the error; None: it was loaded."""
        return self.loads if kind is None else kind in self.kinds

    def __str__(self) -> str:
        return " or ".join(["loads"] * self.loads + [f"refused ({kind})" for kind in sorted(self.kinds)])


DATA_KINDS = frozenset({"format", "unsupported", "integrity", "auth", "limit"})
LOADS = Verdict(True)
EITHER = Verdict(True, DATA_KINDS)


def refused(*kinds: str) -> Verdict:
    return Verdict(False, frozenset(kinds))
