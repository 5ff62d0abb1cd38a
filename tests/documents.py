"""The pages for readers, and the blocks of code in them."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DOCUMENTS = sorted([*PAGES, *ROOT.glob("*.md"), ROOT / "web" / "README.md"])
FENCE = re.compile(r"\s*```(\w*)$")
CODE = "    "
OPERATORS = {"|", "||", "&&", ";"}
REDIRECTIONS = {"<", ">", ">>"}
ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


class Block(NamedTuple):
    """A block of code: where it is, its language if it names one, and its text, not indented."""

    page: str
    line: int
    language: str
    text: str

    @property
    def begins(self) -> str:
        return self.text.partition("\n")[0]


def blocks(path: Path) -> Iterator[Block]:
    """Fenced blocks, and indented ones, which follow an empty line."""
    page, lines = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8").splitlines()
    number, empty = 0, True
    while number < len(lines):
        line = lines[number]
        if fence := FENCE.fullmatch(line):
            end = next(n for n in range(number + 1, len(lines)) if FENCE.fullmatch(lines[n]))
            yield Block(page, number + 1, fence[1], "\n".join(lines[number + 1 : end]))
            number = end + 1
        elif empty and line.startswith(CODE):
            end = number
            while end < len(lines) and (not lines[end] or lines[end].startswith(CODE)):
                end += 1
            yield Block(page, number + 1, "", _unindented(lines[number:end]))
            number = end
        else:
            number += 1
        empty = not line.strip()


def _unindented(lines: Sequence[str]) -> str:
    depth = min(len(line) - len(line.lstrip()) for line in lines if line)
    return "\n".join(line[depth:] for line in lines).rstrip()


def commands(block: Block) -> Iterator[list[str]]:
    """Each program that a block calls, with its arguments. If some lines begin with a prompt, the
    others are output. Comments, redirections and variables before a command are left out."""
    lines = block.text.replace("\\\n", " ").splitlines()
    prompted = [line[2:] for line in lines if line.startswith("$ ")]
    for line in prompted or lines:
        yield from _programs(line)


def _programs(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    tokens = iter(lexer)
    for token in tokens:
        if token in OPERATORS:
            yield from _program(words)
            words = []
        elif token in REDIRECTIONS:
            next(tokens, None)
        else:
            words.append(token)
    yield from _program(words)


def _program(words: Sequence[str]) -> Iterator[list[str]]:
    while words and ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if words:
        yield [words[0].removeprefix(".venv/bin/"), *words[1:]]
