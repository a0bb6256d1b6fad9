"""What the figures of the data health page show, as small frames."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segwork.quality.missing import by_design
from segwork.quality.money import Ledger, ledger
from segwork.quality.result import Audit
from segwork.quality.timing import core_days


def missing_map(audit: Audit, *, periods: int = 18) -> pd.DataFrame:
    """Return the share of missing values by field (rows) and month (columns), last months only.

    Fields that are empty by design count where they apply; fields without a gap are left out;
    a table without dates has the one column ``all``.
    """
    rows = {}
    for sheet in audit.book:
        when = sheet.when()
        for column in sheet.frame.columns:
            empty, applies = sheet.missing(column), ~by_design(sheet, column)
            if not (empty & applies).any():
                continue
            name = f"{sheet.name}.{column}"
            if when is None:
                rows[name] = {"all": float(empty[applies].mean())}
                continue
            inside = applies & np.isin(sheet.days(), core_days(sheet.days()))
            month = when[inside].astype("datetime64[M]").astype(str)
            rows[name] = pd.Series(empty[inside]).groupby(month).mean().to_dict()
    table = pd.DataFrame(rows).T
    months = sorted(c for c in table.columns if c != "all")[-periods:]
    return table[(["all"] if "all" in table else []) + months]


def daily_rows(audit: Audit, table: str = "transactions") -> pd.Series:
    """Return rows by day before ``as_of``, days without a row as 0, stray dates left out."""
    sheet = audit.book.get(table)
    if sheet is None or sheet.days() is None:
        return pd.Series(dtype=float)
    days = sheet.days()[sheet.days() < audit.book.as_of.astype(np.int64)]
    span = core_days(days)
    count = pd.Series(days).value_counts().reindex(span, fill_value=0)
    return pd.Series(count.to_numpy(float), index=pd.to_datetime(span, unit="D"))


def sessions(audit: Audit) -> pd.DataFrame:
    """Return hits, seconds between hits and the verdict of every session of two hits or more."""
    sheet = audit.book.get("behaviour")
    if sheet is None or not sheet.has("session_id"):
        return pd.DataFrame(columns=["hits", "seconds_between", "verdict"])
    verdict = np.full(sheet.n, "person", dtype=object)
    for code, word in (("DQ-B-05", "robot: too even"), ("DQ-B-04", "robot: too fast")):
        verdict[audit.rows(code)["row"].to_numpy()] = word
    frame = pd.DataFrame({
        "session": sheet.codes("session_id")[0], "at": sheet.when().astype(np.int64),
        "verdict": verdict,
    })  # fmt: skip
    by = frame[frame["session"] >= 0].groupby("session")
    table = by.agg(hits=("at", "size"), first=("at", "min"), last=("at", "max"),
                   verdict=("verdict", "first"))  # fmt: skip
    table["seconds_between"] = (table["last"] - table["first"]) / (table["hits"] - 1).clip(lower=1)
    return table.loc[table["hits"] > 1, ["hits", "seconds_between", "verdict"]].reset_index(
        drop=True
    )


def rates(audit: Audit) -> pd.DataFrame:
    """Return month, currency, lines, and the middle, low and high of amount / local × 1 / rate.

    1 is a right conversion; the 1 % and 99 % quantiles show what strays.
    """
    book: Ledger | None = audit.book.once("ledger", ledger)
    columns = ["month", "currency", "lines", "middle", "low", "high"]
    if book is None or book.local is None or book.rate is None:
        return pd.DataFrame(columns=columns)
    sheet = audit.book.sheets["transactions"]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = book.home / book.local / (book.rate if book.outside is None else book.outside)
    frame = pd.DataFrame({
        "month": sheet.when().astype("datetime64[M]").astype(str),
        "currency": np.array([*sheet.words("currency"), ""], object)[sheet.codes("currency")[0]],
        "off": off,
    })[book.foreign & np.isfinite(off)]  # fmt: skip
    by = frame.groupby(["month", "currency"])["off"]
    table = by.agg(lines="size", middle="median", low=lambda x: x.quantile(0.01),
                   high=lambda x: x.quantile(0.99))  # fmt: skip
    return table.reset_index()[columns]


def health(audit: Audit) -> pd.DataFrame:
    """Return the worst status by table (rows) and control point (columns); blank: no check."""
    order = ["failed", "warned", "inconclusive", "passed"]
    details = audit.details.merge(audit.findings[["code", "control_point"]], on="code")
    tables = [sheet.name for sheet in audit.book]
    points = list(dict.fromkeys(audit.findings["control_point"]))
    table = pd.DataFrame("", index=tables, columns=points)
    ran = audit.findings[~audit.findings["status"].isin(["not_applicable", "skipped"])]
    home = {"behaviour": "behaviour", "transactions": "transactions",
            "interactions": "interactions", "external": "external data"}  # fmt: skip
    for name in tables:
        for point in points:
            own = home.get(name)
            if point in ("general", "missing values") or point == own:
                table.loc[name, point] = "passed" if (ran["control_point"] == point).any() else ""
            found = details[(details["table"] == name) & (details["control_point"] == point)]
            worst = [s for s in order if (found["status"] == s).any()]
            if worst and (worst[0] != "passed" or table.loc[name, point]):
                table.loc[name, point] = worst[0]
    return table.rename_axis("table")


def to_fix(audit: Audit, *, most: int = 8) -> pd.DataFrame:
    """Return what to fix first: the alarms, worst first, with action and harm."""
    table = audit.alarms.head(most)
    columns = table["column"].str.split(",")
    where = table["table"] + ": " + columns.str[:2].str.join(", ")
    where = where.where(columns.str.len() < 3, table["table"] + ": whole rows or several columns")
    share = table["share"].map(lambda part: f" ({part:.1%})" if part >= 0.0005 else " (< 0.1%)")
    share = share.astype("str").where(table["counts"] == "rows", "")
    found = table["n_rows"].map("{:,} ".format).astype("str") + table["counts"] + share
    return pd.DataFrame({
        "what is wrong": table["title"], "where": where, "how much": found,
        "what it does to the segments": table["harm"], "what to do": table["action"],
        "answer": table["status"], "check": table["code"],
    })  # fmt: skip


def mechanisms(audit: Audit) -> pd.DataFrame:
    """Return the tests of what missingness depends on: field, test, result."""
    codes = {"DQ-M-04": "other fields", "DQ-M-05": "groups", "DQ-M-06": "months"}
    found = audit.details[audit.details["code"].isin(codes)]
    table = pd.DataFrame({
        "field": found["table"] + "." + found["column"], "depends on": found["code"].map(codes),
        "status": found["status"], "evidence": found["note"],
    })  # fmt: skip
    return table.drop_duplicates(["field", "depends on"]).reset_index(drop=True).head(20)
