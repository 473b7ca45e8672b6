"""The matrix of rights: pages, for everybody who sees everything."""

from __future__ import annotations

from typing import Any

from tests.web import test_matrix_of_rights as matrix

scene, one_document, no_frame = matrix.scene, matrix.one_document, matrix.no_frame


def test_pages(scene: dict[str, Any], one_document: None, no_frame: None) -> None:
    people = [role for role in matrix.ROLES if role in matrix.EVERYTHING]
    assert {role: wrong for role in people if (wrong := matrix.page_mistakes(scene, role))} == {}
