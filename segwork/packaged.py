"""What travels in the wheel beside the code: the notebooks and their configs."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent


def packaged_notebooks() -> Path:
    """Return the folder of the notebooks that came with the package, or lie beside its source."""
    inside = HERE / "notebooks"
    return inside if inside.is_dir() else HERE.parent / "notebooks"


def notebooks_of(root: Path) -> Path:
    """Return the notebooks of a project; those of the package where it has none of its own."""
    own = root / "notebooks"
    return own if own.is_dir() else packaged_notebooks()
