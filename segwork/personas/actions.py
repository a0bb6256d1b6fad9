"""Who to write to first: one action a segment, its reason and its audience."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from segwork.personas.definitions import LANGUAGES, definition, words
from segwork.personas.display import shown
from segwork.personas.given import labelled, own_codes
from segwork.personas.names import names
from segwork.privacy.consent import agreed
from segwork.tables import Tables
from segwork.value.profit import Profit


def actions(
    features: Any,
    segments: Any,
    standing: pd.DataFrame,
    *,
    profit: Profit | None = None,
    consent: pd.Series | None = None,
    language: str = "en",
    currency: str = "",
) -> pd.DataFrame:
    """Say for each segment what to do, why, and for how many who agreed; most at stake first.

    Parameters
    ----------
    features, segments
        As in :func:`segwork.personas.build`.
    standing : DataFrame
        As :func:`segwork.personas.lifecycle` returns it.
    profit : Profit, optional
        A segment whose whole interval lies below zero is mended before it is written to.
    consent : Series of bool, optional
        Consent to being written to, by customer id; who is not in it did not agree.
    language : {"en", "id"}
    currency : str

    Returns
    -------
    DataFrame
        One row a segment: ``rank, segment, name, action, reason, audience, customers`` (the
        audience) and ``at_stake``: spend of the last window times the chance of half a year's
        silence, of all customers the action is for; NaN where there is no money. Who is let go
        comes last.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": list("abc"), "spend_window": [9.0, 4.0, 1.0]})
    >>> found = pd.DataFrame({"customer_id": list("abc"), "silence": 0.5,
    ...                       "stage": ["loyal", "loyal", "lost"]})
    >>> told = actions(people, pd.Series(["x", "x", "y"], index=list("abc")), found)
    >>> told[["segment", "customers", "at_stake"]].values.tolist()
    [['x', 2, 6.5], ['y', 1, 0.5]]
    """
    frame, label = labelled(features, segments)
    known = standing.set_index("customer_id").reindex(frame.index)
    spend = next((frame[n] for n in ("spend_window", "spend_total") if n in frame), np.nan)
    label = label.map(own_codes(features, segments))
    known["risk"] = known["silence"].fillna(known["silence"].mean()) * spend
    known["agreed"] = True
    if consent is not None:
        known["agreed"] = consent.groupby(level=0).min().reindex(frame.index) == True  # noqa: E712
    losing = profit is not None and profit.answer == "profit" and profit.by_segment["high"] < 0
    speech, called, rows = words(language), names(features, segments, language=language), []
    for segment, mine in known.groupby(label):
        action, meant = _choice(mine, losing is not False and bool(losing.get(segment, False)))
        told, whole = speech["actions"][action], mine[meant]
        stake = float(whole["risk"].sum(min_count=1)) if len(whole) else 0.0
        share = shown(len(whole) / len(mine), "share", language)
        reason = speech["act"]["reason" if stake == stake else "reason_alone"]
        reason = reason.format(told[1], share, shown(stake, "money", language, currency))
        agreed = int(whole["agreed"].sum()) if action != "rest" else 0
        counts = [shown(n, "count", language) for n in (agreed, len(whole))]
        audience = speech["act"]["nobody_asked" if consent is None else "audience"]
        audience = speech["act"]["at_rest"] if action == "rest" else audience
        row = (action == "rest", segment, called[segment], told[0], reason)
        rows.append((*row, audience.format(*counts), agreed, stake))
    columns = ["rank", "segment", "name", "action", "reason", "audience", "customers", "at_stake"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.sort_values(["rank", "at_stake"], ascending=[True, False], kind="stable")
    return table.assign(rank=np.arange(1, len(table) + 1)).reset_index(drop=True)


def plans(
    features: Any, segments: Any, standing: pd.DataFrame, *, language: str = "en", **known: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the plan in a language, and in all languages for the first page of the cards.

    Parameters
    ----------
    features, segments, standing, known
        As in :func:`actions`.
    language : {"en", "id"}

    Examples
    --------
    ``plan, of_cards = plans(table, segments, standing, profit=earned, currency="IDR")``
    """
    told = {n: actions(features, segments, standing, language=n, **known) for n in LANGUAGES}
    whole = [plan.assign(language=code) for code, plan in told.items()]
    return told[language], pd.concat(whole, ignore_index=True)


def consent(tables: Tables, *, purpose: str, as_of: date | str) -> pd.Series | None:
    """Return who agreed to a purpose, by customer id; None where nobody was asked about it.

    Examples
    --------
    ``consent(data, purpose="marketing", as_of=run.as_of)``
    """
    told = agreed(tables, purpose=purpose, as_of=as_of)
    return None if told is None else told[told]


def _choice(mine: pd.DataFrame, loses: bool) -> tuple[str, pd.Series]:
    """Return the action of a segment, and which of its customers it is for.

    Customers at risk come first where they are a fifth of the segment; else the commonest stage.
    """
    rules = {n: rule for n, rule in definition("actions").items() if isinstance(rule, dict)}
    silence, best, share = mine["silence"].fillna(0), "rest", -1.0
    meant = {
        n: mine["stage"].isin(r["stages"]) & (silence < r.get("below", 2)) for n, r in rules.items()
    }
    if loses:
        return "mend", meant["mend"]
    if meant["rescue"].mean() >= definition("actions")["reach"]:
        return "rescue", meant["rescue"]
    for name in (n for n in rules if n != "mend"):
        if meant[name].mean() > share:
            best, share = name, meant[name].mean()
    return best, meant[best]
