"""Each gate made to answer against a planted fault, and to pass its sound counterpart.

``python -m benchmarks.gate_plants`` plants both for the gates that answer alike on every data set
of ``gate_answers.csv`` and for those whose fault no data set has, judges the facts that the
functions of the notebooks return, and writes ``gate_plants.csv``; ``python tools/manual.py`` puts
it beside the answers.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from tqdm import tqdm

import segwork.run
from benchmarks.models import defects
from benchmarks.planted_gates import judged
from segwork import (
    changepoints,
    clustering,
    dynamics,
    export,
    fairness,
    features,
    overfitting,
    personas,
    privacy,
    quality,
    sample,
    tables,
    value,
)
from segwork.checks.gates import catalogue

FILE = Path(__file__).with_suffix(".csv")
AS_OF = "2026-07-01"
Facts = Mapping[str, Any]
Made = Callable[[bool], Facts]
PLANTS: dict[str, tuple[str, Made]] = {}


def plants(**gates: str) -> Callable[[Made], Made]:
    """Say which gates the facts of a function are for, and what is planted for each."""

    def keep(made: Made) -> Made:
        PLANTS.update({f"SEG-{gate}": (words, made) for gate, words in gates.items()})
        return made

    return keep


def company(customers: int = 1_000) -> dict[str, pd.DataFrame]:
    """Return the tables of a small clean sample company."""
    made = sample.make(customers=customers, faults=False).tables
    return {name: getattr(made, name) for name in sample.TABLES}


@plants(
    Q02="thirty customers twice, in another region",
    Q06="missing incomes filled in with the mean",
    Q12="the lines of forty customers",
)
def data(bad: bool) -> Facts:
    """Audit a clean company, or one with the faults."""
    given = company(2_000)
    people, lines = given["customers"], given["transactions"]
    if bad:
        twice = people.head(30).assign(region="elsewhere")
        filled = people["income"].fillna(people["income"].mean())
        given["customers"] = pd.concat([people.assign(income=filled), twice], ignore_index=True)
        given["transactions"] = lines[lines["customer_id"].isin(people["customer_id"].head(40))]
    found = quality.audit(tables.from_frames(**given), as_of=AS_OF)
    return {**found.facts(), **found.readiness.facts()}


@plants(Q14="amounts of another currency in the last quarter")
def reference(bad: bool) -> Facts:
    """Compare a company with itself, amounts multiplied by sixteen thousand or not."""
    given, factor = company(), 16_000 if bad else 1
    old = quality.audit(tables.from_frames(**given), as_of=AS_OF, only=["DQ-G-13"])
    given["transactions"] = given["transactions"].assign(
        amount=given["transactions"]["amount"] * factor
    )
    new = quality.audit(tables.from_frames(**given), as_of=AS_OF, only=["DQ-G-13"])
    bins = quality.summaries(old)
    found = dynamics.against(bins, quality.summaries(new, bins=bins))
    return {f"reference_{name}": fact for name, fact in found.facts().items()}


def behaviour(customers: int = 600, seed: int = 0) -> pd.DataFrame:
    """Draw what customers of two kinds did, far apart."""
    rng = np.random.default_rng(seed)
    kind = np.arange(customers) % 2
    orders = 1 + rng.poisson(np.where(kind, 30, 3))
    return pd.DataFrame({
        "orders": orders, "spend_total": orders * rng.lognormal(3 + 2 * kind, 0.2),
        "days_since_last": rng.gamma(9, np.where(kind, 1, 20)).round(),
        "tenure_days": rng.gamma(20, np.where(kind, 30, 10)).round(),
    })  # fmt: skip


def saved(table: pd.DataFrame, method: str, **how: Any) -> Facts:
    """Return the facts of a labelling that is kept, no later period asked."""
    found = clustering.compare(table, methods=("rule_rfm", method), copies=0, draws=1, **how)
    study: Any = SimpleNamespace(facts=lambda _: {})
    segments = found.model(method).segments(table)
    return clustering.saved(found, study, method, segments, later_days=91).facts()


@plants(C02="five customers a thousand times as large as all others")
def handful(bad: bool) -> Facts:
    """Segment two kinds of customers, a handful of giants among them or not."""
    table = behaviour()
    if bad:
        table.loc[:4, ["orders", "spend_total"]] *= 1e3
    return saved(table, "kmeans", n_clusters=3 if bad else 2)


@plants(C03="two dense kinds in a thin fog of others")
def fog(bad: bool) -> Facts:
    """Let HDBSCAN segment two kinds, alone or in a fog three times as large."""
    table = behaviour(400)
    if bad:
        rng = np.random.default_rng(1)
        low, high = np.log(table.clip(lower=1).min() / 9), np.log(table.max() * 9)
        thin = np.exp(rng.uniform(low, high, size=(1_200, 4)))
        table = pd.concat([table, pd.DataFrame(thin, columns=table.columns)], ignore_index=True)
    return saved(table, "hdbscan")


@plants(C05="twelve slices of a continuum")
def slices(bad: bool) -> Facts:
    """Cut what is one crowd into twelve, or two crowds into two."""
    table = behaviour()
    crowd = table[table["orders"] < 15].reset_index(drop=True)
    return saved(crowd, "kmeans", n_clusters=12) if bad else saved(table, "kmeans", n_clusters=2)


@plants(C04="the RFM rule, which tells less of later spend than K-Means")
def later(bad: bool) -> Facts:
    """Keep the worse or the better of two ways of drawing segments."""
    given = tables.from_frames(transactions=company(2_000)["transactions"])
    asked = {"as_of": date.fromisoformat(AS_OF), "later_days": 91, "window_days": 365}
    study = clustering.later_period(given, methods=["kmeans"], seed=0, **asked)
    return study.facts("rule_rfm" if bad else "kmeans")


def panel(*, leave: float, noise: float, days: int = 91, customers: int = 600) -> pd.DataFrame:
    """Draw customers of two levels at eight ends of period, who change level or are blurred."""
    rng = np.random.default_rng(5)
    level = np.arange(customers)[:, None] % 2
    level = (level + (rng.random((customers, 8)) < leave).cumsum(axis=1)) % 2
    ends = pd.date_range("2024-01-01", periods=8, freq=f"{days}D")
    return pd.DataFrame({
        "customer_id": np.repeat(np.arange(customers), 8), "period_end": np.tile(ends, customers),
        "orders": 10.0 * level.ravel() + rng.normal(0, noise, 8 * customers),
    })  # fmt: skip


def moving(given: pd.DataFrame, **how: Any) -> Facts:
    """Return what the page of movement records of its recommended method, else of the best."""
    found = dynamics.trace_features(given, n_segments=2, **how)
    waiting = dynamics.cadence(found)
    best = found.recommended or found.scoreboard["recall"].idxmax()
    facts = {"moves_found": float(found.scoreboard.loc[best, "recall"])}
    return facts | ({"refresh_days": waiting.recommended_days} if found.recommended else {})


@plants(D03="labels from the last four periods, which follow slowly")
def slow(bad: bool) -> Facts:
    """Plant moves that all methods may find, or the slow one alone."""
    methods = ["trajectories"] if bad else None
    return moving(panel(leave=0.05, noise=4.0), methods=methods)


@plants(D06="periods of a week in which three customers in ten leave")
def restless(bad: bool) -> Facts:
    """Let customers change level by the week, or hardly ever."""
    return moving(panel(leave=0.3, noise=1.0, days=7) if bad else panel(leave=0.01, noise=1.0))


@plants(D05="a column that is empty in the last period")
def vanished(bad: bool) -> Facts:
    """Compare two periods, a column of the later one lost or not."""
    old, new = behaviour(), behaviour(seed=1)
    new = new.assign(tenure_days=np.nan) if bad else new
    return {f"drift_{name}": fact for name, fact in dynamics.drift(old, new).facts().items()}


def insured(bad: bool) -> pd.DataFrame:
    """Return customers whose price and label follow risk, and age besides where that is planted."""
    rng, n = np.random.default_rng(3), 16_000
    age, incidents = rng.integers(18, 32, n), rng.poisson(0.8, n)
    young, km = (age < 25) * bad, rng.normal(12, 3, n)
    risk = 1 / (1 + np.exp(1.5 - 1.5 * incidents - 1.5 * (km - 12) - 4.0 * young))
    return pd.DataFrame({
        "age": age, "incidents": incidents, "km": km.round(2),
        "premium": (900 * np.exp(0.3 * incidents + 0.3 * young + rng.normal(0, 0.05, n))).round(),
        "label": np.where(rng.random(n) < risk, "high", "low"),
    })  # fmt: skip


@plants(
    F01="under 25 pay a third more", F02="a label that punishes being under 25",
    F03="a label that punishes being under 25", F04="a label that punishes being under 25",
    F05="a label that punishes being under 25",
)  # fmt: skip
def ages(bad: bool) -> Facts:
    """Test price and label of the insured by age."""
    asked = {"price": "premium", "decision": "label", "positive": "high"}
    table = fairness.decision_table(insured(bad), columns=["incidents", "km"], **asked)
    assert table is not None
    inputs = {"record": "incidents", "profile": ["km"], "other_inputs": []}
    return fairness.age_tests(table, **inputs).facts()


@plants(F06="segments that are bands of age", F07="vouchers for the young of each segment")
def inside(bad: bool) -> Facts:
    """Look into segments that follow age and treat by it, or do neither."""
    rng, n = np.random.default_rng(4), 4_000
    band = rng.choice(["under 25", "25 to 44", "45 and over"], n)
    segment = np.where(rng.random(n) < 0.6 * bad, band, rng.choice(["a", "b", "c"], n))
    voucher = pd.DataFrame({"voucher": 5 + 5 * (band == "under 25") * bad + rng.normal(0, 1, n)})
    return fairness.segment_fairness(segment, sensitive=band, treatment=voucher).facts()


MODELS = {
    "L01": "post-outcome feature", "L02": "copied rows", "L03": "same customers on both sides",
    "L04": "open label window", "L05": "rare class multiplied", "O01": "effect that turned",
    "O03": "memorising tree", "O04": "rule in one period only", "O06": "no better than one rule",
    "O07": "overconfident",
}  # fmt: skip


def model(kind: str) -> Made:
    """Return the audit of an honest model, or of one with a defect of that kind."""

    def audited(bad: bool) -> Facts:
        subject = defects.plant(kind, defects.STRENGTHS[-1], 1) if bad else defects.honest(1)
        found = overfitting.check(subject.estimator, subject.X, subject.y, **subject.options)
        return {f"chosen_{name}": fact for name, fact in found.facts().items()}

    return audited


for _gate, _kind in MODELS.items():
    plants(**{_gate: _kind})(model(_kind))


@plants(O05="labels dealt anew")
def luck(bad: bool) -> Facts:
    """Learn from labels that belong to the rows, or to others."""
    subject = defects.honest(1, n=1_000, rate=0.3)
    y = np.random.default_rng(2).permutation(subject.y) if bad else subject.y
    found = overfitting.check(subject.estimator, subject.X, y, **subject.options)
    return {f"chosen_{name}": fact for name, fact in found.facts().items()}


@plants(
    P02="a customer who never agreed in a table of the run",
    P03="a column of mail addresses in it",
    P04="a cell of two people shown",
    P05="a release without declared bounds",
    P06="a row of attributes that no other customer has",
    P08="a table without names whose rows are still unique",
)
def handed_on(bad: bool) -> Facts:
    """Judge what a run hands on, with five things wrong or none."""
    n, rng = 3_000, np.random.default_rng(6)
    ids = [f"c{i}" for i in range(n)]
    people = pd.DataFrame({"customer_id": ids, "consent_profiling": True})
    given = tables.from_frames(transactions=_once(ids), customers=people)
    consent = privacy.consented(given, purpose="profiling", as_of=AS_OF)
    left = pd.DataFrame({"customer_id": [*ids[1:], "never agreed" if bad else ids[0]]})
    known = pd.DataFrame({"region": rng.choice(["a", "b"], n), "secret": rng.choice(["x", "y"], n)})
    if bad:
        known["region"] = rng.integers(0, 10_000, n).astype(str)
    known = known.assign(segment="S01", orders=rng.integers(0, 10**6, n) if bad else 1)
    counts = pd.DataFrame({"n": [2 if bad else 1_400, 1_600]})
    attacks = privacy.attacks.all_of(
        known,
        outside=["region"],
        habits=["orders"],
        counts=counts,
        shown=counts,
        tries=2_000,
        seed=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        ledger = privacy.Ledger(Path(folder) / "ledger.json", budget=10.0)
        names: Any = known["region"] if bad else known["region"].astype("category")
        ask = {"epsilon": 1.0, "groups": names, "ledger": ledger}
        case = privacy.Disclosure(
            consent=consent, tables={"segments": left.assign(**_mail(n, bad))},
            people=known, known=["region"], secret="secret",
            counts={"sizes": (counts, np.zeros(counts.shape, bool))}, attacks=attacks,
            releases=[privacy.release(known["orders"], statistic="count", **ask)], ledger=ledger,
        )  # fmt: skip
        facts = privacy.judged(case).facts()
    alike = privacy.k_anonymity(known, quasi_identifiers=["region"]).facts()
    return {**facts, **alike, "attacks_that_work": int(attacks["works"].sum())}


def _once(ids: list[str]) -> pd.DataFrame:
    """Return one order of everybody."""
    day = pd.Timestamp("2026-01-05")
    return pd.DataFrame({"customer_id": ids, "ordered_at": day, "amount": 9.0})


def _mail(n: int, bad: bool) -> dict[str, list[str]]:
    return {"email": [f"p{i}@example.org" for i in range(n)]} if bad else {}


@plants(P07="baskets of five hundred goods")
def habits(bad: bool) -> Facts:
    """Tell two purchases of customers who buy any of many goods, or one of two on one day."""
    rng, n = np.random.default_rng(7), 4_000
    goods, days = (500, 300) if bad else (2, 2)
    lines = pd.DataFrame({
        "customer_id": rng.integers(0, 400, n).astype(str), "amount": 1.0,
        "ordered_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, days, n), "D"),
        "product_id": rng.integers(0, goods, n).astype(str),
    })  # fmt: skip
    found = privacy.purchases(tables.from_frames(transactions=lines), samples=200, seed=0)
    return found.facts() if found else {}


def orders(*, every: float, customers: int = 150, jitter: float = 1.0) -> pd.DataFrame:
    """Draw two years of orders, one each so many days or twice that, regular without jitter."""
    rng = np.random.default_rng(8)
    every = every * (1 + np.arange(customers)[:, None] % 2)
    gaps = every * (1 - jitter + jitter * rng.exponential(1.0, (customers, 250)))
    days = (rng.uniform(0, every, (customers, 1)) + gaps.cumsum(axis=1)).round()
    who, _ = np.nonzero(days < 728)
    return pd.DataFrame({
        "customer_id": who.astype(str), "amount": 10.0,
        "ordered_at": pd.Timestamp("2024-07-02") + pd.to_timedelta(days[days < 728], "D"),
    })  # fmt: skip


@plants(T03="a shop where hardly anybody comes twice")
def rare(bad: bool) -> Facts:
    """Ask for verdicts where customers come once in two years, or each fortnight."""
    return changepoints.detect_panel(orders(every=900 if bad else 14), as_of=AS_OF).facts()


@plants(V02="an order that costs more than it brings")
def costly(bad: bool) -> Facts:
    """Let an order of ten cost twenty, or one."""
    lines = orders(every=30)
    given = tables.from_frames(transactions=lines)
    who = pd.Series("S01", index=pd.Index(lines["customer_id"].unique(), name="customer_id"))
    costs = {"order": 20.0 if bad else 1.0, "margin_rate": 1.0}
    return value.profit(given, who.rename("segment"), as_of=AS_OF, costs=costs).facts()


@plants(V05="customers who order by the calendar, as their own rate says")
def clockwork(bad: bool) -> Facts:
    """Expect orders of customers who come like a clock, or at random."""
    found = value.expected(orders(every=30, jitter=0.0 if bad else 1.0), as_of=AS_OF)
    kept = found.holdout.set_index("model")["rmse"]
    return {"error_against_own_rate": float(kept[found.model] / kept["own rate"])}


def previewed(people: pd.DataFrame, *, gone: int = 0, unplaced: int = 0) -> Facts:
    """Return what the page of activation records of a run over these customers.

    ``gone`` more customers are in the run alone, ``unplaced`` ones have no segment in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        people.to_parquet(place / "customers.parquet")
        _once(list(people["customer_id"])).to_parquet(place / "lines.parquet")
        files = {"transactions": "lines.parquet", "customers": "customers.parquet"}
        config = {"as_of": AS_OF, "tables": {n: {"path": str(place / f)} for n, f in files.items()}}
        with patch.dict(os.environ, SEGWORK_RUN=str(place / "run")):
            run = segwork.run.start("90_activation", config=config)
            keyed = tables.load(config, key=run.key).customers["customer_id"]
            ids = [*keyed, *(f"{number:016x}" for number in range(gone))]
            segment = [None] * unplaced + ["S01"] * (len(ids) - unplaced)
            left = pd.DataFrame({"customer_id": ids, "segment": segment, "method": "rule_rfm"})
            run.save(left, "segments")
            return export.preview(run).facts()


