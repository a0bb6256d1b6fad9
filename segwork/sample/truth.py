"""The answer key of one chunk, computed from the drawn truth and recounted from clean rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from segwork.sample import orders
from segwork.sample.calendar import DAY, DAYS, OPENED_SECOND, WINDOW_DAYS
from segwork.sample.population import CHANGES, NEW, ONCE, SEGMENTS, YOUNG, YOUNG_LOGIT, People

STATES = ("loyal", "new", "one-time", "at risk", "lost")
STAGES = ("new", "active", "loyal", "at risk", "lost")
NEW_DAYS, LOYAL_DAYS = 90, 365  # of the stages, counted from the drawn first day
TROUBLES = ("none", "risky but loyal", "angry")
CALLS, COMPLAINTS, TROUBLE_DAYS, SOCIAL_DAYS = 5, 3, 30, 7


def key(
    people: People, sold: dict, told: dict, margin: np.ndarray, heavy: np.ndarray
) -> dict[str, object]:
    """Return one Arrow table per truth, and the counts of the Friday rule under ``rules``."""
    name = {"customer_id": pa.array(people.ids)}
    started = _midnight(people.start, people.start >= 0)
    trouble = _trouble(told, people.start.size)
    parts = {
        "segments": {"segment": words_of(SEGMENTS, people.segment), "started_at": started},
        "change_points": _changes(people),
        "lifecycle": {
            "state": words_of(STATES, state := _state(people, trouble)),
            "stage": words_of(STAGES, _stage(people, state)),
            "trouble": words_of(TROUBLES, trouble),
        },
        "profitability": _profit(sold, told, margin) | {"heavy_caller": heavy},
        "income": {
            "income": people.columns["income_true"],
            "missing": np.isnan(people.columns["income"]),
        },
    }
    tables = {truth: pa.table(name | columns) for truth, columns in parts.items()}
    return tables | {"fairness": _fairness(people), "rules": orders.friday_rule(sold)}


def of_the_year(rows: dict, values: np.ndarray, n: int) -> np.ndarray:
    """Sum values per customer over the window that ends at the cut."""
    recent = rows["at"] >= OPENED_SECOND + (DAYS - WINDOW_DAYS) * DAY
    return np.bincount(rows["who"][recent], weights=values[recent], minlength=n)


def words_of(vocabulary: tuple | list, codes: np.ndarray) -> pa.Array:
    """Spell codes as words; a negative code is a null."""
    place = {word: number for number, word in enumerate(dict.fromkeys(vocabulary))}
    places = np.array([place[word] for word in vocabulary], np.int16)
    indices = pa.array(places[np.maximum(codes, 0)], mask=np.asarray(codes) < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(place), pa.string()))


def _midnight(days: np.ndarray, known: np.ndarray) -> pa.Array:
    return pa.array((OPENED_SECOND + days * DAY) * 10**6, pa.timestamp("us"), mask=~known)


def _changes(people: People) -> dict[str, pa.Array]:
    none = people.change == 0
    return {
        "changed_at": _midnight(people.bounds[1], ~none),
        "kind": words_of(CHANGES, people.change),
        "until": _midnight(people.bounds[2], people.change == CHANGES.index("temporary")),
        "rate_before": pa.array(people.rate, mask=none),
        "rate_after": pa.array(people.rate * people.factors[1], mask=none),
    }


def _trouble(told: dict, n: int) -> np.ndarray:
    """Recount: 1 called and complained often of late but engages, 2 does not engage."""
    left = (OPENED_SECOND + DAYS * DAY - told["at"]) / DAY

    def count(rows: np.ndarray) -> np.ndarray:
        return np.bincount(told["who"][rows], minlength=n)

    recent = left <= TROUBLE_DAYS
    loud = count(recent & (told["channel"] == 0)) >= CALLS
    loud &= count(recent & (told["kind"] == 0)) >= COMPLAINTS
    engaged = count((left <= SOCIAL_DAYS) & (told["channel"] == 3)) > 0
    return np.where(loud, np.where(engaged, 1, 2), 0)


def _state(people: People, trouble: np.ndarray) -> np.ndarray:
    lost = (people.change == 1) | ((people.rate == 0) & (people.segment != ONCE))
    away = (people.change == CHANGES.index("temporary")) & (people.bounds[2] > DAYS)
    falling = (people.change == CHANGES.index("fall")) | away | (trouble > 0)
    cases = [lost, falling, people.segment == ONCE, people.segment == NEW]
    return np.select(cases, [4, 3, 2, 1], 0)


def _stage(people: People, state: np.ndarray) -> np.ndarray:
    """Bring the states on the five stages: by what was drawn, never by what a customer did.

    Who buys once is lost from the day nobody calls him new any more, since nothing more was drawn
    for him; who neither fell nor left is loyal after a year, and active before.
    """
    days = DAYS - people.start
    gone = (state == STATES.index("lost")) | ((people.segment == ONCE) & (days > NEW_DAYS))
    cases = [gone, state == STATES.index("at risk"), days <= NEW_DAYS, days >= LOYAL_DAYS]
    return np.select(cases, [4, 3, 0, 2], 1)


def _profit(sold: dict, told: dict, margin: np.ndarray) -> dict[str, np.ndarray]:
    revenue = of_the_year(sold, sold["amount"], margin.size)
    serve = np.bincount(told["who"], weights=told["cost"], minlength=margin.size)
    return {
        "revenue": revenue,
        "cost_of_goods": revenue - margin,
        "cost_to_serve": serve,
        "profit": margin - serve,
    }


def _fairness(people: People) -> pa.Table:
    insured = people.columns["insured"]
    young = people.columns["age_exact"][insured] < YOUNG
    logit = people.risk[insured]
    columns = {
        "customer_id": pa.array(people.ids[insured]),
        "under_25": young,
        "true_risk": 1 / (1 + np.exp(-logit)),
        "labelled_risk": 1 / (1 + np.exp(-(logit + YOUNG_LOGIT * young))),
    }
    return pa.table(columns)
