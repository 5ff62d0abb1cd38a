"""Every block of code in the documents is checked; one that nobody checks fails.

A command goes through the parser of its program, a request through the API's document, a change
through the file that it is about. What is run for real by another test is listed here with it;
`tests/integration/test_docs_commands.py` runs those of `drivestream` and `curl`.
"""

import ast
import json
import re
import subprocess
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from jsonschema import Draft202012Validator

from docs.generate import api_documents
from drive_emulator import options as emulator
from local import cli
from services.adapters.webhooks.settings import WebhookSettings
from services.core.api_keys import parse_keys
from services.core.settings import Reader
from services.verifying.prune_plan import PrunePlan, plan_id_of
from tests.documents import DOCUMENTS, ROOT, Block, blocks, changes_of, commands

CURRENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # that is how it was
BLOCKS = [block for path in CURRENT for block in blocks(path)]
OPENAPI: dict[str, Any] = json.loads(api_documents()["openapi.json"])
COMPOSE: dict[str, Any] = msgspec.yaml.decode((ROOT / "compose.yaml").read_text())
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
HERE = "http://127.0.0.1:3000"
FOLDER = "https://drive.google.com/drive/folders/1AbCdefGhijkLmnopQrstuvwxYz0123456"
PLAN = plan_id_of(
    PrunePlan(bucket="b", before=datetime.now(UTC), others=False, objects=1, bytes=1, digest="0")
)
DRAWN = "─"
YAML = re.compile(r"[\w.-]+:( .*)?")
NAME = re.compile(r"drivestream( [a-z][a-z-]*)+")
INLINE = re.compile(r"`((?:drivestream|python|make|curl|docker) [^`…]+)`")
TEXTS = {
    "Drivestream sample pictures: 2,400 found": "tests/integration/local/test_lifecycle.py",
    "units a minute ": "tests/unit/core/flow/test_quota.py",
    "POST /drivestream HTTP/1.1": "tests/unit/webhooks/test_payload.py",
}
"""Neither commands nor code: how such a block begins, and the test of what it says."""
RUN = {
    "key=drivestream_$(openssl": "tests/unit/test_docs_blocks.py",
    "WEBHOOK_SECRET=whsec_$(openssl": "tests/unit/test_docs_blocks.py",
    "pg_dump ": "tests/integration/test_backup.py",
    "pg_restore ": "tests/integration/test_backup.py",
    "rclone sync --metadata": "tests/integration/test_backup.py",
    "rclone copy --metadata": "tests/integration/test_backup.py",
    "HTTPS_PROXY=http://127.0.0.1:28086 HTTPLIB2": "tests/conformance/test_google_client.py",
    "export HTTPS_PROXY=": "tests/conformance/test_rclone.py",
    "curl --proxy": "tests/conformance/test_proxy.py",
}
"""Blocks that a test runs, as they stand or with other ids, by how they begin."""
UNTRIED = {"gcloud", "terraform", "eval", "kubectl"}
"""Programs of others that no test runs: their page says what was tried, and what was not."""
TRIED = re.compile(r"^#+ What was (not )?tried$", re.MULTILINE)
OTHERS = {"cd", "mkdir", "chmod", "git", "rclone", "sha256sum", "tar"}
"""So common, and used so plainly, that there is nothing to check."""


def shown(block: Block) -> str:
    return f"{block.page}:{block.line}"


def listed(block: Block, known: Mapping[str, str]) -> str | None:
    return next((known[each] for each in known if block.begins.startswith(each)), None)


@pytest.mark.parametrize("block", BLOCKS, ids=shown)
def test_every_block_is_checked(block: Block) -> None:
    if (test := listed(block, TEXTS) or listed(block, RUN)) is not None:
        assert (ROOT / test).exists(), test
    elif block.language in LANGUAGES:
        LANGUAGES[block.language](block)
    elif YAML.fullmatch(block.begins):
        msgspec.yaml.decode(block.text)
    elif block.language or DRAWN not in block.text:
        assert block.language in ("", "sh"), f"a language that nobody checks: {block.language}"
        check_commands(block)


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: path.name)
def test_every_command_within_a_sentence_is_checked(path: Path) -> None:
    for line, text in enumerate(path.read_text().splitlines(), 1):
        for command in INLINE.findall(text):
            named = NAME.fullmatch(command)  # a command that is spoken of, without its arguments
            block = Block(str(path.relative_to(ROOT)), line, "", command + " --help" * bool(named))
            check_commands(block)


