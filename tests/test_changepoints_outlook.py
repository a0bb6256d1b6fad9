"""The outlook: answers for everybody that come true, and groups that change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from segwork import changepoints
from segwork.changepoints.outlook import HORIZON_DAYS, OUTLOOKS, season, silence
from segwork.errors import DataError, UsageError
from segwork.purchases import occasions


def shared(public_data: Path, name: str) -> pd.DataFrame:
    """Return a shared set in the contract's words."""
    if name == "cdnow":
        raw = pd.read_parquet(public_data / "cdnow_sample.parquet")
        return pd.DataFrame(
            {"customer_id": raw["sample_id"], "ordered_at": pd.to_datetime(raw["date"])}
        )
    raw = pd.read_parquet(public_data / "online_retail_II.parquet").dropna(subset=["Customer ID"])
    return pd.DataFrame({
        "customer_id": raw["Customer ID"].astype(int),
        "ordered_at": raw["InvoiceDate"],
        "order_id": raw["Invoice"],
        "amount": raw["Quantity"] * raw["Price"],
    })  # fmt: skip


@pytest.mark.parametrize(("name", "as_of"), [("cdnow", "1998-07-01"), ("retail", "2011-12-10")])
def test_outlook_comes_true_on_shared_data(public_data: Path, name: str, as_of: str) -> None:
    """Answers for nine in ten, AUC 0.75 for half a year of silence, calibrated within 0.05."""
    lines = shared(public_data, name)
    found = changepoints.outlook_test(lines, as_of=as_of)
    print(f"{name}: gap {found.gap:.3f}, AUC {found.auc:.3f}, answered {found.answered:.3f}")
    assert found.answered >= 0.90
    assert found.auc >= 0.75
    assert found.gap <= 0.05
    assert abs((found.table["promised"] - found.table["silent"]).mean()) <= 0.03
    now = changepoints.outlook(lines, as_of=as_of)
    assert (now["outlook"] != "too new").mean() >= 0.90
    assert len(now) == lines.loc[lines["ordered_at"] < as_of, "customer_id"].nunique()


def test_half_a_year_of_a_shop_tells_as_much_as_the_outcome_would(public_data: Path) -> None:
    """Trees that learn the outcome itself, on other customers of the cut, are not 0.02 ahead."""
    raw = pd.read_parquet(public_data / "online_retail.parquet").dropna(subset=["CustomerID"])
    names = {"CustomerID": "customer_id", "InvoiceDate": "ordered_at", "InvoiceNo": "order_id"}
    lines = raw.rename(columns=names).assign(amount=raw["Quantity"] * raw["UnitPrice"])
    lines = lines.assign(ordered_at=pd.to_datetime(lines["ordered_at"]))
    found = occasions(lines, as_of="2011-12-10")
    cut = found.end - HORIZON_DAYS
    seen, promised = found.seen(cut), silence(found, cut)
    known = seen.times > 0
    silent = (found.summed(found.orders, cut, found.end) == 0)[known]
    facts = np.column_stack([seen.times, seen.last, seen.age, seen.spend, promised])[known]
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    trees = HistGradientBoostingClassifier(max_depth=3, max_iter=60, random_state=0)
    ceiling = cross_val_predict(trees, facts, silent, cv=folds, method="predict_proba")[:, 1]
    ours, most = (roc_auc_score(silent, p) for p in (promised[known], ceiling))
    print(f"half a year of history: AUC {ours:.3f}, trees taught the outcome {most:.3f}")
    assert most - ours <= 0.02


def log(*rows: tuple[str, str]) -> pd.DataFrame:
    """Return order lines."""
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at"])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"]), amount=1.0)


def test_words_follow_the_probability() -> None:
    """Active, gone and too new; a customer with returns alone is too new and has no number."""
    days = pd.date_range("2023-01-02", "2023-12-25", freq="14D").strftime("%Y-%m-%d")
    lines = log(*(("often", d) for d in days), ("once", "2023-01-02"), ("new", "2023-12-20"))
    lines = pd.concat([lines, log(("back", "2023-03-01")).assign(amount=-1.0)])
    found = changepoints.outlook(lines, as_of="2024-01-01")
    assert found["outlook"].to_dict() == {
        "often": "active", "once": "gone", "new": "too new", "back": "too new",
    }  # fmt: skip
    assert np.isnan(found.loc["back", "outlook_probability"])
    assert found.loc[["often", "once", "new"], "outlook_probability"].between(0, 1).all()


