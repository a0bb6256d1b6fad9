"""What the tables tell of the customers of a segment beside everybody else, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.stats import norm

from segwork import tables as _tables
from segwork.features.orders import mark_lines
from segwork.features.people import COMPLAINT_WORDS
from segwork.personas.definitions import definition
from segwork.personas.display import rounded
from segwork.personas.lines import TO_FILL, Line
from segwork.personas.names import CLEAR, against_rest, told_columns
from segwork.personas.story import neighbour, places, ranked, story
from segwork.purchases.occasions import in_memory
from segwork.runs.people import PERSONAL
from segwork.tables import Tables

BASES = ("demographic", "geographic", "psychographic")
STANDING = ("stage", "relation", "journey", "role")
WORTH = ("profit", "margin", "revenue", "expected_orders", "expected_spend")
MOST_WORDS = 60  # different words a column that describes people may have
PARTS = np.array(["night", "morning", "afternoon", "evening"], object)
LEAST, BY_CHANCE = 0.02, 0.005  # points; and of the words of a column together, over customers
NOT_TOLD = float("nan")  # fewer than k others: their figure would be that of a few
CONSENT = "consent_marketing"


@dataclass(frozen=True)
class Known:
    """Everything lines are counted in.

    Attributes
    ----------
    frame : DataFrame
        One row per customer with a segment: features, attributes, standing, worth.
    label : Series
        The segment of each.
    origin : dict
        Table by column of the frame.
    rows : dict
        Order lines, orders, returns and contacts of these customers, with their ``segment``.
    """

    frame: pd.DataFrame
    label: pd.Series
    origin: dict[str, str]
    rows: dict[str, pd.DataFrame]

    @cached_property
    def apart(self) -> pd.DataFrame:
        """How each segment differs from the rest."""
        return against_rest(self.frame, self.label)

    def neighbour(self, segment: str) -> str:
        """Return the nearest segment with enough customers; empty where there is none."""
        sizes = self.label.value_counts()
        able = [segment, *sizes.index[(sizes >= self.k) & (sizes.index != segment)]]
        rows = self.label.isin(able).to_numpy()
        typical = places(ranked(self.frame[rows]), self.label[rows])
        return neighbour(typical, segment) if able[1:] else ""

    @property
    def k(self) -> int:
        """Fewest customers a line may be about."""
        return int(definition("persona")["customers"])

    def inside(self, segment: str) -> np.ndarray:
        """Tell who is in a segment."""
        return (self.label == segment).to_numpy()


def known(
    frame: pd.DataFrame,
    label: pd.Series,
    more: Mapping[str, pd.DataFrame],
    tables: Tables | None,
    as_of: date | str | None,
) -> Known:
    """Bring features and ``more`` by customer together, and read the rows behind them."""
    origin = dict.fromkeys(map(str, frame.columns), "features")
    for name, table in more.items():
        added = table[[c for c in table.columns if c not in frame]]
        frame = frame.join(added)
        origin |= dict.fromkeys(map(str, added.columns), name)
    return Known(frame, label, origin, {} if tables is None else _rows(tables, label, as_of))


def attributes(tables: Tables) -> pd.DataFrame:
    """Return who customers are by id, as far as the customers table tells.

    Direct identifiers stay out; of a customer listed twice the first row counts.
    """
    if tables.customers is None:
        return pd.DataFrame()
    frame = nw.from_native(tables.customers)
    told = [n for n in frame.collect_schema().names() if describes(n)]
    people = in_memory(frame.select("customer_id", *told)).dropna(subset="customer_id")
    return people.drop_duplicates("customer_id").set_index("customer_id")


def describes(name: str, *bases: str) -> bool:
    """Tell whether a column says who somebody is, by all or some of the three bases."""
    words = "|".join(definition("classical")[base] for base in bases or BASES)
    return name not in PERSONAL and bool(pd.Series([name]).str.fullmatch(words)[0])


def _rows(tables: Tables, label: pd.Series, as_of: date | str) -> dict[str, pd.DataFrame]:
    also = ("ordered_at", "product_description", "return_reason")
    lines = in_memory(mark_lines(_tables.until(tables.transactions, as_of), also=also))
    at = lines["ordered_at"].dt
    lines["week"] = np.where(at.day_of_week >= 5, "weekend", "weekdays")
    if (at.normalize() != lines["ordered_at"]).any():  # else the data have days, and no hours
        lines["part"] = PARTS[(at.hour // 6).to_numpy(int)]
    sold, back = (lines[lines[mark].astype(bool)] for mark in ("_sold", "_back"))
    found = {"sold": sold, "back": back}
    found["orders"] = sold.drop_duplicates(["customer_id", "_order"])
    if tables.interactions is not None:
        frame = nw.from_native(_tables.until(tables.interactions, as_of))
        kept = [n for n in ("channel", "kind") if n in frame.collect_schema().names()]
        found["contacts"] = contacts = in_memory(frame.select("customer_id", *kept))
        if "kind" in contacts:
            pain = contacts["kind"].astype("str").str.lower().str.contains(COMPLAINT_WORDS)
            found |= {"wishes": contacts[~pain], "pains": contacts[pain]}
    whole = {n: rows.assign(segment=rows["customer_id"].map(label)) for n, rows in found.items()}
    return {name: rows[rows["segment"].notna()] for name, rows in whole.items()}


def lines_of(data: Known, segment: str) -> list[Line]:
    """Return every line about a segment that enough customers stand behind."""
    told = story(data.frame, data.label, data.apart, segment, data.neighbour(segment))
    found = [*_worth(data, segment)]
    typical = [_typical(data, segment, name, "story") for name in told]
    found += [line for line in typical if not line.low == line.high == line.value == line.rest]
    found += [*_people(data, segment)]
    for key, rule in definition("lines").items():
        rows = data.rows.get(rule["rows"], pd.DataFrame())
        if name := next((n for n in rule["columns"] if n in rows), ""):
            found += _by_word(data, rows, segment, name, {"key": key, **rule})
    if "basket_value" in data.frame:
        found.append(_typical(data, segment, "basket_value", "buys"))
    if "carts_left" in data.frame:
        left = data.frame["carts_left"][data.inside(segment)].fillna(0)
        counts = {"value": float(left.sum()), "n": int((left > 0).sum()), "unit": "count"}
        counts |= {"where": "features.carts_left", **_weight(data, segment, left.index[left > 0])}
        found.append(Line(segment, "pains", "leaves_carts", **counts))
    return [line for line in found if line.n >= data.k]


def _worth(data: Known, segment: str) -> Iterator[Line]:
    inside, frame = data.inside(segment), data.frame
    facts = {"segment": segment, "section": "worth", "unit": "share"}
    n = int(inside.sum())
    yield Line(key="share", value=n / len(frame), where="segments", n=n, **facts)
    for name, key in (("spend_total", "spend_share"), ("profit", "profit_share")):
        if name in frame and frame[name].sum() > 0:
            share, where = frame[name][inside].sum() / frame[name].sum(), data.origin[name]
            yield Line(key=key, value=float(share), where=f"{where}.{name}", n=n, **facts)
    known = [name for name in WORTH if name in frame and frame[name].notna().any()]
    for name in [n for n in known if n in WORTH[:3]][:1] + [n for n in known if n in WORTH[3:]]:
        yield _typical(data, segment, name, "worth")
    if CONSENT in frame:
        agreed = frame[CONSENT].astype("boolean").fillna(value=False)[inside]
        counts = {"value": float(agreed.mean()), "n": int(agreed.sum())}
        yield Line(key="consents", where=f"customers.{CONSENT}", **counts, **facts)


def _typical(data: Known, segment: str, name: str, section: str) -> Line:
    inside = data.inside(segment)
    values = pd.to_numeric(data.frame[name], errors="coerce").astype(float)
    low, high = values[inside].quantile([0.25, 0.75], interpolation="nearest")
    units = {column: unit for column, (_, unit) in told_columns(data.frame).items()}
    units |= dict.fromkeys((*WORTH, "income"), "money") | {"expected_orders": "number"}
    unit = units.get(name, "number")
    low, high = (rounded(end, unit) for end in (low, high))  # a quartile is the figure of somebody
    rest = values[~inside].dropna()
    others = float(rest.median()) if len(rest) >= data.k else NOT_TOLD
    figures = (values[inside].median(), low, high, others)
    n, where = int(values[inside].notna().sum()), f"{data.origin[name]}.{name}"
    return Line(segment, section, "typical", name, "", *figures, unit=unit, n=n, where=where)


def _people(data: Known, segment: str) -> Iterator[Line]:
    """Return who they are: numbers as ranges, words by the one most have beside the rest."""
    names = [*STANDING, *(n for n in map(str, data.frame.columns) if describes(n))]
    for name in (n for n in names if n in data.frame):
        values = data.frame[name].dropna()
        if values.dtype.kind in "iuf":
            yield _typical(data, segment, name, "who")
        elif 1 < values.nunique() <= MOST_WORDS:
            rows = values.astype("str").rename_axis("customer_id").reset_index()
            rows["segment"] = data.label.reindex(values.index).to_numpy()
            by, table = "share" if name in STANDING else "lift", data.origin[name]
            rule = {"key": "most", "section": "who", "by": by, "most": 1, "table": table}
            yield from _by_word(data, rows, segment, name, rule)


def _by_word(
    data: Known, rows: pd.DataFrame, segment: str, name: str, rule: Mapping[str, Any]
) -> list[Line]:
    """Count a segment's rows by word: as counts, as shares, or as shares above the rest's."""
    rows = rows[rows[name].notna()]
    word = _same_case(rows[name].astype("str").str.strip())
    inside = (rows["segment"] == segment).to_numpy()
    told = rows["customer_id"][~inside].nunique() >= data.k
    mine = rows[inside].groupby(word[inside])["customer_id"].agg(["size", "nunique"])
    own, rest = mine["size"] / inside.sum(), word[~inside].value_counts(normalize=True)
    table = mine.assign(
        own=own, rest=rest.reindex(mine.index).fillna(0.0) if told else NOT_TOLD, by=mine["size"]
    )
    table = table[table["nunique"] >= data.k]
    if rule["by"] == "lift":
        sides = np.array([data.inside(segment).sum(), (~data.inside(segment)).sum()])
        mean = table[["own", "rest"]].to_numpy() @ sides / sides.sum()
        error = np.sqrt(mean * (1 - mean) * (1 / np.maximum(sides, 1)).sum())
        table["by"] = table["own"] - table["rest"]
        wing = norm.ppf(1 - BY_CHANCE / max(len(table), 1))
        table = table[(table["by"] >= LEAST) & (table["by"] > wing * error)]
    table = table.sort_values("by", ascending=False, kind="stable")[: rule["most"]]
    if rule["by"] == "count":
        table = table.assign(own=table["size"].astype(float), rest=np.nan)
    unit = "count" if rule["by"] == "count" else "share"
    where = rule["table"] if "." in rule["table"] else f"{rule['table']}.{name}"
    about, same = (segment, rule["section"], rule["key"], name), {"unit": unit, "where": where}
    found = []
    for said, row in table.iterrows():
        figures = {"value": row["own"], "rest": row["rest"], "n": int(row["nunique"]), **same}
        if rule["by"] == "count":
            who = rows.loc[inside & (word == said).to_numpy(), "customer_id"].unique()
            figures |= _weight(data, segment, who)
        found.append(Line(*about, str(said), **figures))
    return found


def _weight(data: Known, segment: str, customers: Iterable[str]) -> dict[str, float]:
    """Return the share of a segment's customers that some of them are, and of its spend."""
    mine = data.frame[data.inside(segment)]
    found = {"share": float(mine.index.isin(customers).mean())}
    if "spend_total" in mine and mine["spend_total"].sum() > 0:
        spend = mine["spend_total"]
        found["worth"] = float(spend[mine.index.isin(customers)].sum() / spend.sum())
    return found


