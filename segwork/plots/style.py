"""The look all figures share: colour-blind safe, readable at a glance, same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = tuple["Figure", str]
"""A figure and its text alternative."""

# Okabe and Ito (2008), "Color Universal Design": distinguishable with any colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#F0E442")
SEQUENTIAL = "cividis"
DIVERGING = "PuOr"


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style without touching the user's global settings."""
    import matplotlib as mpl
    import seaborn as sns

    settings: dict[str, object] = {
        "axes.prop_cycle": mpl.cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "figure.constrained_layout.use": True,
        "font.family": "DejaVu Sans",
        "svg.hashsalt": "segwork",
    }
    with sns.axes_style("whitegrid"), mpl.rc_context(settings):
        yield
