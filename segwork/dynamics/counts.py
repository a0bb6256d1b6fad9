"""Counts of rows by bin: how far two periods or runs are apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segwork import evidence

ALPHA = 0.025  # two families of tests share 5 %


@dataclass(frozen=True)
class Against:
    """The columns of a run beside those of an earlier one.

    Attributes
    ----------
    table : DataFrame
        ``column, psi, psi_limit, statistic`` (Cramér's V), ``p, p_holm, status``, the most changed
        first: *gone* where a column is not counted any more, *warned* where index and test are
        beyond their limits.
    """

    table: pd.DataFrame

    @property
    def changed(self) -> list[str]:
        """Names of the columns that changed or went."""
        return self.table.loc[self.table["status"] != "passed", "column"].tolist()

    def facts(self) -> dict[str, float | int | str]:
        """Return how many columns changed, of how many."""
        return {"changed_columns": len(self.changed), "changed_columns_n": len(self.table)}


def against(reference: pd.DataFrame, current: pd.DataFrame) -> Against:
    """Compare the columns of two runs by the rows in their bins.

    Parameters
    ----------
    reference, current : DataFrame
        ``table, column, bin, rows`` as :func:`segwork.quality.summaries` counts them, the current
        ones in the bins of the reference.

    Returns
    -------
    Against

    Examples
    --------
    >>> old = pd.DataFrame({"table": "lines", "column": "amount", "bin": ["≤ 9", "> 9"]})
    >>> against(old.assign(rows=[90, 10]), old.assign(rows=[45, 55])).changed
    ['lines.amount']
    """
    key = ["table", "column", "bin"]
    both = reference.merge(current, on=key, how="left", suffixes=("_old", "_new")).fillna(0)
    parts = both.groupby(["table", "column"], sort=False)[["rows_old", "rows_new"]]
    counts = {f"{table}.{name}": part.to_numpy().T for (table, name), part in parts}
    gone = {name for name, found in counts.items() if not found.sum(axis=1).all()}
    unknown = (np.nan,) * 4
    known = {
        name: stability_index(found, len(counts)) + cramers_v(found)
        for name, found in counts.items()
        if name not in gone
    }
    table = pd.DataFrame(
        [(name, *known.get(name, unknown)) for name in counts],
        columns=["column", "psi", "psi_limit", "statistic", "p"],
    )
    table["psi_limit"] = np.maximum(0.1, table["psi_limit"])
    table["p_holm"] = evidence.holm(table["p"])
    beyond = (table["psi"] > table["psi_limit"]) & (table["p_holm"] < ALPHA)
    status = beyond.map({True: "warned", False: "passed"})
    table["status"] = status.where(~table["column"].isin(gone), "gone")
    order = {"by": "psi", "ascending": False, "na_position": "first", "kind": "stable"}
    return Against(table.sort_values(**order).reset_index(drop=True))


def stability_index(counts: np.ndarray, family: int) -> tuple[float, float]:
    """Return the stability index of two rows of counts, and what chance makes of it at most."""
    from scipy.stats import chi2

    counts = counts[:, counts.any(axis=0)]
    shares = (counts + 0.5) / (counts + 0.5).sum(axis=1)[:, None]
    psi = float((np.diff(shares, axis=0) * np.diff(np.log(shares), axis=0)).sum())
    bound = chi2.ppf(1 - 0.01 / family, max(counts.shape[1] - 1, 1))
    return psi, float(bound * (1 / counts.sum(axis=1)).sum())


def cramers_v(counts: np.ndarray) -> tuple[float, float]:
    """Return Cramér's V of a table of two rows, and the p of its chi-square test."""
    from scipy.stats import chi2_contingency

    counts = counts[:, counts.any(axis=0)]
    test = chi2_contingency(counts, correction=False)
    return float(np.sqrt(test.statistic / counts.sum())), float(test.pvalue)