def agreed(no: int = 0) -> pd.DataFrame:
    """Return a hundred customers who agreed, but for the first few."""
    ids = [f"c{number}" for number in range(100)]
    return pd.DataFrame({"customer_id": ids, "consent_marketing": np.arange(100) >= no})


@plants(
    X01="two customers of the run without a segment", X04="eleven customers gone from the sources"
)
def lost(bad: bool) -> Facts:
    """Preview the export of a run that knows more customers than the sources, or the same."""
    return previewed(agreed(), gone=11 * bad, unplaced=2 * bad)


@plants(X02="an export that does not look at consent")
def careless(bad: bool) -> Facts:
    """Count whom an export would send that ignores the three who said no, or leaves them out."""
    module = import_module("segwork.export.preview")
    rows = module.rows
    all_of_them = lambda run: rows(run).assign(suppressed="") if bad else rows(run)  # noqa: E731
    with patch.object(module, "rows", all_of_them):
        return previewed(agreed(no=3))


@plants(X05="a pilot whose customers buy less than the control group")
def pilot(bad: bool) -> Facts:
    """Read a pilot that drives away, or brings."""
    arm = pd.Series(["pilot"] * 800 + ["control"] * 200)
    bought = pd.Series(np.arange(1_000) % 10 < np.where((arm == "pilot") ^ bad, 4, 2))
    return export.pilot.outcome(arm, bought, control_share=0.2).facts()


