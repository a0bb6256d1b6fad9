"""A drawn figure as a small picture and a title, which is text and no part of the picture."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_AN_INCH = 110
COLOURS = 96  # of the palette; more cannot be told apart in a chart, fewer band a colour map


def title(figure: Figure, alt: str) -> str:
    """Take the title out of a figure; without one, say how its description begins.

    A figure of several titled panels keeps the titles of its panels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> _ = figure.subplots().set_title("Orders by week")
    >>> title(figure, "Bars."), title(figure, "Orders by month: highest in May.")
    ('Orders by week', 'Orders by month')
    """
    if whole := figure.get_suptitle():
        figure.suptitle("")
        return whole
    titled = [
        (axes, place)
        for axes in figure.axes
        for place in ("left", "center", "right")
        if axes.get_title(place)
    ]
    if len(titled) == 1:
        axes, place = titled[0]
        words = axes.get_title(place)
        axes.set_title("", loc=place)
        return words
    words = re.split(r"[:;.](?:\s|$)", alt.strip(), maxsplit=1)[0]
    return words[:1].upper() + words[1:]


def png(figure: Figure) -> bytes:
    """Return a figure as PNG with a palette: a third of the bytes, the same every time."""
    from PIL import Image

    drawn, packed = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_AN_INCH, bbox_inches="tight")
    with Image.open(drawn) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(packed, format="png", optimize=True)
    return packed.getvalue()