@pytest.mark.parametrize("known", [TEXTS, RUN], ids=["texts", "run"])
def test_what_is_listed_is_in_the_documents(known: Mapping[str, str]) -> None:
    assert [each for each in known if not any(b.begins.startswith(each) for b in BLOCKS)] == []


def check_commands(block: Block) -> None:
    found = [*commands(block)]
    assert found, "neither commands nor anything that is listed"
    for program, *arguments in found:
        if program in UNTRIED:
            assert TRIED.search((ROOT / block.page).read_text()), f"who has tried {program}?"
        elif program not in OTHERS:
            assert program in PROGRAMS, f"nobody checks {program}: {block.begins}"
            PROGRAMS[program](arguments)


def check_drivestream(arguments: Sequence[str]) -> None:
    check_parsed(cli.parser(), [*map(filled, arguments)])


def filled(argument: str) -> str:
    """What stands for a link or for a plan of a prune, as a user would give it."""
    known = {"LINK": FOLDER, "AUz3Zp…": PLAN, "SCOPE": "import", "TIME": "2h"}
    return FOLDER if "/folders/…" in argument else known.get(argument, argument)


def check_parsed(parser: ArgumentParser, arguments: Sequence[str]) -> None:
    try:
        parser.parse_args(arguments)
    except SystemExit as end:  # `--help` and `--version` end it, too
        code = end.code
    else:
        code = 0
    assert code == 0, arguments


def check_python(arguments: Sequence[str]) -> None:
    if arguments[0] == "-m":
        module, *rest = arguments[1:]
        assert find_spec(module) is not None, module
        if module == "drive_emulator":
            check_parsed(emulator.parser(), rest)
        for path in rest if module == "pytest" else ():
            assert path.startswith("-") or (ROOT / path).exists(), path


def check_make(arguments: Sequence[str]) -> None:
    assert {each for each in arguments if "=" not in each} <= TARGETS


def check_curl(arguments: Sequence[str]) -> None:
    """The path, the method, the parameters and the body of a request to the API."""
    values = iter(arguments)
    method, body, urls = "", "", []
    for each in values:
        if each in ("-X", "--request"):
            method = next(values)
        elif each in ("-d", "--data"):
            body = next(values)
        elif each in ("-H", "--header"):
            next(values)
        elif not each.startswith("-"):
            urls.append(urlsplit(each.replace("$DRIVESTREAM_URL", HERE)))
    assert [url.netloc for url in urls] == [urlsplit(HERE).netloc], arguments
    operation = operation_of(urls[0].path, (method or ("POST" if body else "GET")).lower())
    known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
    assert parse_qs(urls[0].query).keys() <= known
    if body:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": OPENAPI["components"]}
        Draft202012Validator(whole).validate(json.loads(body))


