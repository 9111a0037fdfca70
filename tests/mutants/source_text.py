"""C++ as clang-format leaves it: comments and texts blanked, statements, blocks, and what a block is of."""

import bisect
import re
from dataclasses import dataclass

CONTROL = ("if", "for", "while", "switch", "catch")
LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"\((?:.*?)\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""", re.DOTALL
)
RETURNED = re.compile(r"\)(?:\s*(?:const|mutable|noexcept))*\s*->\s*([\w:<>,&*\s]+)$")


def blanked(text: str) -> str:
    """Of the same length, with nothing in comments and between quotes, and without directives."""

    def blank(match: re.Match) -> str:
        found = match.group()
        inside = re.sub(r"[^\n]", " ", found)
        return inside if found.startswith("/") else found[0] + inside[1:-1] + found[-1]

    text = LITERAL.sub(blank, text)
    return re.sub(r"^[ \t]*#[^\n]*", lambda match: " " * len(match.group()), text, flags=re.MULTILINE)


@dataclass(frozen=True)
class Block:
    begin: int  # its brace
    end: int  # its closing brace
    kind: str  # function, lambda, one of CONTROL, else, try, do, or other
    head: str = ""  # of a function: what stands before its name; of a lambda: its return type
    name: str = ""


class SourceText:
    def __init__(self, text: str):
        self.text = text
        self.code = blanked(text)
        self.pairs = self._match()
        self.partners = {end: begin for begin, end in self.pairs.items()}
        self._begins: list[int] = []
        self.blocks = [self._block(at) for at in sorted(self.pairs) if self.code[at] == "{"]
        self._lines = [0] + [match.end() for match in re.finditer("\n", text)]

    def line(self, at: int) -> int:
        return bisect.bisect_right(self._lines, at)

    def function_at(self, at: int) -> Block | None:
        """The innermost function or lambda around a place."""
        around = [b for b in self.blocks if b.begin < at < b.end and b.kind in ("function", "lambda")]
        return max(around, key=lambda block: block.begin, default=None)

    def statement_end(self, at: int) -> int:
        """The place of its semicolon."""
        while self.code[at] != ";":
            at = self.pairs.get(at, at) + 1
        return at

    def begins_statement(self, at: int) -> bool:
        before = self.before(at)
        if before < 0 or self.code[before] in ";{}":
            return True
        if self.code[before] == ":":
            label = re.search(r"\b(case\b[^;{}]*|default\s*):$", self.code[max(0, before - 200) : before + 1])
            return self.code[before - 1] != ":" and label is not None
        if self.code[before] == ")":
            return self._word_before(self.partners[before])[0] in CONTROL
        return self._word_at_end(before)[0] == "else"

    def is_last(self, end: int) -> bool:
        """Whether nothing of the function follows a statement that ends at `end`."""
        function = self.function_at(end)
        at = end + 1
        while function is not None:
            at = self._skip_blank(at)
            if at == function.end:
                return True
            if (word := re.match(r"else\b|catch\b", self.code[at:])) is not None:
                at = self._after_alternative(at + word.end())
                continue
            closed = [block for block in self.blocks if block.end == at]
            if not closed or closed[0].kind in ("for", "while", "do"):
                return False
            at += 1
        return False

    def before(self, at: int) -> int:
        """The place of the last character that is no blank, or -1."""
        at -= 1
        while at >= 0 and self.code[at].isspace():
            at -= 1
        return at

    def _after_alternative(self, at: int) -> int:
        at = self._skip_blank(at)
        while (control := re.match(r"(if constexpr|if)?\s*\(", self.code[at:])) is not None:
            at = self._skip_blank(self.pairs[at + control.end() - 1] + 1)
        if self.code[at] == "{":
            return self.pairs[at] + 1
        return self.statement_end(at) + 1

    def _skip_blank(self, at: int) -> int:
        while at < len(self.code) and self.code[at].isspace():
            at += 1
        return at

    def _match(self) -> dict[int, int]:
        pairs, open_ones = {}, []
        for match in re.finditer(r"[()\[\]{}]", self.code):
            if match.group() in "([{":
                open_ones.append(match.start())
            else:
                pairs[open_ones.pop()] = match.start()
        return pairs

    def _word_at_end(self, last: int) -> tuple[str, int]:
        """The word whose last character stands at `last`, and where it begins."""
        begin = last
        while begin >= 0 and (self.code[begin].isalnum() or self.code[begin] in "_~"):
            begin -= 1
        return self.code[begin + 1 : last + 1], begin + 1

    def _word_before(self, at: int) -> tuple[str, int]:
        word, begin = self._word_at_end(self.before(at))
        return self._word_at_end(self.before(begin)) if word == "constexpr" else (word, begin)

    def _block(self, begin: int) -> Block:
        end = self.pairs[begin]
        last = self.before(begin)
        word, word_begin = self._word_at_end(last)
        while word in ("const", "noexcept", "override", "final", "mutable"):
            last = self.before(word_begin)
            word, word_begin = self._word_at_end(last)
        if word in ("else", "try", "do"):
            return Block(begin, end, word)
        near = max(0, last - 200)
        returned = RETURNED.search(self.code[near : last + 1])
        if returned is not None:
            last = near + returned.start()
        if self.code[last] == "]":
            return Block(begin, end, "lambda")
        if self.code[last] != ")":
            return Block(begin, end, "other")
        opening = self.partners[last]
        before = self.before(opening)
        if self.code[before] == "]":
            return Block(begin, end, "lambda", returned.group(1).strip() if returned else "")
        word, word_begin = self._word_before(opening)
        if word in CONTROL:
            return Block(begin, end, word)
        return self._function(begin, end, word, word_begin)

    def _function(self, begin: int, end: int, word: str, word_begin: int) -> Block:
        start = max(self.code.rfind(mark, 0, word_begin) for mark in ";{}") + 1
        head = re.sub(r"\b(public|private|protected):", "", self.code[start:word_begin])
        if re.search(r"[^:]:[^:]", head):  # the list of a constructor, which returns nothing
            return Block(begin, end, "function", "void", word)
        return Block(begin, end, "function", " ".join(head.split()), word)
