"""The API as a script would use it: a token, JSON, and every answer checked against the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.test import Client

from kvmweb.accounts.models import Token
from kvmweb.api import api

PROBLEM = "application/problem+json"


class Api:
    """`user` None: no token. An answer that the document does not name fails the test."""

    document: ClassVar[dict[str, Any]] = {}

    def __init__(self, user: Any = None) -> None:
        self.headers = {"Authorization": f"Bearer {Token.issue(user)}"} if user is not None else {}
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self._checked("get", path, self.client.get(f"/api/v1{path}", query, headers=self.headers))

    def post(self, path: str, body: Any = None) -> Any:
        return self._sent("post", path, body)

    def patch(self, path: str, body: Any = None) -> Any:
        return self._sent("patch", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        return self._sent("put", path, body)

    def delete(self, path: str) -> Any:
        return self._checked("delete", path, self.client.delete(f"/api/v1{path}", headers=self.headers))

    def _sent(self, method: str, path: str, body: Any) -> Any:
        text = body if isinstance(body, (str, bytes)) else json.dumps({} if body is None else body)
        send = getattr(self.client, method)
        answer = send(f"/api/v1{path}", text, content_type="application/json", headers=self.headers)
        return self._checked(method, path, answer)

    def items(self, path: str, **query: Any) -> list[Any]:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.content
        return list(answer.json()["items"])

    def _checked(self, method: str, path: str, answer: Any) -> Any:
        if answer.status_code >= 400:
            check_problem(answer)
        elif answer.status_code == 204:
            assert answer.content == b""
        else:
            assert answer["Content-Type"].startswith("application/json")
        documented = _operation(method, path)
        if documented is not None:
            assert answer.status_code in documented["responses"], "this status is not in the document"
        return answer


def check_problem(answer: Any) -> Any:
    assert answer["Content-Type"] == PROBLEM, answer.content[:300]
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    assert body["type"] == "about:blank"
    assert body["instance"].startswith("/api/")
    return body


def fields(answer: Any) -> list[str]:
    """The fields that a 422 names."""
    assert answer.status_code == 422, answer.content
    return [error["field"] for error in answer.json()["errors"]]


def _operation(method: str, path: str) -> Any:
    if not Api.document:
        Api.document = api.get_openapi_schema()["paths"]
    parts = f"/api/v1{path}".split("?")[0].split("/")
    for known, operations in Api.document.items():
        pattern = known.split("/")
        if len(pattern) == len(parts) and all(a.startswith("{") or a == b for a, b in zip(pattern, parts, strict=True)):
            return operations.get(method)
    return None
