"""What differs between equal runs is taken out of an executed notebook."""

from __future__ import annotations

import pytest

from segwork.engine.execute.outputs import stable


def stderr_after_cleaning(text: str) -> str:
    """Clean a notebook of one cell that wrote to stderr; return what is left."""
    output = {"output_type": "stream", "name": "stderr", "text": text}
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": [output]}
    cell["execution_count"] = 1
    cleaned = stable({"cells": [cell], "metadata": {}}, {}, {})
    return "".join(o["text"] for o in cleaned["cells"][0]["outputs"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fit:  73%|███ | 8/11 [00:14<00:05,  1.84s/it]\n", ""),
        ("fit:  73%|███ | 8/11 [00:14<00:05,  1.84s/it]WARNING: All log messages before\n  \n", ""),
        (
            "fit:  73%|██ | 8/11 [00:14<00:05]UserWarning: small group\n",
            "UserWarning: small group\n",
        ),
        ("UserWarning: 12 % of rows [a|b]\n", "UserWarning: 12 % of rows [a|b]\n"),
    ],
)
def test_progress_leaves_and_warnings_stay(text: str, expected: str) -> None:
    """A bar goes, even where another library wrote into its line; a warning is evidence."""
    assert stderr_after_cleaning(text) == expected
