"""A hand-made run folder: what ``segwork run`` leaves, small enough to read."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

HOSTILE = "<script>alert(1)</script>"
MESSAGES = {
    "SEG-C91": "Stability of segments: 0.41 (95 % interval 0.33 to 0.48), limit at least 0.60.",
    "SEG-C92": "Number of segments: 5, limit at most 12.",
    "SEG-C93": "Share of small segments: 31.0 % (95 % interval 23.0 % to 40.0 %), limit at most "
    "30.0 %; 900 customers would settle it.",
    "SEG-Q91": "Order lines without a customer: 24.9 %, limit at most 20.0 %.",
    "SEG-Q92": "Prices at or below zero: 2,517, limit at most 0. Waived by A. Keeper until "
    "2027-01-31: stock corrections.",
    "SEG-Q93": "Missing income: not applicable, the data for it are not there.",
    "SEG-T91": "30_change_points did not run.",
}


@cache
def picture() -> str:
    """Return a small real figure as base64, drawn with fixed metadata."""
    import base64
    from io import BytesIO

    import matplotlib.pyplot as plt

    from segwork.plots.style import house_style

    with house_style():
        figure, axes = plt.subplots(figsize=(7, 3.2))
        axes.barh(["Champions", "Loyal", "Promising", "At risk", "Lost"], [12, 31, 18, 22, 17])
        axes.set_xlabel("customers (%)")
        axes.set_title("One customer in three is loyal")
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
        plt.close(figure)
    return base64.b64encode(buffer.getvalue()).decode()


def segments_notebook(product: str = HOSTILE) -> nbformat.NotebookNode:
    """Return an executed notebook with every kind of output a page must cope with."""
    from segwork.runs.shown import as_markdown, html_table

    table = html_table(_products(product), "Best sold products")
    alt = "Bar chart: loyal customers are the largest segment with 31 per cent."
    progress = (
        "\r  0%|          | 0/20 [00:00<?, ?it/s]\r100%|####| 20/20 [00:01<00:00, 19.8it/s]\n"
    )
    cells = [
        new_markdown_cell(
            "# Which kinds of customers are there?\n\n**Reads** the transactions.\n"
            "**Leaves** `segments`, one row per customer.",
            id="title",
        ),
        new_code_cell(
            'config: str = "notebooks/configs/sample.toml"  # data\nk: int = 5  # segments',
            id="parameters",
            metadata={"tags": ["parameters"]},
        ),
        new_markdown_cell(
            "## Question\n\nA segment helps only if it is **stable** and **different**. The "
            "centre of group $k$ is\n\n$$\\mu_k = \\frac{1}{n_k} \\sum_{i \\in S_k} x_i$$\n\n"
            "so that the total $\\sum_k \\sum_{i \\in S_k} \\lVert x_i - \\mu_k \\rVert^2$ "
            "is least.\n\n#### Skipped levels\n\nThis heading was written at level four.",
            id="question",
        ),
        new_code_cell(
            "# draw the segments\nfor k in range(2, 9):\n    model = fit(X, k=k)  # 10 starts",
            id="draw",
            outputs=[
                new_output("stream", name="stderr", text=progress),
                new_output(
                    "stream", name="stdout", text="\x1b[32mok\x1b[0m <Fit at 0x7f3a5c0b1d>\n"
                ),
                new_output(
                    "display_data",
                    data={"image/png": picture(), "text/plain": alt},
                    metadata={"image/png": {"alt": alt}},
                ),
            ],
        ),
        new_markdown_cell("## Result\n\nWhat the segments buy:", id="result"),
        new_code_cell(
            "run.table(products)",
            id="table",
            outputs=[
                new_output("display_data", data={"text/html": table, "text/plain": "products"}),
                new_output(
                    "display_data",
                    data={"text/markdown": f"The best product is **{as_markdown(product)}**."},
                ),
                new_output(
                    "display_data",
                    data={"application/vnd.jupyter.widget-view+json": {}, "text/plain": "  0%|"},
                ),
            ],
        ),
        new_markdown_cell(
            f"## Limits\n\nA careless author writes {product} in prose.", id="limits"
        ),
        new_code_cell("run.finish()", id="finish"),
    ]
    return new_notebook(cells=cells)


def _products(product: str) -> Any:
    import pandas as pd

    return pd.DataFrame(
        {
            "product": [product, "White hanging heart T-light holder", "Regency cakestand 3 tier"],
            "orders": [2369, 2200, 2172],
            "share of revenue": [0.0123, 0.0108, 0.0411],
        }
    )


def failed_notebook() -> nbformat.NotebookNode:
    """Return a notebook that broke off in its second code cell."""
    trace = ["\x1b[0;31mKeyError\x1b[0m", "File /tmp/ipykernel_77/123.py:1\n----> 1 spend['gold']"]
    error = new_output("error", ename="KeyError", evalue="'gold'", traceback=trace)
    return new_notebook(
        cells=[
            new_markdown_cell("# When did each customer change?", id="title"),
            new_code_cell("config = 'x.toml'", id="p", metadata={"tags": ["parameters"]}),
            new_markdown_cell("## Method\n\nA scan of weekly counts.", id="m"),
            new_code_cell("spend['gold']", id="boom", outputs=[error]),
            new_markdown_cell("## Limits", id="l"),
        ]
    )


def findings() -> list[dict[str, Any]]:
    """Return one finding of every status; the codes with ``T9`` are in no policy file."""
    rows = [
        ("SEG-C91", "failed", "high", 0.41, 0.60, "", 4338, "20_segments"),
        ("SEG-C92", "passed", "medium", 5, 12, "segments", 4338, "20_segments"),
        ("SEG-C93", "inconclusive", "medium", 0.31, 0.30, "share", 118, "20_segments"),
        ("SEG-Q91", "warned", "low", 0.2493, 0.20, "share", 541909, "10_data_quality"),
        ("SEG-Q92", "waived", "high", 2517, 0, "", 541909, "10_data_quality"),
        ("SEG-Q93", "not_applicable", "medium", None, 0.1, "share", None, "10_data_quality"),
        ("SEG-T91", "skipped", "medium", None, 0.1, "share", None, "30_change_points"),
    ]
    names = ("code", "status", "severity", "value", "limit", "unit", "n", "notebook")
    return [{**dict(zip(names, row, strict=True)), "message": MESSAGES[row[0]]} for row in rows]


def manifest() -> dict[str, Any]:
    """Return a manifest with notebooks that ran, failed, were blocked and were not asked for."""
    parameters = {"config": "notebooks/configs/sample.toml", "k": 5}
    return {
        "name": "sample",
        "as_of": "2026-01-01",
        "seed": 0,
        "config": {
            "limits": {},
            "tables": {"transactions": {"path": "", "url": "postgresql://me:secret@host/db"}},
        },
        "data": {
            "transactions": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        },
        "versions": {"pandas": "3.1.1", "scikit-learn": "1.9.0"},
        "python": "3.12.8",
        "git": {"commit": "0614135", "dirty": True},
        "baseline": None,
        "notebooks": {
            "10_data_quality": {"status": "ok", "parameters": parameters},
            "20_segments": {
                "status": "ok",
                "parameters": parameters,
                "reads": [],
                "leaves": ["segments"],
            },
            "30_change_points": {
                "status": "failed",
                "message": "KeyError: 'gold'",
                "cell": 2,
                "cell_title": "Method",
                "parameters": parameters,
            },
            "50_overfitting": {"status": "blocked", "message": "needs 30_change_points"},
            "60_fairness": {"status": "skipped"},
        },
    }


def make(folder: Path, *, changed: dict[str, Any] | None = None) -> Path:
    """Write the run folder; ``changed`` replaces entries of the manifest."""
    executed = {
        "10_data_quality": new_notebook(
            cells=[
                new_markdown_cell("# Are the data fit to use?", id="t"),
                new_code_cell("1 + 1", id="c"),
            ]
        ),
        "20_segments": segments_notebook(),
        "30_change_points": failed_notebook(),
    }
    for part in ("notebooks", "facts"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name, notebook in executed.items():
        nbformat.validate(notebook)
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")
    facts = {"rows": 541909, "missing_customer_share": 0.2493}
    recorded = {"notebook": "10_data_quality", "as_of": "2026-01-01", "facts": facts,
                "units": {"missing_customer_share": "share"}, "figures": []}  # fmt: skip
    _write(folder / "facts" / "10_data_quality.json", recorded)
    _write(folder / "findings.json", findings())
    _write(folder / "manifest.json", {**manifest(), **(changed or {})})
    return folder


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, sort_keys=True, indent=1), encoding="utf-8")