def test_nobody_repeating_is_no_answer() -> None:
    """Nothing can be learnt: everybody is too new, without a number; nothing to test either."""
    lines = log(("a", "2023-01-02"), ("b", "2023-02-02"))
    found = changepoints.outlook(lines, as_of="2024-01-01")
    assert (found["outlook"] == "too new").all()
    assert found["outlook_probability"].isna().all()
    assert changepoints.outlook_test(lines, as_of="2024-01-01").facts() == {}
    assert changepoints.outlook_test(log(("a", "2023-12-02")), as_of="2024-01-01").table.empty


def test_panel_has_an_outlook_for_everybody() -> None:
    """detect_panel says it of customers with too few orders, and who has no answer at all."""
    rng = np.random.default_rng(0)
    rows = [
        (f"c{i}", pd.Timestamp("2023-01-02") + pd.Timedelta(days=int(d)))
        for i in range(60)
        for d in np.sort(rng.choice(350, rng.integers(1, 6), replace=False))
    ]
    rows.append(("new", pd.Timestamp("2023-12-28")))
    lines = pd.DataFrame(rows, columns=["customer_id", "ordered_at"])
    found = changepoints.detect_panel(lines, as_of="2024-01-01")
    assert set(found.table["outlook"]) <= set(OUTLOOKS)
    assert found.table["outlook_probability"].notna().all()
    assert (found.table["kind"] == "not enough data").all()
    facts = found.facts()
    assert facts["without_answer_share"] == pytest.approx(1 / 61, abs=0.05)
    counted = [facts[f"outlook_{name.replace(' ', '_')}_customers"] for name in OUTLOOKS]
    assert sum(counted) == facts["customers"] == 61


def base(n: int = 900, seed: int = 0) -> pd.DataFrame:
    """Return customers of few orders over 90 weeks, with a calendar that all share."""
    rng = np.random.default_rng(seed)
    week = np.arange(90)
    rate = 0.05 * (1 + 0.5 * np.sin(week / 8)) * rng.gamma(2, 0.5, n)[:, None]
    counts = rng.poisson(rate)
    counts[:, 0] = 1
    who, when = np.nonzero(counts)
    day = pd.Timestamp("2022-04-04") + pd.to_timedelta(7 * when, unit="D")
    return pd.DataFrame({"customer_id": who, "ordered_at": day})


def test_groups_without_a_change_are_left_alone() -> None:
    """Random groups of a base with a season: at most one of forty is said to change."""
    lines, alarms = base(), 0
    for seed in range(5):
        groups = pd.Series(np.random.default_rng(seed).integers(0, 8, 900).astype(str))
        found = changepoints.group_changes(lines, groups, as_of="2023-12-25", seed=seed)
        alarms += int(found["changed_at"].notna().sum())
    assert alarms <= 1


def test_a_group_that_falls_is_found_with_date_and_factor() -> None:
    """A third of a segment's orders lost from a day on: found near it, nobody else accused."""
    lines, rng = base(1_800, seed=2), np.random.default_rng(2)
    groups = pd.Series(rng.integers(0, 6, 1_800).astype(str))
    hit = lines["customer_id"].map(groups).eq("3") & (lines["ordered_at"] >= "2023-03-06")
    kept = lines[~(hit & (rng.random(len(lines)) < 0.5))]
    found = changepoints.group_changes(kept, groups, as_of="2023-12-25")
    assert found["changed_at"].notna().tolist() == [False, False, False, True, False, False]
    assert abs(found.loc["3", "changed_at"] - pd.Timestamp("2023-03-06")) < pd.Timedelta(days=70)
    assert found.loc["3", "factor"] == pytest.approx(0.5, abs=0.2)
    assert found["customers"].sum() == 1_800


def test_groups_are_cohorts_by_default_and_ids_play_no_part() -> None:
    """Quarters of the first order; renaming and reordering customers changes nothing."""
    lines = base()
    late = lines["customer_id"] % 2 == 1
    lines = lines[~late | (lines["ordered_at"] >= "2022-07-04")]
    found = changepoints.group_changes(lines, as_of="2023-12-25")
    assert found.index.tolist()[:2] == ["2022Q2", "2022Q3"]
    named = lines.assign(customer_id=1_000 - lines["customer_id"]).iloc[::-1]
    pd.testing.assert_frame_equal(found, changepoints.group_changes(named, as_of="2023-12-25"))


