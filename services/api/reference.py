"""`/schema` as a page that works offline. Litestar's own pages load their scripts from a CDN."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

from services.api.problems import KINDS

HEAD = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}}
h2{{border-top:1px solid #8884;padding-top:1rem}} dd{{margin:0 0 .5rem 2rem}}
:target{{outline:2px solid}} :root{{color-scheme:light dark}}
</style></head><body><h1>{title}</h1><p>{description}</p>
<p>For programs: <a href="schema/openapi.json">openapi.json</a>.</p>"""
# The link is relative, so that it also works behind a proxy that adds a path.


class ReferencePage(OpenAPIRenderPlugin):
    """Every operation with its parameters and answers, and every problem's code."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return "\n".join(_page(openapi_schema)).encode()


def _page(schema: Mapping[str, Any]) -> Iterator[str]:
    yield HEAD.format_map({name: escape(str(text)) for name, text in schema["info"].items()})
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield f"<p><b>{escape(operation['summary'])}</b></p>"
            yield f"<p>{_marked(operation.get('description', ''))}</p><dl>"
            for name, text in _parts(operation):
                yield f"<dt>{_marked(name)}<dd>{_marked(text)}"
            yield "</dl>"
    yield '<h2 id="problems">Problems</h2><dl>'
    for code, kind in KINDS.items():
        yield f'<dt id="{code}"><code>{code}</code>, status {kind.status}<dd>{escape(kind.title)}'
    yield "</dl></body></html>"


def _parts(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in operation.get("parameters", ()):
        yield f"`{parameter['name']}` ({parameter['in']})", parameter.get("description", "")
    for body in operation.get("requestBody", {}).get("content", {}).values():
        yield "body (JSON)", ", ".join(f"`{field}`" for field in body["schema"]["properties"])
    for status, response in operation["responses"].items():
        yield status, response["description"]


def _marked(text: str) -> str:
    """Escaped text, with `code` as an element."""
    parts = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))
