"""Fixtures the tests of the bench share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Return the folder of public data sets, or skip where there is none."""
    folder = os.environ.get("SEGWORK_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SEGWORK_DATA names no folder with the public data sets (data/README.md)")
    return Path(folder)
