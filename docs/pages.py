"""Pages that are lists of what exists elsewhere: the API's requests, and the decisions."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DECISIONS = Path(__file__).resolve().parent / "decisions"
TITLE = re.compile(r"# (\d+)\. (.+)")
API_HEAD = """\
<!-- Made by `python -m docs.generate` from the API's routes: do not edit. -->
# API

A running copy shows its API at `/schema`, where you can also try it. The same is in
[openapi.json](openapi.json) (OpenAPI 3.1), and in [postman.json](postman.json) as a collection for
Postman.

    curl -X POST http://127.0.0.1:3000/import/google-drive \\
         -H 'Content-Type: application/json' \\
         -d '{"folderUrl": "https://drive.google.com/drive/folders/…"}'
    curl http://127.0.0.1:3000/imports
    curl 'http://127.0.0.1:3000/images?limit=20&order=newest'

- **Keys.** If the API has keys, send `Authorization: Bearer KEY`
  ([API access](architecture.md#api-access)).
- **Repeating is safe.** Send the same `Idempotency-Key` again, and one import or replay is started.
- **Lists have pages.** With `limit`, the header `Link` has the URL of the next page.
- **Errors** are JSON as RFC 9457 says: `code` is for programs and stays the same, `detail` is for
  people.

| request | what it does | parameters |
|---|---|---|
"""
DECISIONS_HEAD = """\
<!-- Made by `python -m docs.generate` from the decisions' titles: do not edit. -->
# Decisions

Each page says what was decided, why, and what follows from it. A decision that no longer holds is
changed or deleted; git keeps the old one. Numbers that are missing were never used, or are gone.

| | |
|---|---|
"""


def api_page(openapi: Mapping[str, Any]) -> str:
    """`docs/api.md`: every request of the API."""
    return API_HEAD + "".join(_requests(openapi))


def _requests(openapi: Mapping[str, Any]) -> Iterator[str]:
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            given = operation.get("parameters", [])
            names = ", ".join(f"`{each['name']}`" for each in given if each["in"] != "path")
            yield f"| `{method.upper()} {path}` | {operation['summary']} | {names} |\n"


def decisions_page(folder: Path = DECISIONS) -> str:
    """`docs/decisions/README.md`: every decision by its number, with its title."""
    rows = (_row(path) for path in sorted(folder.glob("[0-9]*.md")))
    return DECISIONS_HEAD + "".join(rows)


def _row(path: Path) -> str:
    """Raises `ValueError` if the page does not begin with its number and a title."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    title = TITLE.fullmatch(first)
    if title is None or int(title[1]) != int(path.name[:4]):
        raise ValueError(f"{path.name} must begin with `# {int(path.name[:4])}. TITLE`")
    return f"| {title[1]} | [{title[2]}]({path.name}) |\n"
