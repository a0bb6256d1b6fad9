"""What the figures of the data health page show, as small frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segwork.quality.columns import profiles
from segwork.quality.missing import by_design
from segwork.quality.money import ledger
from segwork.quality.result import Audit
from segwork.quality.timing import core_days, daily
from segwork.results import display
from segwork.tables import Tables

NEAR = 0.02  # of a rate, as DQ-T-02 has it


def answer(audit: Audit) -> dict[str, str]:
    """Return what was found, what it means and what to do, from the most urgent alarm."""
    counts = audit.facts()
    found = f"{counts['checks_failed']} checks failed and {counts['checks_warned']} warned"
    if audit.alarms.empty:
        means = "Nothing here speaks against a segmentation."
        return {"found": f"{found}.", "means": means, "do": "Go on."}
    worst = audit.alarms.iloc[0]
    where = f"{worst['n_rows']:,} {worst['counts']} of {worst['table'].replace(',', ', ')}"
    return {
        "found": f"{found}; most urgent: {worst['title'].lower()} ({where}).",
        "means": f"If it stays, {worst['why']}.",
        "do": f"First {worst['action']}; the others follow by urgency.",
    }


@dataclass(frozen=True)
class Loading:
    """What reading the sources found, before anything was audited.

    Attributes
    ----------
    rows : DataFrame
        One row a table: table, rows_in = rows_kept + rows_left_out.
    faults : DataFrame
        One row a kind of fault: table, column, code, n_rows, definition. No values are shown.
    notes : tuple of str
        How the data were read: derived columns, order of day and month.
    """

    rows: pd.DataFrame
    faults: pd.DataFrame
    notes: tuple[str, ...]

    def facts(self) -> dict[str, float | int | str]:
        """Return rows in, kept and left out, and each kind of fault with its count."""
        counts = {f"loading_{c}": int(self.rows[c].sum()) for c in self.rows.columns[1:]}
        kinds = self.faults.groupby("code")["n_rows"].sum()
        return {
            **counts,
            "loading_fault_kinds": len(self.faults),
            "loading_fault_rows": int(self.faults["n_rows"].sum()),
            **{f"loading_{code}_rows": int(n) for code, n in kinds.items()},
        }


def loading(tables: Tables) -> Loading:
    """Say what loading kept, what it left out and every kind of fault that it counted."""
    return Loading(tables.rows, tables.faults.drop(columns="examples"), tables.notes)


def missing_map(audit: Audit, *, periods: int = 18) -> pd.DataFrame:
    """Return the share of missing values by field (rows) and month (columns), last months only.

    Fields that are empty by design count where they apply; fields without a gap are left out;
    a table without dates has the one column ``all``.
    """
    rows = {}
    for source in audit.sources:
        when = source.when()
        for column in source.frame.columns:
            empty, applies = source.missing(column), ~by_design(source, column)
            if not (empty & applies).any():
                continue
            name = f"{source.name}.{column}"
            if when is None:
                rows[name] = {"all": float(empty[applies].mean())}
                continue
            inside = applies & np.isin(source.days(), core_days(source.days()))
            month = when[inside].astype("datetime64[M]").astype(str)
            rows[name] = pd.Series(empty[inside]).groupby(month).mean().to_dict()
    table = pd.DataFrame(rows).T
    months = sorted(c for c in table.columns if c != "all")[-periods:]
    return table[(["all"] if "all" in table else []) + months]


def daily_rows(audit: Audit, table: str = "transactions") -> pd.Series:
    """Return rows by day before ``as_of``, days without a row as 0, stray dates left out."""
    source = audit.sources.get(table)
    if source is None or source.days() is None:
        return pd.Series(dtype=float)
    days = source.days()
    span, count = daily(days[days < audit.sources.as_of.astype(np.int64)])
    return pd.Series(count.astype(float), index=pd.to_datetime(span, unit="D"))


def calendars(audit: Audit) -> dict[str, pd.Series]:
    """Return rows by day of every table with more than one day."""
    daily = {n: daily_rows(audit, n) for n in ("transactions", "behaviour", "interactions")}
    return {name: rows for name, rows in daily.items() if len(rows) > 1}


def largest_gaps(gaps: pd.DataFrame, *, most: int = 3) -> str:
    """Say which fields of the map of missing values have the largest gaps on average."""
    shares = gaps.mean(axis=1).nlargest(most) if len(gaps) else pd.Series(dtype=float)
    words = [f"{name} {display(float(share), 'share')}" for name, share in shares.items()]
    return ", ".join(words) or "none"


def needs(audit: Audit) -> pd.DataFrame:
    """Return what models need beside what there is, and whether it is met."""
    table = audit.readiness.table.drop(columns="name")
    return table.assign(met=table["met"].map({True: "yes", False: "no"}))


def every_alarm(audit: Audit) -> pd.DataFrame:
    """Return all alarms with count, definition and the source of the limit."""
    return audit.alarms[["code", "status", "n_rows", "message", "definition", "source"]]


def details(audit: Audit) -> Iterator[tuple[pd.DataFrame, str]]:
    """Yield every table that stands behind the page, with its caption; columns come last."""
    yield audit.health.reset_index(), "Number of checks by control point and answer"
    yield mechanisms(audit), "What missingness depends on"
    yield needs(audit), "What models need, and what there is"
    yield audit.counts, "Exact counts, each with its definition"
    yield every_alarm(audit), "Every alarm with its count, its definition and its limit's source"
    for line, table in profiles(audit):
        yield table, line


def sessions(audit: Audit) -> pd.DataFrame:
    """Return hits, seconds between hits and the verdict of every session of two hits or more."""
    source = audit.sources.get("behaviour")
    if source is None or not source.has("session_id"):
        return pd.DataFrame(columns=["hits", "seconds_between", "verdict"])
    verdict = np.full(source.n, "person", dtype=object)
    for code, word in (("DQ-B-05", "robot: too even"), ("DQ-B-04", "robot: too fast")):
        verdict[audit.rows(code)["row"].to_numpy()] = word
    at, session = source.when().astype(np.int64), source.codes("session_id")[0]
    frame = pd.DataFrame({"at": at, "verdict": verdict})[session >= 0]
    by = frame.groupby(session[session >= 0])
    lasting = by["at"].max() - by["at"].min()
    table = pd.DataFrame({"hits": by.size(), "seconds_between": lasting / (by.size() - 1)})
    table["verdict"] = by["verdict"].first()
    return table[table["hits"] > 1].reset_index(drop=True)


@np.errstate(divide="ignore", invalid="ignore")
def rates(audit: Audit) -> pd.DataFrame:
    """Return month, currency, lines, and which share of them is not at the dated rate.

    Amount / local / rate is 1 for a right conversion: ``off`` lies more than 2 % from it, ``kept``
    equals the local amount, as if nothing had been converted.
    """
    money = ledger(audit.sources)
    columns = ["month", "currency", "lines", "off", "kept"]
    if money is None or money.local is None or money.rate is None:
        return pd.DataFrame(columns=columns)
    source = audit.sources.tables["transactions"]
    plain = money.home / money.local
    right = plain / (money.rate if money.outside is None else money.outside)
    frame = pd.DataFrame({"month": source.when().astype("datetime64[M]").astype(str)})
    frame["currency"] = source.mapped("currency", str)
    frame["off"], frame["kept"] = np.abs(right - 1) > NEAR, np.abs(plain - 1) <= NEAR
    by = frame[money.foreign & np.isfinite(right)].groupby(["month", "currency"])[["off", "kept"]]
    return by.mean().assign(lines=by.size()).reset_index()[columns]


def health(audit: Audit) -> pd.DataFrame:
    """Return the worst status by table (rows) and control point (columns); blank: no check."""
    order = ["failed", "warned", "inconclusive", "passed"]
    details = audit.details.merge(audit.findings[["code", "control_point"]], on="code")
    tables = [source.name for source in audit.sources]
    points = list(dict.fromkeys(audit.findings["control_point"]))
    table = pd.DataFrame("", index=tables, columns=points)
    ran = audit.findings[~audit.findings["status"].isin(["not_applicable", "skipped"])]
    home = {name: name for name in ("behaviour", "transactions", "interactions")}
    home["external"] = "external data"
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
    """Return what to fix first: the alarms, worst first, with action and harm done."""
    table = audit.alarms.head(most)
    columns = table["column"].str.split(",")
    where = table["table"] + ": " + columns.str[:2].str.join(", ")
    where = where.where(columns.str.len() < 3, table["table"] + ": whole rows or several columns")
    share = table["share"].map(lambda part: f" ({part:.1%})" if part >= 0.0005 else " (< 0.1%)")
    share = share.astype("str").where(table["counts"] == "rows", "")
    found = table["n_rows"].map("{:,} ".format).astype("str") + table["counts"] + share
    shown = {"what is wrong": table["title"], "where": where, "how much": found}
    shown |= {"what it does to the segments": table["why"], "what to do": table["action"]}
    return pd.DataFrame({**shown, "check": table["code"] + " " + table["status"].astype("str")})


def mechanisms(audit: Audit) -> pd.DataFrame:
    """Return the tests of what missingness depends on: field, test, result."""
    codes = {"DQ-M-04": "other fields", "DQ-M-05": "groups", "DQ-M-06": "months"}
    found = audit.details[audit.details["code"].isin(codes)]
    table = pd.DataFrame({"field": found["table"] + "." + found["column"]})
    table["depends on"] = found["code"].map(codes)
    table["status"], table["evidence"] = found["status"], found["note"]
    return table.drop_duplicates(["field", "depends on"]).reset_index(drop=True).head(20)
