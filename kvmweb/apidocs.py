"""The API's page: the OpenAPI document as HTML, rendered on the server, so it needs no script and no other style."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import cycle
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja.openapi.docs import DocsBase

if TYPE_CHECKING:
    from ninja import NinjaAPI

Json = dict[str, Any]
#: a sentence in pieces: (whether it is code, text)
Text = list[tuple[bool, str]]
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxLength": "up to {} characters",
    "maxItems": "up to {} items",
}


@dataclass(frozen=True, slots=True)
class Field:
    """`where`: path, query, or "" for a member of a body. `shape` links to a Shape."""

    name: str
    type: str
    note: str = ""
    where: str = ""
    required: bool = False
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    meaning: str
    type: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    text: Text
    fields: list[Field]
    body: list[Field]
    answers: list[Answer]
    problems: list[Answer]


@dataclass(frozen=True, slots=True)
class Shape:
    name: str
    text: Text
    fields: list[Field]


@dataclass(slots=True)
class Chapter:
    name: str
    operations: list[Operation] = field(default_factory=list)


class LocalDocs(DocsBase):
    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        schema = api.get_openapi_schema()
        return render(
            request,
            "api/docs.html",
            {
                "chapters": chapters(schema),
                "shapes": shapes(schema),
                "openapi_url": self.get_openapi_url(api, kwargs),
                "example_url": request.build_absolute_uri("/api/v1/guests"),
            },
        )


def chapters(schema: Json) -> list[Chapter]:
    """Operations by their tag, in the order of the document."""
    found: dict[str, Chapter] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            tag = operation["tags"][0]
            found.setdefault(tag, Chapter(tag)).operations.append(_operation(schema, method, path, operation))
    return list(found.values())


def shapes(schema: Json) -> list[Shape]:
    """The schemas that fields and responses refer to; request bodies are shown with their operation."""
    parts = schema["components"]["schemas"]
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    waiting = [name for operation in operations for name in _references(operation["responses"])]
    bodies = [name for operation in operations for name in _references(operation.get("requestBody"))]
    waiting += [name for body in bodies for name in _references(parts[body])]
    shown: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in shown:
            shown.add(name)
            waiting += _references(parts[name])
    return [
        Shape(name, pieces(parts[name].get("description", "")), list(_members(parts[name])))
        for name in parts
        if name in shown and not name.startswith("Listed_")
    ]


def pieces(text: str) -> Text:
    """Docstrings mark code with backticks."""
    return [(code, part) for code, part in zip(cycle((False, True)), text.split("`"), strict=False) if part]


def _operation(schema: Json, method: str, path: str, operation: Json) -> Operation:
    fields = [
        Field(
            name=parameter["name"],
            type=type_of(parameter["schema"]),
            note=_note(parameter["schema"]) or parameter.get("description", ""),
            where=parameter["in"],
            required=parameter.get("required", False),
        )
        for parameter in operation.get("parameters", [])
    ]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    body = [member for name in _references(content) for member in _members(schema["components"]["schemas"][name])]
    said = [_answer(int(status), answer) for status, answer in operation["responses"].items()]
    said.sort(key=lambda answer: answer.status)
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        text=pieces(operation.get("description", "")),
        fields=fields,
        body=body,
        answers=[answer for answer in said if answer.status < 400],
        problems=[answer for answer in said if answer.status >= 400],
    )


def _answer(status: int, answer: Json) -> Answer:
    contents: list[Json] = [content["schema"] for content in answer.get("content", {}).values()]
    content = contents[0] if contents else {}
    return Answer(status, HTTPStatus(status).phrase, type_of(content), shape=next(_references(content), ""))


def _members(shape: Json) -> Iterator[Field]:
    for name, value in shape.get("properties", {}).items():
        yield Field(
            name=name,
            type=type_of(value),
            note=_note(value),
            required=name in shape.get("required", ()),
            shape=next(_references(value), ""),
        )


def type_of(schema: Json) -> str:
    """A type in words: "integer", "list of FindingOut", "UUID or null"."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[1]
        inner = name.removeprefix("Listed_").removesuffix("_")
        return f"items: list of {inner}, next: string or null" if name.startswith("Listed_") else name
    if "anyOf" in schema or "allOf" in schema:
        parts = schema.get("anyOf") or schema["allOf"]
        return " or ".join(dict.fromkeys(type_of(part) for part in parts))
    if "enum" in schema:
        return " | ".join(str(value) or '""' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if schema.get("format") in ("uuid", "date-time"):
        return {"uuid": "UUID", "date-time": "time"}[schema["format"]]
    return str(schema.get("type", "any"))


def _note(schema: Json) -> str:
    """Bounds, default and description."""
    parts = [schema, *schema.get("anyOf", [])]
    said = [words.format(part[key]) for key, words in _BOUNDS.items() for part in parts if key in part]
    if schema.get("default") not in (None, "", []) and not isinstance(schema["default"], dict):
        said.append(f"default {schema['default']}".lower())
    if "description" in schema:
        said.insert(0, schema["description"])
    return ", ".join(said)


def _references(schema: Any) -> Iterator[str]:
    """Names of the shapes a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield str(schema["$ref"]).rsplit("/", 1)[1]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)