@plants(
    B01="segments that are dealt by lot", B02="a line about a dozen people",
)  # fmt: skip
def stories(bad: bool) -> Facts:
    """Build personas of segments that mean something, or nothing."""
    given = company(2_000)
    data = tables.from_frames(**given)
    table = features.customer_features(data, as_of=AS_OF).set_index("customer_id")
    tens = pd.qcut(table["orders"].rank(method="first"), 3, labels=["S01", "S02", "S03"])
    lots = np.random.default_rng(9).permutation(tens.astype(str))
    who = pd.Series(lots if bad else tens.astype(str), index=table.index, name="segment")
    book = personas.build(table, who, tables=data, as_of=AS_OF)
    lines = book.lines.assign(n=book.lines["n"].clip(upper=12)) if bad else book.lines
    return replace(book, lines=lines).facts()


@plants(B03="regulars who pause for a year and come back", B04="regulars who all stop at once")
def returns(bad: bool) -> Facts:
    """Let those who paused stay away and the regulars go on, or the other way round."""
    lines = orders(every=14)
    day = (lines["ordered_at"] - pd.Timestamp("2024-07-02")).dt.days
    paused = lines["customer_id"].astype(int) % 3 == 0
    gone = paused & (day > 200) & ((day < 600) | (not bad))
    stopped = ~paused & (day >= 547) & bad
    given = tables.from_frames(transactions=lines[~gone & ~stopped])
    since = personas.proof(given, as_of=AS_OF)
    return {
        f"{stage}_came_back{end}": float(since.loc[stage, column])
        for stage in ("lost", "loyal")
        for end, column in (("", "ordered"), ("_low", "low"), ("_high", "high"))
    }


