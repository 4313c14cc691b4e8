"""The page at /docs: the OpenAPI document as HTML, complete in itself. It loads nothing and runs nothing."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { background: #f4f4f4; color: #111; padding: .6rem; overflow-x: auto; font-size: .85rem; }
h2 { margin-top: 2.5rem; } code b { color: #06c; } td { vertical-align: top; padding: .15rem .8rem .15rem 0; }
"""
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Referrer-Policy": "no-referrer"}


def to_html(document: Mapping[str, Any]) -> str:
    """Return the page that shows a document."""
    info = document["info"]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f"<style>{_STYLE}</style><h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>' + "".join(_operations(document)) + "</html>\n"
    )


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield f"<h2>{escape(told['summary'])}</h2><p><code><b>{method.upper()}</b> {escape(path)}</code></p>"
            yield f"<p>{escape(told.get('description', ''))}</p>"
            yield _table(
                (one["name"], one["in"], one.get("description") or one.get("schema", {}).get("description", ""))
                for one in told.get("parameters", [])
            )
            for kind, body in told.get("requestBody", {}).get("content", {}).items():
                yield from _body(kind, body, schemas)
            yield "<p>Answers</p>" + _table(
                (status, "", one["description"]) for status, one in told["responses"].items()
            )
            for status, one in told["responses"].items():
                if status.startswith("2"):
                    for kind, body in one.get("content", {}).items():
                        yield from _body(f"{status}, {kind}", body, {})


def _body(kind: str, body: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields and the examples of a body."""
    reference = json.dumps(body.get("schema", {})).rpartition("#/components/schemas/")[2].partition('"')[0]
    fields = schemas.get(reference, {}).get("properties", {})
    yield f"<p>{escape(kind)}</p>" + _table((name, "", one.get("description", "")) for name, one in fields.items())
    named = {name: one["value"] for name, one in body.get("examples", {}).items()}
    for example in [*named.values(), *([body["example"]] if "example" in body else [])]:
        written = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
        yield f"<pre>{escape(written)}</pre>"


def _table(rows: Any) -> str:
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(place)}<td>{escape(said)}" for name, place, said in rows
    )
    return f"<table>{cells}</table>" if cells else ""
