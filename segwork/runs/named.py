"""Names of segments beside their codes, wherever a notebook shows one: text, tables, figures."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

WIDE, NARROW = 26, 14  # letters of a line on an upright and on a level axis


def of_table(frame: pd.DataFrame) -> dict[str, str]:
    """Return name by code from a table with ``segment`` and ``segment_name``; empty without."""
    if not {"segment", "segment_name"} <= set(frame.columns):
        return {}
    pairs = frame[["segment", "segment_name"]].dropna().astype(str).drop_duplicates("segment")
    return dict(pairs[pairs["segment"] != pairs["segment_name"]].to_numpy())


def in_text(text: str, names: Mapping[str, str]) -> str:
    """Put the name behind the first mention of each code.

    Examples
    --------
    >>> in_text("S01 pays, S02 does not; S01 stays.", {"S01": "Many orders"})
    'S01 (Many orders) pays, S02 does not; S01 stays.'
    """
    for code, name in names.items():
        both = f"{code} ({name})"
        text = re.sub(rf"(?<!\w){re.escape(code)}(?!\w)", lambda _, b=both: b, text, count=1)
    return text


def in_frame(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a table in which every cell or label that is a code has the name beside it.

    Examples
    --------
    >>> import pandas as pd
    >>> shown = in_frame(pd.DataFrame({"n": [3]}, index=["S01"]), {"S01": "Many orders"})
    >>> shown.index[0]
    'S01 · Many orders'
    """
    if not names:
        return frame
    frame = frame.copy()
    for place, kind in enumerate(frame.dtypes):
        if kind.kind not in "biufcmM":
            cells = frame.iloc[:, place].astype(object)
            frame.isetitem(place, cells.map(lambda v: _both(v, names)))
    for axis in ("index", "columns"):
        levels = getattr(frame, axis)
        if levels.nlevels == 1:
            setattr(frame, axis, levels.map(lambda v: _both(v, names)).rename(levels.name))
        else:
            named = [level.map(lambda v: _both(v, names)) for level in levels.levels]
            setattr(frame, axis, levels.set_levels(named))
    return frame


def in_figure(figure: Figure, names: Mapping[str, str]) -> None:
    """Put the name beside every code that labels a tick, a line of a legend or a panel."""
    if not names:
        return
    from matplotlib.text import Text

    figure.canvas.draw()
    for axes in figure.axes:
        for axis, width in ((axes.xaxis, NARROW), (axes.yaxis, WIDE)):
            labels = [tick.get_text() for tick in axis.get_ticklabels()]
            if any(label in names for label in labels):
                both = [_wrapped(label, names, width) for label in labels]
                level = {"rotation": 0} if axis is axes.yaxis else {}
                axis.set_ticks(axis.get_ticklocs(), labels=both, **level)
    for text in figure.findobj(Text):
        if text.get_text() in names:
            text.set_text(_wrapped(text.get_text(), names, WIDE))


def _both(value: Any, names: Mapping[str, str]) -> Any:
    return f"{value} · {names[value]}" if isinstance(value, str) and value in names else value


def _wrapped(label: str, names: Mapping[str, str], width: int) -> str:
    return "\n".join(textwrap.wrap(str(_both(label, names)), width)) or label
