"""The package has floors: a module imports only from lower ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FLOORS = (
    {"errors", "results", "schema", "settings", "progress", "words", "packaged"},
    {"source"},
    {"evidence", "config", "disclosure", "labels"},
    {"checks", "runs"},
    {"tables", "run"},
    {"sample", "fetch"},
    {"quality", "features", "privacy"},
    {"clustering", "purchases", "sequences"},
    {"changepoints", "dynamics", "overfitting", "fairness", "value"},
    {"outcomes", "trials"},
    {"personas", "export", "scoring", "responsible"},
    {"plots", "report", "init"},
    {"engine"},
    {"cli"},
    {"__main__"},
)
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}
PACKAGE = Path(__file__).resolve().parent.parent / "segwork"


def modules() -> list[Path]:
    """List the files of the package but its front door, which imports lazily."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def family(path: Path) -> str:
    """Return the module or folder of the package a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_families(source: str) -> set[str]:
    """Return the segwork modules a source text imports, wherever in the file it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "segwork":
            names = [f"segwork.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("segwork.")}
    return found - {"__version__"}


def test_reader_of_imports_sees_every_spelling() -> None:
    """All ways to write an import are read, inside functions too."""
    source = (
        "import segwork.run\nfrom segwork import tables, gates as g\n"
        "def f():\n    from segwork.engine.cache import key\n"
    )

    assert imported_families(source) == {"run", "tables", "gates", "engine"}


def test_every_module_has_a_floor() -> None:
    """A module nobody placed fails here."""
    assert {family(path) for path in modules()} <= set(FLOOR)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_go_down(path: Path) -> None:
    """A module imports nothing of its own floor or above, except inside its own family."""
    here = family(path)
    used = imported_families(path.read_text(encoding="utf-8")) - {here}

    wrong = {name for name in used if FLOOR[name] >= FLOOR[here]}

    assert not wrong, f"{path.name} on floor {FLOOR[here]} imports {sorted(wrong)}"
