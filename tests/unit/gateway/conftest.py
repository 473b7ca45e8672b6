from __future__ import annotations

from pathlib import Path

import pytest

from hosts.gateway import _ssh


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_ssh, "_data_dir", lambda: tmp_path)
    return tmp_path
