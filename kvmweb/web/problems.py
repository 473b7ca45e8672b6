"""Errors of the API as problem details (RFC 9457), each in the OpenAPI document."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import ConfigDict

from kvmweb import alarm
from kvmweb.accounts import logins
from kvmweb.accounts.permissions import hides
from kvmweb.database import Trouble, trouble
from kvmweb.web.refused import FieldRefused

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
PREFIX = "/api/"
IN_CLEAR = (
    "Use https. This request came over plain http: if it had a token, somebody may have read it on the way."
    " Revoke that token and create a new one."
)


class FieldError(Schema):
    field: str
    message: str


class Problem(Schema):
    """An error, as application/problem+json. `errors` names the invalid fields of the request."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: list[FieldError] = []  # noqa: RUF012  pydantic copies it


TITLES = {
    400: "Bad request",
    401: "No valid token",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Request too large",
    422: "Invalid request",
    500: "Internal error",
    503: "Not available now",
}
DETAILS = {
    400: "The request is malformed, or uses a host name that is not in KVMWEB_ALLOWED_HOSTS.",
    403: "Your role does not allow it.",
    404: "It does not exist, or you may not see it.",
    405: "This address does not support this method. The Allow header lists those it supports.",
    413: "The body is larger than kvmweb accepts.",
    500: "The cause is in kvmweb's log. Running migrations are not affected.",
    503: "The database is busy, full or not reachable. Nothing was changed. Try again after Retry-After seconds.",
}
#: what any operation may answer
COMMON: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 405, 413, 422, 500, 503), Problem)
_HEADERS = {
    401: ("WWW-Authenticate", "Bearer, with the realm"),
    405: ("Allow", "the supported methods"),
    503: ("Retry-After", "seconds to wait before the next try"),
}


def located(*statuses: int) -> dict[str, Any]:
    """`openapi_extra` of an operation: these responses have a Location header."""
    header = {"Location": _header("address of the result")}
    return {"responses": {status: {"headers": header} for status in statuses}}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


class ProblemError(Exception):
    """Raise it in an operation: `members` are added to the problem, such as the running migration of a 409."""

    def __init__(self, status: int, detail: str, *, errors: list[dict[str, str]] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []
        self.members = members


def body_of(status: int, instance: str, detail: str = "", **members: Any) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or DETAILS.get(status) or HTTPStatus(status).description,
        "instance": instance,
        **members,
    }


def answer(request: HttpRequest, status: int, detail: str = "", **members: Any) -> HttpResponse:
    body = body_of(status, request.path, detail, **members)
    response = JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="kvmweb"'
    return response


def not_now(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    """The database cannot do it now. The reason phrase is for the log, which prints it."""
    alarm.notice(trouble)
    response = answer(request, 503, f"{trouble.sentence} Nothing was changed.")
    response.reason_phrase = trouble.sentence
    response["Retry-After"] = str(trouble.retry_after)
    return response


def install(api: NinjaAPI) -> None:
    @api.exception_handler(ProblemError)
    def problem(request: HttpRequest, error: ProblemError) -> HttpResponse:
        errors = {"errors": error.errors} if error.errors else {}
        return answer(request, error.status, error.detail, **errors, **error.members)

    @api.exception_handler(FieldRefused)
    def refused(request: HttpRequest, error: FieldRefused) -> HttpResponse:
        return answer(request, 422, error.message, errors=[{"field": error.field, "message": error.message}])

    @api.exception_handler(AuthenticationError)
    def no_token(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return answer(request, 401, "Send a valid API token in this header: Authorization: Bearer TOKEN.")

    @api.exception_handler(PermissionDenied)
    def denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        logins.to_note(request, str(error))
        match = request.resolver_match
        if hides(request.user, error, names_object=bool(match and match.kwargs)):
            return answer(request, 404)
        return answer(request, 403, str(error))

    @api.exception_handler(Http404)
    def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(request, 404)

    @api.exception_handler(RequestDataTooBig)
    def too_large(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        return answer(request, 413)

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
        return answer(request, error.status_code, str(error))

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [{"field": _place(item["loc"]), "message": _message(item["msg"])} for item in error.errors]
        detail = " ".join(f"{item['field']}: {item['message']}." for item in errors)
        return answer(request, 422, detail, errors=errors)

    @api.exception_handler(Exception)
    def broken(request: HttpRequest, error: Exception) -> HttpResponse:
        found = trouble(error)
        if found is not None:
            return not_now(request, found)
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return answer(request, 500)


def _place(loc: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in loc if part not in ("body", "query", "path", "payload", "page"))


def _message(text: str) -> str:
    return text.removeprefix("Value error, ").rstrip(".")


@sync_and_async_middleware
def problem_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Errors from before an operation is reached (unknown address or method) become problems too. Plain http is
    refused where https is demanded: a redirect would invite the client to send its token in clear each time."""
    if iscoroutinefunction(get_response):

        async def waiting(request: HttpRequest) -> HttpResponse:
            if _in_clear(request):
                return answer(request, 403, IN_CLEAR)
            response: Awaitable[HttpResponse] = get_response(request)
            return _as_problem(request, await response)

        return waiting

    def plain(request: HttpRequest) -> HttpResponse:
        if _in_clear(request):
            return answer(request, 403, IN_CLEAR)
        return _as_problem(request, get_response(request))

    return plain


def _in_clear(request: HttpRequest) -> bool:
    return settings.KVMWEB.https and request.path.startswith(PREFIX) and not request.is_secure()


def _as_problem(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    wrong = response.status_code >= 400 and response.get("Content-Type") != CONTENT_TYPE
    if not wrong or not request.path.startswith(PREFIX):
        return response
    said = answer(request, response.status_code)
    if "Allow" in response:
        said["Allow"] = response["Allow"]
    return said


def as_problem_json(schema: dict[str, Any]) -> None:
    """The OpenAPI document gets the true content type of every problem, and its headers."""
    for path in schema["paths"].values():
        for operation in path.values():
            for status, said in operation["responses"].items():
                if int(status) >= 400 and "application/json" in said.get("content", {}):
                    said["content"] = {CONTENT_TYPE: said["content"]["application/json"]}
                if int(status) in _HEADERS:
                    name, meaning = _HEADERS[int(status)]
                    said["headers"] = {name: _header(meaning)}
