"""Where every customer stands: stage of the lifecycle, relation, and journey to the next order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from segwork import tables as _tables
from segwork.changepoints import outlook
from segwork.features.people import of_interactions
from segwork.personas.definitions import definition
from segwork.personas.pace import Pace, pace
from segwork.purchases import occasions
from segwork.purchases.occasions import in_memory
from segwork.tables import Tables

STAGES = ("new", "active", "loyal", "at risk", "lost")
RELATIONS = ("internal", "B2B", "B2C")
JOURNEY = ("awareness", "consideration", "decision")
ROLES = ("buyer and user", "buyer", "user")


def lifecycle(tables: Tables, *, as_of: date | str) -> pd.DataFrame:
    """Tell of every customer the stage of the lifecycle, the relation and the journey.

    Parameters
    ----------
    tables : Tables
        ``transactions``; ``customers`` for the relation, ``behaviour`` for journey and role,
        ``interactions`` for trouble, as far as they are there.
    as_of : date
        Rows on or after this day are not used.

    Returns
    -------
    pandas.DataFrame
        One row per customer of any table, those of ``transactions`` first, in source order:

        - ``customer_id``
        - ``stage``: new · active · loyal · at risk · lost; missing for who never ordered
        - ``why``: what decided it
        - ``relation``: B2C · B2B · internal, as declared; missing where nothing is declared
        - ``journey``: awareness · consideration · decision, the furthest step towards the next
          order; missing for who does nothing, or where no behaviour is known
        - ``silence``: chance of no order in the next half year (:mod:`segwork.changepoints`)
        - ``role``: buyer · user · buyer and user; missing where no behaviour is known

    Notes
    -----
    The definitions, their sources and limits stand in ``personas/definitions.toml``. Silence and
    falls are judged by each customer's own pace (:func:`segwork.personas.pace.pace`).

    Examples
    --------
    >>> days = [*pd.date_range("2023-01-02", periods=60, freq="7D"), pd.Timestamp("2024-02-20")]
    >>> lines = pd.DataFrame({"customer_id": ["a"] * 60 + ["b"], "ordered_at": days})
    >>> found = lifecycle(_tables.from_frames(transactions=lines), as_of="2024-03-01")
    >>> found["stage"].tolist()
    ['loyal', 'new']
    """
    found = occasions(_tables.needed(tables).transactions, as_of=as_of)
    own = pace(found, steps=1 + definition("at_risk")["orders"])
    ahead = outlook(tables.transactions, as_of=as_of)["outlook_probability"].to_numpy()
    index = pd.Index(found.customer_id, name="customer_id")
    trouble = _trouble(tables, as_of).reindex(index, fill_value=False).to_numpy(bool)
    known = pd.DataFrame(_stage(own, ahead, trouble) | {"silence": ahead}, index=index)
    relation, steps = _relation(tables), _steps(tables, as_of)
    everybody = index.append([t.index.difference(index, sort=False) for t in (relation, steps)])
    table = known.reindex(everybody.unique())
    table["relation"] = relation.reindex(table.index)
    gaps = pd.Series(own.gap, index).reindex(table.index)
    silence = pd.Series(np.where(own.times > 0, own.silence, np.inf), index).reindex(table.index)
    table["journey"] = _journey(steps.reindex(table.index), gaps, silence)
    table["role"] = _role(steps, table)
    return table.rename_axis("customer_id").reset_index()


def _stage(own: Pace, ahead: np.ndarray, trouble: np.ndarray) -> dict[str, np.ndarray]:
    """Decide the stage of every customer, and say by what."""
    new, loyal, lost, risk = (definition(n) for n in ("new", "loyal", "lost", "at_risk"))
    waits = own.first_wait
    patience = max(new["days"], np.quantile(waits, lost["waits"]) if len(waits) else 0)
    silent = np.nan_to_num(own.p[:, 0], nan=1.0)
    stretches = np.sort(np.nan_to_num(own.p[:, 1:], nan=1.0), axis=1)
    young, own_wait = own.tenure <= new["days"], silent <= lost["p"]
    # Who slowed down before is as silent as of late, and still here.
    longer = np.nan_to_num(own.recent, nan=0.0) <= lost["recent"]
    steady = (own.tenure >= loyal["days"]) & (own.times >= loyal["orders"])
    slower = (stretches[:, risk["agree"] - 1] <= risk["p"]) | (~young & own_wait)
    cases = {
        "nothing but returns": (None, own.times == 0),
        "silent beyond the own pace": ("lost", ~young & own_wait & longer),
        "most such customers stay silent": ("lost", ~young & (ahead >= lost["silent"]) & longer),
        "one order, and others were back": ("lost", (own.times == 1) & (own.silence > patience)),
        "calls and complaints": ("at risk", trouble),
        "slower than the own pace": ("at risk", slower),
        "first order a short while ago": ("new", young),
        "the own pace kept for long": ("loyal", steady),
    }
    names, when = zip(*cases.values(), strict=True)
    stage = np.select(when, np.array(names, object), "active")
    return {"stage": stage, "why": np.select(when, list(cases), "orders, but not yet for long")}


def _trouble(tables: Tables, as_of: date | str) -> pd.Series:
    """Return whether a customer called and complained often of late; empty where none can tell."""
    risk = definition("at_risk")
    frame = None if tables.interactions is None else nw.from_native(tables.interactions)
    if frame is None or "kind" not in frame.collect_schema().names():
        return pd.Series(dtype=bool)
    moment, at = _tables.instant(as_of), nw.col("occurred_at")
    recent = frame.filter(at >= moment - timedelta(days=risk["days"]), at < moment)
    count = in_memory(of_interactions(recent.to_native(), moment)).set_index("customer_id")
    return (count["calls"] >= risk["calls"]) & (count["complaints"] >= risk["complaints"])


def _relation(tables: Tables) -> pd.Series:
    """Return what an account is declared to be; of a customer listed twice the first row counts."""
    frame = None if tables.customers is None else nw.from_native(tables.customers)
    names = [] if frame is None else frame.collect_schema().names()
    if "customer_id" not in names:
        return pd.Series(dtype=object)
    kept = [n for n in ("customer_id", "customer_type") if n in names]
    people = in_memory(frame.select(kept)).dropna(subset="customer_id")
    people = people.drop_duplicates("customer_id").set_index("customer_id")
    if "customer_type" not in people:
        return pd.Series(None, people.index, dtype=object)
    plain = people["customer_type"].astype("str").str.normalize("NFKD").str.casefold()
    said = plain.str.replace(r"[\u0300-\u036f]", "", regex=True).str.replace(
        r"[\W_]+", " ", regex=True
    )
    rule = definition("relation")
    unless = "".join(rf"(?<!\b{word} )" for word in rule["unless"])
    meant = {n: rf"{unless}\b(?:{rule[n]})(?:e?s)?\b" for n in RELATIONS}
    cases = [said.str.contains(meant[name], regex=True) for name in RELATIONS]
    return pd.Series(np.select(cases, np.array(RELATIONS, object), None), people.index)


def _steps(tables: Tables, as_of: date | str) -> pd.DataFrame:
    """Return days since the last event of each step of the journey, by customer."""
    if tables.behaviour is None:
        return pd.DataFrame(columns=JOURNEY, dtype=float)
    moment = _tables.instant(as_of)
    frame = nw.from_native(_tables.until(tables.behaviour, as_of))
    frame = frame.filter(~nw.col("customer_id").is_null())
    event = nw.col("event").cast(nw.String).str.to_lowercase().fill_null("")
    step = nw.lit(0)
    for place, name in enumerate(JOURNEY[1:], 1):
        step = nw.when(event.str.contains(definition("journey")[name])).then(place).otherwise(step)
    last = frame.with_columns(_step=step).group_by("customer_id", "_step")
    table = in_memory(last.agg(nw.col("occurred_at").max()))
    table["days"] = (moment - table["occurred_at"]).dt.total_seconds() / 86_400
    seen = pd.Index(table["customer_id"].unique())
    wide = table.pivot_table("days", index="customer_id", columns="_step", aggfunc="min")
    return wide.reindex(index=seen, columns=range(3)).set_axis(list(JOURNEY), axis=1)


def _journey(steps: pd.DataFrame, gap: pd.Series, silence: pd.Series) -> np.ndarray:
    """Return the furthest step within the last stretch of each customer's own pace."""
    rule = definition("journey")
    usual = gap.fillna(gap.median()).fillna(rule["most_days"])
    stretch = usual.clip(rule["least_days"], rule["most_days"]).to_numpy()
    days = steps.to_numpy(float, copy=True)
    if not np.isfinite(days).any():
        return np.full(len(steps), None, object)
    days[:, 2] = np.fmin(days[:, 2], silence.astype(float).to_numpy())
    with np.errstate(invalid="ignore"):
        cases = [days[:, place] <= stretch for place in (2, 1, 0)]
    return np.select(cases, np.array(JOURNEY[::-1], object), None)


def _role(steps: pd.DataFrame, table: pd.DataFrame) -> Any:
    """Tell who buys, who uses and who does both, where both are known."""
    if steps.empty:
        return None
    buys, uses = table["stage"].notna(), table.index.isin(steps.index)
    return np.select([buys & uses, buys, uses], np.array(ROLES, object), None)
