"""The matrix of rights: operations of the API, and topics of the socket."""

from __future__ import annotations

from typing import Any

from tests.web import test_matrix_of_rights as matrix

scene, one_document = matrix.scene, matrix.one_document


def test_operations(scene: dict[str, Any], one_document: None) -> None:
    people = [role for role in matrix.ROLES if role != matrix.GROUP_OPERATOR]  # see test_attack_of_groups.py
    assert {role: wrong for role in people if (wrong := matrix.operation_mistakes(scene, role))} == {}


def test_topics(scene: dict[str, Any]) -> None:
    for role in matrix.ROLES:
        matrix.check_topics(scene, role)
