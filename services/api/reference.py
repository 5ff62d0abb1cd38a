"""`/schema` as a page without scripts, so that it works offline.

Litestar's own pages (Swagger, Scalar, …) load their scripts from a CDN.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

from services.api.problems import KINDS

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
code{font-size:.95em} h2{border-top:1px solid #8884;padding-top:1rem}
table{border-collapse:collapse} td,th{text-align:left;padding:.2rem 1rem .2rem 0;
vertical-align:top} :target{outline:2px solid} :root{color-scheme:light dark}
"""
Json = Mapping[str, Any]


class ReferencePage(OpenAPIRenderPlugin):
    """Every operation with its parameters and answers, and every problem's code."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page, in UTF-8."""
        return "\n".join(_page(openapi_schema)).encode()


def _page(schema: Json) -> Iterator[str]:
    title = escape(schema["info"]["title"])
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
    yield f"<p>{escape(schema['info'].get('description', ''))}</p>"
    # Relative, so that it also works behind a proxy that adds a path.
    yield '<p>For programs: <a href="schema/openapi.json">openapi.json</a>.</p>'
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield from _operation(f"{method.upper()} {path}", operation)
    yield '<h2 id="problems">Problems</h2><table><tr><th>code</th><th>status</th><th>what</th></tr>'
    for code, kind in KINDS.items():
        yield f'<tr id="{code}"><td><code>{code}</code></td><td>{kind.status}</td>'
        yield f"<td>{escape(kind.title)}</td></tr>"
    yield "</table></body></html>"


def _operation(name: str, operation: Json) -> Iterator[str]:
    yield f"<h2><code>{escape(name)}</code></h2>"
    said = _marked(operation.get("description", ""))
    yield f"<p><b>{escape(operation.get('summary', ''))}</b><br>{said}</p><table>"
    for parameter in operation.get("parameters", ()):
        place = f"<code>{escape(parameter['name'])}</code> ({escape(parameter['in'])})"
        yield f"<tr><td>{place}</td><td>{_marked(parameter.get('description', ''))}</td></tr>"
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]["schema"]
        fields = ", ".join(content.get("properties", ()))
        yield f"<tr><td>body (JSON)</td><td><code>{escape(fields)}</code></td></tr>"
    for status, response in operation["responses"].items():
        said = _marked(response.get("description", ""))
        yield f"<tr><td>{escape(status)}</td><td>{said}</td></tr>"
    yield "</table>"


def _marked(text: str) -> str:
    """Escaped text, with `code` as an element."""
    parts = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))