@pytest.mark.parametrize(("as_of", "days"), [
    ("2011-06-11", 182), ("2011-07-11", 182), ("2011-09-11", 182), ("2011-12-10", 91),
])  # fmt: skip
def test_outlook_knows_the_season_of_a_year_ago(public_data: Path, as_of: str, days: int) -> None:
    """One year of history, and a quarter before Christmas: 0.20, 0.16, 0.11 and 0.08 off before."""
    found = changepoints.outlook_test(shared(public_data, "retail"), as_of=as_of, days=days)
    print(f"{as_of}, {days} days: gap {found.gap:.3f}, AUC {found.auc:.3f}")
    assert found.gap <= 0.05
    assert found.auc >= 0.75


def test_a_year_ago_counts_only_for_the_same_shop() -> None:
    """Everybody orders weekly, but not in July to December: silence is likelier then."""
    rng = np.random.default_rng(1)
    open_days = pd.date_range("2021-01-04", "2023-06-30", freq="D")
    open_days = open_days[open_days.month <= 6]
    rows = [
        (f"c{i}", day) for i in range(150) for day in open_days[rng.random(len(open_days)) < 0.02]
    ]
    found = occasions(log(*rows), as_of="2023-07-01")
    even = np.full(150, 0.05)
    assert season(found, found.end, 182, even) == pytest.approx(2.0)  # no order at all: the most
    few = occasions(log(*rows[: len(rows) // 3]), as_of="2023-07-01")
    assert season(few, few.end, 182, even) == 0.0


def test_a_season_moves_the_odds_of_all_alike() -> None:
    """Worked by hand: 100 of 200 were silent a year ago and 0.2 are promised: log 4 is added."""
    before = [(f"c{i}", "2022-06-20") for i in range(200)]
    came = [(f"c{i}", "2022-08-01") for i in range(100)]
    rows = [("c0", "2022-01-03"), *before, *came, *((f"c{i}", "2023-06-20") for i in range(200))]
    found = occasions(log(*rows), as_of="2023-07-01")
    assert season(found, found.end, 182, np.full(200, 0.2)) == pytest.approx(np.log(4), abs=1e-6)
    assert season(found, found.end, 182, np.full(200, 0.5)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("lone", [False, True], ids=["as it is", "with orders of 1970"])
def test_a_year_ago_that_would_have_misled_lately_is_left_out(lone: bool) -> None:
    """Nobody left in 2021, many leave in 2022: that is no season. Moved, the gap would be 0.34."""
    rng = np.random.default_rng(3)
    days = pd.date_range("2021-01-01", "2023-05-31", freq="D")
    ends = pd.Timestamp("2022-03-01") + pd.to_timedelta(rng.exponential(400, 600), unit="D")
    rows = [
        (f"c{i}", day) for i, end in enumerate(ends)
        for day in days[(rng.random(len(days)) < 0.03) & (days < end)]
    ] + [("c0", "1970-01-01")] * lone  # fmt: skip
    found = occasions(log(*rows), as_of="2022-09-01")
    shift = season(found, found.end, 91, np.full(600, 0.4))
    test = changepoints.outlook_test(log(*rows), as_of="2022-12-01", days=91)
    print(f"moved by {shift:.2f}, left out: gap {test.gap:.3f}")
    assert shift < -1
    assert test.gap <= 0.25


@pytest.mark.parametrize(("lines", "message"), [
    ([1, 2], "order lines are a list"),
    (log(("a", "2023-01-02")).drop(columns="ordered_at"), "no column 'ordered_at'"),
    (log(("a", "2023-01-02")).drop(columns="customer_id"), "no column 'customer_id'"),
    (log(("a", "2023-01-02")).assign(amount="ten"), "'amount' of the order lines holds String"),
    (log(("a", "2023-01-02")).assign(amount=np.inf), "'amount' has 1 infinite values"),
])  # fmt: skip
def test_what_are_no_order_lines_is_refused_in_one_sentence(lines: object, message: str) -> None:
    """No library's own error reaches who asks for an outlook."""
    with pytest.raises(DataError, match=message):
        changepoints.outlook(lines, as_of="2024-01-01")


def test_a_test_of_no_days_is_refused() -> None:
    """The period has one day at least."""
    with pytest.raises(UsageError, match="days is 0"):
        changepoints.outlook_test(log(("a", "2023-01-02")), as_of="2024-01-01", days=0)
