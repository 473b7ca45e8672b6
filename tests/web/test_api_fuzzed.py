"""The whole API with made-up requests: never an internal error, never an answer that the document does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kvmweb.accounts.models import Token
from kvmweb.api import api
from tests.web import test_matrix_of_rights as matrix

scene, one_document = matrix.scene, matrix.one_document
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 4


@pytest.fixture
def _kept_connection() -> Iterator[None]:
    """The end of a request closes the connection, and with it the test's transaction; Django's test client does the same."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("_kept_connection")
@pytest.mark.parametrize("role", [matrix.Role.ADMIN, matrix.Role.MEMBER])
def test_every_operation(scene: dict[str, Any], one_document: None, role: str) -> None:
    schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
    application = get_wsgi_application()
    # compressed answers are unpacked by a browser, not by this transport
    headers = {"Authorization": f"Bearer {Token.issue(scene['people'][role])}", "Accept-Encoding": "identity"}
    wrong: dict[str, str] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        operation.app = application

        @settings(
            max_examples=EXAMPLES,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def try_it(case: Any) -> None:
            with transaction.atomic():
                answer = case.call(headers=headers)
                transaction.set_rollback(True)
            case.validate_response(answer, checks=CHECKS)

        try:
            try_it()
        except BaseException as error:
            wrong[operation.label] = " ".join(map(str, getattr(error, "exceptions", [error])))[:700]
    assert not wrong, "\n\n".join(f"{label}: {what}" for label, what in wrong.items())