@plants(B05="a later period in which only women buy")
def who(bad: bool) -> Facts:
    """Let later spend follow gender and nothing else, or what customers did before."""
    rng, ids = np.random.default_rng(10), [f"c{number}" for number in range(900)]
    people = pd.DataFrame({"customer_id": ids, "gender": ["female", "male"] * 450})
    pace = np.repeat([1, 4, 16], 300)
    before = people.loc[np.repeat(np.arange(900), pace), ["customer_id"]]
    spread = pd.to_timedelta(rng.integers(0, 300, len(before)), "D")
    before = before.assign(ordered_at=pd.Timestamp("2025-05-01") + spread, amount=10.0)
    later = people["customer_id"][(people["gender"] == "female") if bad else pace > 1]
    money = 100.0 if bad else 10.0 * pace[pace > 1]
    after = pd.DataFrame({"customer_id": later, "amount": money})
    lines = pd.concat([before, after.assign(ordered_at=pd.Timestamp("2026-05-15"))])
    given = tables.from_frames(transactions=lines, customers=people)
    board = personas.scoreboard(given, as_of=date.fromisoformat(AS_OF), later_days=91)
    known = board.index.intersection(["demographic", "geographic", "psychographic"])
    ahead = board.loc[known, "explained"].max() - board["explained"].drop(known).max()
    return {"attributes_ahead": float(ahead)}


def answers() -> pd.DataFrame:
    """Return gate, planted (what), answer to it, and answer to its sound counterpart."""
    rows, known = [], {}
    notebooks = {code: gate.notebook for code, gate in catalogue().items()}
    for code, (words, made) in tqdm(PLANTS.items(), desc="planted", file=sys.stderr):
        told = []
        for bad in (True, False):
            if (made, bad) not in known:
                known[made, bad] = made(bad)
            told.append(judged(code, notebooks[code], known[made, bad]))
        rows.append((code, words, *(str(status).replace("_", " ") for status in told)))
    return pd.DataFrame(rows, columns=["gate", "planted", "answer", "sound"]).sort_values("gate")


if __name__ == "__main__":
    found = answers()
    found.to_csv(FILE, index=False)
    print(found.to_string(index=False))
