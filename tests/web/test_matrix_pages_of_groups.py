"""The matrix of rights: pages, for the viewer of a group of hosts. test_attack_of_groups.py tries them as its operator."""

from __future__ import annotations

from typing import Any

from tests.web import test_matrix_of_rights as matrix

scene, one_document, no_frame = matrix.scene, matrix.one_document, matrix.no_frame


def test_pages(scene: dict[str, Any], one_document: None, no_frame: None) -> None:
    assert matrix.page_mistakes(scene, matrix.GROUP_VIEWER) == {}