def _same_case(words: pd.Series) -> pd.Series:
    """Return words that differ by case alone as the commonest of them."""
    spelt = words.value_counts().rename_axis("word").reset_index()
    spelt["folded"] = spelt["word"].str.casefold()
    spelt = spelt.sort_values(["count", "word"], ascending=[False, True])
    first = spelt.groupby("folded", sort=False)["word"].transform("first")
    return words.map(dict(zip(spelt["word"], first, strict=True)))


def growth(data: Known, segment: str) -> Line:
    """Return which of the four growth paths suits a segment, and on what that rests."""
    rule, inside, frame = definition("growth"), data.inside(segment), data.frame
    facts = {"segment": segment, "section": "growth", "key": "growth", "unit": "share"}
    if not {"stage", "spend_total"} <= set(frame) or not frame["spend_total"].sum() > 0:
        return Line(**facts, status=TO_FILL)
    stays = float((~frame["stage"][inside].isin(["at risk", "lost"])).mean())
    share, spend = inside.mean(), frame["spend_total"]
    worth = float(spend[inside].sum() / spend.sum() / share)
    families = {family: name for name, (family, _) in reversed(told_columns(frame).items())}
    row = data.apart.loc[segment]
    wide, paced = (row.get((families.get(f), "more"), 0.0) >= CLEAR for f in ("breadth", "pace"))
    path = "product development" if wide and paced else "penetration"
    if share <= rule["small"] and worth >= rule["worth"]:
        path = "market development"
    path = path if stays >= rule["stays"] else "win back first"
    where = "lifecycle.stage, features.spend_total"
    return Line(**facts, what=path, value=stays, rest=worth, n=int(inside.sum()), where=where)
