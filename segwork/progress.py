"""Whether somebody is there to see a progress bar.

``tqdm(disable=None)`` looks for a terminal, which a Jupyter kernel has not, so its bars would stay
hidden exactly where people wait. Bars of this package ask here instead.
"""

from __future__ import annotations

import sys


def unwatched() -> bool:
    """Return True where a bar would only fill a log; pass it to tqdm as ``disable``.

    Examples
    --------
    >>> from tqdm import tqdm
    >>> sum(tqdm(range(4), desc="fit", disable=unwatched()))
    6
    """
    in_notebook = type(sys.stderr).__module__.startswith("ipykernel.")
    return not (in_notebook or sys.stderr.isatty())
