"""A run folder with segments and a small company behind it, as ``segwork export`` finds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from segwork.runs.folder import RunFolder
from segwork.runs.origin import Origin
from segwork.tables.engines import pseudonym

KEY = "a key of the tests"
AS_OF = "2026-07-01"


def company(customers: int = 40, **changed: Any) -> pd.DataFrame:
    """Return a customers table: ids with canaries in them, everybody agreed."""
    frame = {
        "customer_id": [f"walrus-{number}" for number in range(customers)],
        "region": ["Bali", "Jakarta"] * (customers // 2),
        "consent_marketing": True,
        "withdrawn_at": pd.NaT,
    }
    return pd.DataFrame({**frame, **changed})


def write(
    folder: Path, people: pd.DataFrame, *, settings: str = "", finding: str = "passed"
) -> Path:
    """Write data, config and run folder, and return the run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    people.to_parquet(folder / "customers.parquet")
    lines = {"customer_id": people["customer_id"].drop_duplicates(), "amount": 9.0}
    orders = pd.DataFrame(lines).assign(ordered_at=pd.Timestamp("2026-01-05"))
    orders.to_parquet(folder / "transactions.parquet")
    (folder / "shop.toml").write_text(
        f"as_of = {AS_OF}\n[tables.transactions]\npath = 'transactions.parquet'\n"
        f"[tables.customers]\npath = 'customers.parquet'\n{settings}",
        encoding="utf-8",
    )
    ids = [pseudonym(one, KEY) for one in orders["customer_id"]]
    segments = [f"S0{number % 3 + 1}" for number in range(len(ids))]
    run = folder / "reports" / "shop"
    tables = {"segments": {"customer_id": ids, "segment": segments, "method": "kmeans"}}
    for name, columns in tables.items():
        save(run, name, **columns)
    gate = {"code": "SEG-F01", "status": finding, "severity": "high", "value": None}
    content = {
        "findings.json": [{**gate, "limit": None, "unit": "", "n": None, "message": "why"}],
        "manifest.json": {"name": "shop"},
    }
    for place, value in content.items():
        (run / place).parent.mkdir(exist_ok=True)
        (run / place).write_text(json.dumps(value), encoding="utf-8")
    Origin(RunFolder(run)).remember({"config": str(folder / "shop.toml")})
    return run


def save(run: Path, table: str, **columns: Any) -> None:
    """Write a table of the run."""
    (run / "tables").mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_parquet(run / "tables" / f"{table}.parquet")