def operation_of(path: str, method: str) -> dict[str, Any]:
    """The one whose path has this form. One without gaps is meant before one with them."""
    forms = [form for form in OPENAPI["paths"] if method in OPENAPI["paths"][form]]
    for form in sorted(forms, key=lambda form: form.count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", form), path):
            found: dict[str, Any] = OPENAPI["paths"][form][method]
            return found
    raise AssertionError(f"the API has no {method} {path}")


def check_docker(arguments: Sequence[str]) -> None:
    """Files, services and volumes that are named exist."""
    words = iter(arguments)
    for each in words:
        if each in ("-f", "--file"):
            assert (ROOT / next(words)).exists()
        elif each in ("exec", "restart", "logs"):
            rest = [word for word in words if not word.startswith("-") and not word.isdigit()]
            assert rest[0] in {*services(), "SERVICE"}, arguments
            if "python" in rest:
                check_python(arguments[arguments.index("python") + 1 :])
        elif each == "--scale":
            assert next(words).partition("=")[0] in services()
        elif each == "--volume" and (volume := next(words).partition(":")[0])[0].isalpha():
            assert volume.removeprefix(f"{COMPOSE['name']}_") in COMPOSE["volumes"]


def check_paths(arguments: Sequence[str]) -> None:
    assert all((ROOT / each).exists() for each in arguments if "/" in each and "://" not in each)


def services() -> set[str]:
    return {*COMPOSE["services"], "emulator"}


PROGRAMS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "drivestream": check_drivestream,
    "python": check_python,
    "make": check_make,
    "curl": check_curl,
    "docker": check_docker,
    **dict.fromkeys(("node", "npm", "promtool"), check_paths),
}


def check_python_text(block: Block) -> None:
    """It is Python, and what it imports exists."""
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom):
            module = import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


def check_json(block: Block) -> None:
    """One document, or one on each line."""
    try:
        json.loads(block.text)
    except json.JSONDecodeError:
        for line in block.text.splitlines():
            json.loads(line)


def check_diff(block: Block) -> None:
    """What a change takes out, and what stands around it, is in the file named before it, once."""
    path, changes = changes_of(block)
    text = (ROOT / path).read_text()
    for old, _ in changes:
        assert not old or text.count(old) == 1, old


LANGUAGES: Mapping[str, Callable[[Block], None]] = {
    "python": check_python_text,
    "json": check_json,
    "diff": check_diff,
}


def texts_of(start: str) -> Iterator[str]:
    yield from (block.text for block in BLOCKS if block.begins.startswith(start))


def printed_by(script: str) -> str:
    argv = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_shell_makes_a_key_as_drivestream_does() -> None:
    [script] = texts_of("key=drivestream_$(openssl")
    key, setting = printed_by(script).splitlines()
    [parsed], faults = parse_keys(setting.removeprefix("API_KEYS="))
    assert (parsed.name, parsed.scope, faults) == ("ci", "import", [])
    assert key.startswith("drivestream_")


def test_the_shell_makes_a_secret_for_webhooks() -> None:
    [script] = texts_of("WEBHOOK_SECRET=whsec_$(openssl")
    secret, urls = printed_by(f'{script}\necho "$WEBHOOK_SECRET"; echo "$WEBHOOK_URLS"').split()
    reader = Reader({"WEBHOOK_SECRET": secret, "WEBHOOK_URLS": urls})
    assert len(WebhookSettings.read(reader).endpoints) == 2
    assert reader.faults == []


def test_a_folder_is_packed_and_unpacked_as_the_page_says(tmp_path: Path) -> None:
    text = (ROOT / "docs/operations.md").read_text()
    pack, make, unpack = re.findall(r"^    ((?:tar|mkdir) .*DATA_DIR.*)$", text, re.MULTILINE)
    before, after = tmp_path / "before", tmp_path / "after"
    (before / "kafka").mkdir(parents=True)
    (before / "kafka/log").write_bytes(b"1")
    printed_by(f"cd {tmp_path}; DATA_DIR={before}; {pack}")
    printed_by(f"cd {tmp_path}; DATA_DIR={after}; {make}; {unpack}")
    assert (after / "kafka/log").read_bytes() == b"1"


def test_a_block_that_nobody_checks_is_noticed() -> None:
    for text, why in (
        ("drivestream verify --nope", "--nope"),
        ("drivestream nope --help", "nope"),
        ("curl http://127.0.0.1:3000/nope", "the API has no get /nope"),
        ("curl 'http://127.0.0.1:3000/images?colour=red'", "colour"),
        ("make nothing", "nothing"),
        ("frobnicate", "nobody checks frobnicate"),
    ):
        with pytest.raises(AssertionError, match=why):
            check_commands(Block("docs/index.md", 1, "", text))
