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
LIST = re.compile(r"(?:[-*]|\d+\.) ")
CODE, CODE_IN_LIST = " " * 4, " " * 7
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
    """Fenced blocks, and indented ones, which follow an empty line. What is indented a little below
    an item of a list is a paragraph of it."""
    page, lines = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8").splitlines()
    number, empty, code = 0, True, CODE
    while number < len(lines):
        line, end = lines[number], number + 1
        if fence := FENCE.fullmatch(line):
            end = next(n for n in range(end, len(lines)) if FENCE.fullmatch(lines[n])) + 1
            yield Block(page, number + 1, fence[1], "\n".join(lines[number + 1 : end - 1]))
        elif empty and line.startswith(code):
            depth = line[: len(line) - len(line.lstrip())]
            while end < len(lines) and (not lines[end] or lines[end].startswith(depth)):
                end += 1
            own = [each.removeprefix(depth) for each in lines[number:end]]
            yield Block(page, number + 1, "", "\n".join(own).rstrip())
        elif line and not line.startswith(" "):
            code = CODE_IN_LIST if LIST.match(line) else CODE
        number, empty = end, not lines[end - 1].strip()


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


def changes_of(block: Block) -> tuple[str, Sequence[tuple[str, str]]]:
    """The file that a block of changes is about, which is the last one named before it, and of each
    change the lines that are there and the lines that are to be. What only adds goes to the end."""
    before = "\n".join((ROOT / block.page).read_text().splitlines()[: block.line])
    path = re.findall(r"`([\w./-]+/[\w.-]+\.\w+)`", before)[-1]
    hunks = [hunk.splitlines() for hunk in block.text.split("\n@@\n")]
    return path, [(_without(hunk, "+"), _without(hunk, "-")) for hunk in hunks]


def _without(hunk: Sequence[str], sign: str) -> str:
    return "\n".join(line[1:] for line in hunk if not line.startswith(sign))
