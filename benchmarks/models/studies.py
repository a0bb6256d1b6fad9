"""The overfitting checks on public data: Bank, Telco, MLC++ and Online Retail II."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from segwork import outcomes, overfitting, tables

LAST_DAY = date(2011, 12, 10)
RETAIL_COLUMNS = {
    "customer_id": "Customer ID",
    "order_id": "Invoice",
    "ordered_at": "InvoiceDate",
    "quantity": "Quantity",
    "unit_price": "Price",
    "product_id": "StockCode",
}


@dataclass(frozen=True)
class Studies:
    """What the checks say about the public sets.

    Attributes
    ----------
    scores : DataFrame
        set, split, metric, train, holdout, low, high, note.
    facts : dict
    message : str
    """

    scores: pd.DataFrame
    facts: dict[str, float | int | str]
    message: str


def studies(folder: str | Path, *, max_rows: int = 10_000, quick: bool = False) -> Studies:
    """Run the checks on the public sets in a folder; a file that is missing is left out."""
    facts: dict[str, float | int | str] = {}
    scores, told = [], []
    for name, study in (("bank", _bank), ("telco", _churn), ("mlc", _churn), ("retail", _retail)):
        file = Path(folder) / FILES[name]
        if not file.is_file():
            told.append(f"{name}: file missing")
            continue
        check, more, sentence = study(file, max_rows, quick)
        scores.append(check.scores.assign(set=name))
        facts |= {f"{name}_{key}": value for key, value in {**check.facts(), **more}.items()}
        told.append(sentence)
    columns = ["set", "split", "metric", "train", "holdout", "low", "high", "note"]
    table = pd.concat(scores)[columns] if scores else pd.DataFrame(columns=columns)
    return Studies(table, facts, " ".join(told))


FILES = {
    "bank": "bank_additional_full.parquet",
    "telco": "telco_churn.parquet",
    "mlc": "mlc_churn.parquet",
    "retail": "online_retail_II.parquet",
}
Answer = tuple[overfitting.OverfittingCheck, dict[str, Any], str]


def _bank(file: Path, max_rows: int, quick: bool) -> Answer:  # noqa: ARG001 (one form for all)
    """Refuse the length of the call where it is declared, suspect it where it is not."""
    data = pd.read_parquet(file)
    X, y = data.drop(columns="y"), data["y"]
    model = LogisticRegression(max_iter=1000)
    known_at = {**dict.fromkeys(X, "before the call"), "duration": "after the call"}
    declared = overfitting.check(model, X, y, known_at=known_at, max_rows=max_rows)
    suspects = overfitting.check(model, X, y, max_rows=2000).suspects
    areas = declared.scores.query("metric == 'auc'").set_index("split")["holdout"]
    without, with_it = areas["random"], areas["random, with refused features"]
    more = {
        "auc_without_duration": float(without),
        "auc_with_duration": float(with_it),
        "suspects": ", ".join(suspects["column"]) or "none",
    }
    text = (
        f"Bank: duration is {declared.status('OF-10')} when declared as known after the call;"
        f" area {without:.3f} without it and {with_it:.3f} with it; undeclared suspects:"
        f" {more['suspects']}."
    )
    return declared, more, text


def _churn(file: Path, max_rows: int, quick: bool) -> Answer:
    """Measure recall of customers who leave at a threshold chosen by cost."""
    data = pd.read_parquet(file).drop(columns="customerID", errors="ignore")
    data = data.rename(columns={"Churn": "churn"})
    if "TotalCharges" in data:
        data["TotalCharges"] = pd.to_numeric(data["TotalCharges"], errors="coerce")
    X, y = data.drop(columns="churn"), data["churn"]
    forest = RandomForestClassifier(50 if quick else 200, min_samples_leaf=5, n_jobs=1)
    check = overfitting.check(forest, X, y, max_rows=max_rows)
    facts = check.facts()
    text = (
        f"{file.stem}: recall of churners {facts['rare_recall']:.1%}"
        f" ({facts['rare_recall_low']:.1%} to {facts['rare_recall_high']:.1%}); splits by customer"
        " and by time do not apply."
    )
    return check, {}, text


def _retail(file: Path, max_rows: int, quick: bool) -> Answer:
    """Split quarterly snapshots at random, by customer and by time."""
    lines = pd.read_parquet(file, columns=list(RETAIL_COLUMNS.values()))
    lines = lines.rename(columns={source: name for name, source in RETAIL_COLUMNS.items()})
    lines["amount"] = lines["quantity"] * lines["unit_price"]
    lines = lines[lines["customer_id"].notna() & ~lines["order_id"].astype(str).str.startswith("C")]
    data = tables.from_frames(transactions=lines)
    history = outcomes.quarters(data, as_of=LAST_DAY, number=6)
    forest = RandomForestClassifier(50 if quick else 200, min_samples_leaf=5, n_jobs=1)
    check = overfitting.check(
        forest,
        history.X,
        history.label == "lost",
        groups=history.customer,
        time=history.as_of,
        as_of=LAST_DAY,
        label_days=history.label_days,
        max_rows=max_rows,
    )
    areas = check.scores.query("metric == 'auc'").set_index("split")["holdout"]
    text = (
        f"Online Retail II: area {areas['random']:.3f} at random, {areas['grouped']:.3f} by"
        f" customer, {areas['time-ordered']:.3f} by time."
    )
    return check, history.facts(), text
