"""The path of a newcomer: the README's commands, from an export of 30,000 lines to a report."""

from __future__ import annotations

import os
import re
import resource
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from segwork import sample

ROOT = Path(__file__).resolve().parent.parent
LINES = 30_000
MOST_SECONDS = 600
OWN_NAMES = {
    "order_id": "Order Number",
    "ordered_at": "Order Date",
    "customer_id": "Customer No",
    "product_id": "SKU",
    "product_description": "Item",
    "quantity": "Qty",
    "amount": "Line Total",
}


def _export(folder: Path) -> None:
    """Write ``sales.csv`` and ``customers.xlsx`` as a shop would, under names of their own."""
    sample.write(folder / "sample", customers=2_600, seed=7)
    lines = pd.read_parquet(folder / "sample" / "transactions.parquet")
    if "amount" not in lines:
        lines["amount"] = lines["quantity"] * lines["unit_price"]
    known = [name for name in OWN_NAMES if name in lines]
    lines = lines[known].head(LINES).rename(columns=OWN_NAMES)
    assert len(lines) == LINES
    lines.to_csv(folder / "sales.csv", index=False)
    people = pd.read_parquet(folder / "sample" / "customers.parquet")
    wanted = ("customer_id", "gender", "region", "birth_year", "signed_up_at")
    people = people[[name for name in wanted if name in people]]
    names = {"customer_id": "Customer No", "birth_year": "Birth Year", "gender": "Gender"}
    people.rename(columns=names).to_excel(folder / "customers.xlsx", index=False)


def _commands() -> list[list[str]]:
    """Return the commands of the README's section about own data."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Your data\n+```console\n(.*?)```", text, re.DOTALL)
    assert block
    lines = (line[2:].partition("#")[0] for line in block[1].splitlines())
    return [shlex.split(line) for line in lines if not line.startswith("source ")]


@pytest.mark.proof
def test_from_an_export_to_a_report_in_ten_minutes(tmp_path: Path) -> None:
    """Every command of the README's "Your data" ends well, the report is there, time is printed."""
    _export(tmp_path)
    place, spent = tmp_path, 0.0
    for command in _commands():
        if command[0] == "cd":
            place = place / command[1]
            continue
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * MOST_SECONDS,
        )
        seconds = time.perf_counter() - began
        spent += seconds
        print(f"{seconds:7.1f} s  $ {shlex.join(command)}")
        assert done.returncode == 0, done.stdout + done.stderr
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{used.ru_utime + used.ru_stime:7.1f} s  of processors, whatever else the machine did")
    print(f"{spent:7.1f} s  from {LINES:,} lines to {place / 'reports/segwork/index.html'}")
    assert "May" in (place / "reports/segwork/index.html").read_text(encoding="utf-8")
    assert spent <= MOST_SECONDS
