"""What the page of evidence measures, one function a question."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from benchmarks.personas import worlds
from segwork import clustering, features, personas, sample
from segwork.personas.lifecycle import RELATIONS, STAGES
from segwork.sample import SampleCompany
from segwork.sample.calendar import AS_OF


def stages(company: SampleCompany) -> dict[str, float]:
    """Return macro-F1 of stage and relation against the key, and the F1 of each stage."""
    found = personas.lifecycle(company.tables, as_of=AS_OF).set_index("customer_id")
    key = company.key.lifecycle.set_index("customer_id")["stage"].astype(str)
    planted = company.tables.customers.drop_duplicates("customer_id").set_index("customer_id")
    relation = planted["customer_type"].astype(str)
    told = found["relation"].reindex(relation.index).fillna("none")
    by_relation = f1_score(relation, told, average="macro", labels=list(RELATIONS))
    return {**_f1(key, found["stage"]), "relation": float(by_relation)}


def other_shop(kind: str, *, customers: int, seed: int) -> dict[str, float]:
    """Return the same of a shop of another pace."""
    data, key = worlds.shop(kind, customers=customers, seed=seed)
    found = personas.lifecycle(data, as_of=worlds.AS_OF.date()).set_index("customer_id")
    return _f1(key, found["stage"])


def _f1(key: pd.Series, stage: pd.Series) -> dict[str, float]:
    told = stage.reindex(key.index).fillna("none")
    each = f1_score(key, told, average=None, labels=list(STAGES))
    return {"stage": float(each.mean()), **dict(zip(STAGES, map(float, each), strict=True))}


def drawn(company: SampleCompany) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Return features, and the planted and a learned segmentation."""
    table = features.customer_features(company.tables, as_of=AS_OF)
    behaviour = clustering.behaviour(table)
    found = clustering.compare(behaviour, methods=("kmeans", "stable_kmeans"), copies=0, draws=1)
    planted = company.key.segments.set_index("customer_id")["segment"].astype(str)
    learned = found.model("stable_kmeans").segments(behaviour)
    return table, {"planted": planted, "learned": learned}


def shuffled(table: pd.DataFrame, label: pd.Series, *, repeats: int, seed: int) -> int:
    """Count books of shuffled segments in which no persona passes the acid test."""
    silent = 0
    for number in range(repeats):
        lots = np.random.default_rng([seed, number]).permutation(label.to_numpy())
        book = personas.build(table, pd.Series(lots, label.index), seed=number)
        silent += not book.acid_test["passed"].any()
    return silent


def names_kept(table: pd.DataFrame, label: pd.Series, *, repeats: int, seed: int) -> float:
    """Return the share of names that are the same on a random half of the customers."""
    told = personas.names(table, label)
    rng = np.random.default_rng(seed)
    return float(np.mean([
        (personas.names(table.sample(frac=0.5, random_state=int(draw)), label) == told).mean()
        for draw in rng.integers(0, 2**31, repeats)
    ]))  # fmt: skip


def names_kept_in_time(company: SampleCompany, label: pd.Series, *, days: int) -> float:
    """Return the share of names that are the same with the features of an earlier day."""
    now, then = (
        personas.names(features.customer_features(company.tables, as_of=day), label)
        for day in (AS_OF, AS_OF - timedelta(days=days))
    )
    return float((now == then.reindex(now.index)).mean())


def company(*, customers: int, seed: int) -> SampleCompany:
    """Return a sample company, faults and all."""
    return sample.make(customers=customers, seed=seed)
