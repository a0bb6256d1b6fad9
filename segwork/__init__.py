"""segwork: a notebook workbench for customer segmentation whose claims can be checked."""

from __future__ import annotations

import importlib
from types import ModuleType

__version__ = "0.1.0"

__all__ = [
    "changepoints",
    "checks",
    "clustering",
    "dynamics",
    "export",
    "fairness",
    "features",
    "outcomes",
    "overfitting",
    "privacy",
    "quality",
    "run",
    "sample",
    "scoring",
    "tables",
    "trials",
    "value",
]


def __getattr__(name: str) -> ModuleType:
    """Import a public module on first use, so that ``import segwork`` stays quick."""
    if name in __all__:
        return importlib.import_module(f"segwork.{name}")
    raise AttributeError(f"module 'segwork' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
