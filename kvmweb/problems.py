"""Errors of the API as problem details (RFC 9457), each in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import ConfigDict


class FieldError(Schema):
    field: str
    message: str


class Problem(Schema):
    """application/problem+json"""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: list[FieldError] = []


TITLES = {
    400: "The request cannot be read",
    401: "No valid token",
    403: "Not allowed",
    404: "Not found",
    409: "In the way of something else",
    413: "Too large",
    422: "The request does not fit",
    500: "kvmweb made a mistake",
}
#: what any operation may answer
COMMON: dict[int, Any] = {400: Problem, 401: Problem, 403: Problem, 404: Problem, 422: Problem}


class ProblemError(Exception):
    """Raise it in an operation: `members` are added to the problem, such as the running migration of a 409."""

    def __init__(self, status: int, detail: str, *, errors: list[dict[str, str]] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []
        self.members = members


def answer(request: HttpRequest, status: int, detail: str, **members: Any) -> HttpResponse:
    body = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": request.path,
        **members,
    }
    response = JsonResponse(body, status=status, content_type="application/problem+json")
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="kvmweb"'
    return response


def install(api: NinjaAPI) -> None:
    @api.exception_handler(ProblemError)
    def problem(request: HttpRequest, error: ProblemError) -> HttpResponse:
        errors = {"errors": error.errors} if error.errors else {}
        return answer(request, error.status, error.detail, **errors, **error.members)

    @api.exception_handler(AuthenticationError)
    def no_token(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return answer(request, 401, "Send a token of yours: Authorization: Bearer TOKEN.")

    @api.exception_handler(PermissionDenied)
    def denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        return answer(request, 403, str(error))

    @api.exception_handler(Http404)
    def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(request, 404, "There is nothing here, or you may not see it.")

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
        return answer(request, error.status_code, str(error))

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = []
        for item in error.errors:
            place = [str(part) for part in item["loc"] if part not in ("body", "query", "path", "payload", "filters")]
            errors.append({"field": ".".join(place), "message": item["msg"]})
        detail = " ".join(f"{item['field']}: {item['message']}." for item in errors)
        return answer(request, 422, detail, errors=errors)
