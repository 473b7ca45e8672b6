"""The page of the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from hosts.models import Host
from kvmweb.api import api
from kvmweb.apidocs import chapters, pieces, shapes, type_of
from migrations_app.domain.lifecycle import State
from tests.web.pages import flat


def test_the_page_needs_a_login(client: Client, db: None) -> None:
    answer = client.get("/api/v1/docs")
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/api/v1/docs"


def test_the_page_shows_every_operation_without_a_script_of_its_own(as_viewer: Client) -> None:
    text = flat(as_viewer.get("/api/v1/docs"))
    for path, operations in api.get_openapi_schema()["paths"].items():
        for method in operations:
            assert f"<code>{method.upper()} {path}</code>" in text
    assert "<script>" not in text
    assert " style=" not in text
    assert "409 Conflict" in text


def test_every_link_within_the_page_has_its_place(as_viewer: Client) -> None:
    text = as_viewer.get("/api/v1/docs").content.decode()
    links = {part.split('"', 1)[0] for part in text.split('href="#')[1:]}
    assert len(links) > 10
    assert [link for link in links if f'id="{link}"' not in text] == []


def test_every_shape_that_is_named_is_shown() -> None:
    schema = api.get_openapi_schema()
    shown = {shape.name for shape in shapes(schema)}
    operations = [operation for chapter in chapters(schema) for operation in chapter.operations]
    assert {"HostOut", "GuestOut", "MigrationOut", "FindingOut", "OptionsIn", "Problem", "Moving"} <= shown
    assert {field.shape for operation in operations for field in operation.body if field.shape} <= shown


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": "string", "format": "uuid"}, "UUID"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "time or null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/X"}}, "list of X"),
        ({"$ref": "#/components/schemas/Listed_X_"}, "items: list of X, next: string or null"),
        ({"enum": ["", "ssh"], "type": "string"}, '"" | ssh'),
        ({}, "any"),
    ],
)
def test_types_in_words(schema: dict[str, Any], words: str) -> None:
    assert type_of(schema) == words


def test_code_in_sentences() -> None:
    assert pieces("`a` and `b`, then c.") == [(True, "a"), (False, " and "), (True, "b"), (False, ", then c.")]
    assert pieces("") == []


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = api.get_openapi_schema()["paths"]
    return [(method, path, operation) for path, methods in paths.items() for method, operation in methods.items()]


def test_what_any_operation_may_answer_is_documented() -> None:
    for method, path, operation in _operations():
        assert {400, 401, 403, 404, 405, 413, 422, 500} <= {int(status) for status in operation["responses"]}, path
        assert set(operation["responses"][405]["headers"]) == {"Allow"}, (method, path)
        assert set(operation["responses"][401]["headers"]) == {"WWW-Authenticate"}


def test_where_an_answer_says_where() -> None:
    found = {
        (method, path.removeprefix("/api/v1"), int(status))
        for method, path, operation in _operations()
        for status, said in operation["responses"].items()
        if "Location" in said.get("headers", {})
    }
    assert found == {
        ("post", "/hosts", 201),
        ("post", "/migrations", 200),
        ("post", "/migrations", 201),
        ("post", "/preflights", 200),
        ("post", "/preflights", 202),
        ("get", "/preflights/{preflight_id}", 202),
        ("post", "/path-rates", 202),
        ("post", "/policies", 201),
        ("post", "/teams", 201),
        ("post", "/windows", 201),
        ("post", "/people", 201),
        ("post", "/approval-rules", 201),
        ("post", "/migrations/{migration_id}/close", 202),
        ("post", "/host-groups", 201),
        ("post", "/portal/requests", 200),
        ("post", "/portal/requests", 201),
    }


def test_words_that_programs_compare_are_listed() -> None:
    shapes = api.get_openapi_schema()["components"]["schemas"]
    assert set(shapes["MigrationOut"]["properties"]["state"]["enum"]) == set(State)
    assert set(shapes["FindingOut"]["properties"]["severity"]["enum"]) == {
        "blocker", "unknown", "warning", "info", "passed",
    }  # fmt: skip
    assert set(shapes["PreflightOut"]["properties"]["verdict"]["enum"]) == {"", "blocked", "unknown", "warnings", "ok"}
    assert set(shapes["HostOut"]["properties"]["contact"]["enum"]) == set(Host.Contact.values)
    assert "first" in shapes["Unfit"]["properties"]
