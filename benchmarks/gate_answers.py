"""What every gate answers on real data, on the sample with its faults and on its clean twin.

``python -m benchmarks.gate_answers RUN …`` reads finished runs, writes ``gate_answers.csv`` and
prints the gates that give one answer everywhere; ``python tools/manual.py`` puts the table into the
manual. The clean twin is written by ``segwork.sample.write("data/sample_clean", faults=False)``
and run with ``benchmarks/sample_clean.toml``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from segwork.report.folder import load

FILE = Path(__file__).with_suffix(".csv")


def answers(folders: list[Path]) -> pd.DataFrame:
    """Return one row a gate and one column a run: the status, in words."""
    columns = {}
    for folder in folders:
        run = load(folder)
        columns[str(run.manifest["name"])] = {f["code"]: f["status"] for f in run.findings}
    table = pd.DataFrame(columns).rename_axis("gate").sort_index()
    asked = table[~table.isin(["skipped"]).all(axis=1)]  # a page that no run had says nothing
    return asked.replace("_", " ", regex=True)


def always_the_same(table: pd.DataFrame) -> dict[str, str]:
    """Return the gates that gave one answer wherever they applied, with that answer."""
    applied = table.where(~table.isin(["not applicable", "skipped"]))
    same = applied.apply(lambda row: len(set(row.dropna())) == 1, axis=1)
    often = applied.notna().sum(axis=1) > 1
    return applied[same & often].bfill(axis=1).iloc[:, 0].to_dict()


if __name__ == "__main__":
    found = answers([Path(folder) for folder in sys.argv[1:]])
    found.to_csv(FILE)
    print(found.to_string())
    for gate, word in always_the_same(found).items():
        print(f"{gate} answers '{word}' wherever it applies")
