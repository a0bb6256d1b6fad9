"""What travels in the wheel beside the code: tables and words (TOML), notebooks, configs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def values(name: str) -> dict[str, Any]:
    """Return what a TOML file of the package holds; ``name`` is its place below ``segwork/``."""
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


@cache
def schema(name: str) -> dict[str, Any]:
    """Return the JSON schemas of a file of the package, by what they describe."""
    return dict(json.loads((HERE / name).read_text(encoding="utf-8")))


@cache
def validator(name: str, kind: str) -> Callable[[object], Any]:
    """Return what fills in defaults and raises JsonSchemaValueException, for one of the schemas."""
    import fastjsonschema

    shared = {
        key: value for key, value in schema(name).items() if key in ("$schema", "definitions")
    }
    return fastjsonschema.compile({**shared, **schema(name)[kind]})


def packaged_notebooks() -> Path:
    """Return the folder of the notebooks that came with the package, or lie beside its source."""
    inside = HERE / "notebooks"
    return inside if inside.is_dir() else HERE.parent / "notebooks"


def notebooks_of(root: Path) -> Path:
    """Return the notebooks of a project; those of the package where it has none of its own."""
    own = root / "notebooks"
    return own if own.is_dir() else packaged_notebooks()
