"""Every reason code that a file, a folder or a worker can carry has its words on the page."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "services"
PAGE = ROOT / "web" / "src" / "text" / "reasons.ts"
# What the api answers has a title in `services/api/problems.py`, which its own tests hold complete;
# what ends a process at its start is in its log. Neither becomes a reason of a file or folder.
ELSEWHERE = (
    "api",
    "setup",
    "core/settings.py",
    "adapters/drive/settings.py",
    "indexer/service.py",
    "adapters/catalog",
)
VERBS = {"TryAgain", "RateLimited", "SetAside", "Stop", "CoolDown"}
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
TITLE = re.compile(r"""^\s*\[?\s*\[?'([a-z0-9_]+)',?(?:\s*$|\s*\{ title)""", re.MULTILINE)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SERVICES.rglob("*.py")):
        wires = path.name == "__main__.py"
        if not wires and not str(path.relative_to(SERVICES)).startswith(ELSEWHERE):
            yield path, ast.parse(path.read_text())


def constants(tree: ast.Module) -> dict[str, str]:
    """Texts that a module gives a name in capitals."""
    named = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    named[target.id] = node.value.value
    return named


def given(tree: ast.Module) -> Iterator[ast.expr]:
    """The expressions that stand where a reason code is given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name in VERBS:
                yield from node.args[:1]
            elif name == "Meaning":
                yield from node.args[1:2]
            yield from (arg for arg in node.args if isinstance(arg, ast.Name) and arg.id.isupper())
            yield from (k.value for k in node.keywords if k.arg in ("reason", "skip_reason"))
        elif isinstance(node, ast.BoolOp) and ast.unparse(node.values[0]).endswith("reason"):
            yield node
        elif isinstance(node, ast.FunctionDef) and node.name.lstrip("_").startswith("why"):
            returned = [r.value for r in ast.walk(node) if isinstance(r, ast.Return)]
            yield from (v.elts[0] if isinstance(v, ast.Tuple) else v for v in returned if v)


def codes_in(expression: ast.expr, names: dict[str, str]) -> Iterator[str]:
    """The texts that an expression can come to, as far as that can be read off it."""
    if isinstance(expression, ast.IfExp):
        yield from codes_in(expression.body, names)
        yield from codes_in(expression.orelse, names)
    elif isinstance(expression, ast.BoolOp):
        for value in expression.values:
            yield from codes_in(value, names)
    elif isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, ast.Name) and expression.id in names:
        yield names[expression.id]


def told() -> dict[str, str]:
    """Every reason code of the services, with a file that gives it."""
    shared: dict[str, str] = {}
    for _, tree in sources():
        shared |= constants(tree)
    found = {}
    for path, tree in sources():
        for expression in given(tree):
            for code in codes_in(expression, shared | constants(tree)):
                if CODE.fullmatch(code):
                    found[code] = str(path.relative_to(ROOT))
    return found


def known() -> set[str]:
    """The codes that the page has words for."""
    return set(TITLE.findall(PAGE.read_text()))


def test_every_reason_has_words_on_the_page() -> None:
    assert {code: where for code, where in told().items() if code not in known()} == {}


def test_the_page_has_words_for_no_reason_that_nobody_gives() -> None:
    assert known() - set(told()) == set()


def test_the_reasons_that_modules_share_are_all_given_by_somebody() -> None:
    shared = constants(ast.parse((SERVICES / "core" / "reasons.py").read_text()))
    assert {name for name, code in shared.items() if code not in told()} == set()
