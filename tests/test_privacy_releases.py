"""Private releases, their ledger, and the checks PR-…"""

from __future__ import annotations

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from segwork import privacy, tables
from segwork.checks import rules
from segwork.errors import BudgetError, DataError, MissingExtraError, UsageError
from segwork.privacy import Disclosure, Ledger, attacks, releases

opendp = pytest.importorskip("opendp", reason="OpenDP is not installed (segwork[privacy])")


@pytest.fixture(scope="module")
def spend() -> pd.Series:
    """Return what 3,000 customers spent, within 0 to 500 but for a few."""
    amounts = np.random.default_rng(0).gamma(2, 50, 3000)
    return pd.Series(amounts, index=[f"c{n}" for n in range(3000)])


EXACT = {
    "count": lambda v: len(v),
    "mean": lambda v: v.clip(0, 500).mean(),
    "quantile": lambda v: v.median(),
}


@pytest.mark.parametrize("statistic", EXACT)
@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_the_interval_holds_the_exact_number(
    spend: pd.Series, statistic: str, epsilon: float
) -> None:
    """Of 40 releases 2 are expected to miss; more than 10 by chance once in a million."""
    exact = EXACT[statistic](spend)
    drawn = [
        privacy.release(spend, statistic=statistic, epsilon=epsilon, bounds=(0, 500))
        for _ in range(40)
    ]

    assert sum(not one.low - 1e-6 <= exact <= one.high + 1e-6 for one in drawn) <= 10
    assert all(one.low <= one.value <= one.high for one in drawn)
    assert {one.epsilon for one in drawn} == {epsilon}


def test_noise_differs_from_draw_to_draw_and_is_never_seeded(spend: pd.Series) -> None:
    """Two releases differ whatever numpy's seed is, and no argument sets one."""
    drawn = set()
    for _ in range(4):
        np.random.seed(0)  # noqa: NPY002 - what a careless seed would do
        asked = {"statistic": "mean", "epsilon": 0.5, "bounds": (0, 500)}
        drawn.add(privacy.release(spend, **asked).value)

    assert len(drawn) == 4
    with pytest.raises(TypeError):
        privacy.release(spend, statistic="count", epsilon=1.0, seed=0)


def test_less_loss_means_more_noise(spend: pd.Series) -> None:
    """The interval of ε 0.1 is ten times as wide as that of ε 1."""
    wide, narrow = (privacy.release(spend, statistic="count", epsilon=e) for e in (0.1, 1.0))

    assert (wide.high - wide.low) > 7 * (narrow.high - narrow.low)


def test_groups_cost_one_epsilon_and_declared_ones_are_all_there(spend: pd.Series) -> None:
    """A group nobody is in has its noisy number too, else its absence would be published."""
    names = pd.Categorical(np.where(spend > 100, "S01", "S02"), categories=["S01", "S02", "S03"])

    found = privacy.release(
        spend, statistic="count", epsilon=2.0, groups=pd.Series(names, index=spend.index)
    )

    assert found.value.index.tolist() == ["S01", "S02", "S03"]
    assert found.value.iloc[2] <= 10
    assert found.epsilon == 2.0
    assert found.declared
    assert not privacy.release(
        spend, statistic="count", epsilon=2.0, groups=["a"] * len(spend)
    ).declared


def test_histogram_counts_everybody_once(spend: pd.Series) -> None:
    """Ten bins between the bounds, with what lies beyond in the outer ones; words by category."""
    bins = privacy.release(spend, statistic="histogram", epsilon=5.0, bounds=(0, 200))
    exact = np.histogram(np.clip(spend, 0, 200), np.linspace(0, 200, 11))[0]

    assert bins.value.index[0] == "0 to 20"
    assert np.abs(bins.value.to_numpy() - exact).max() <= 5
    words = pd.Series(pd.Categorical(["a", "b", "a"], categories=["a", "b", "c"]))
    assert len(privacy.release(words, statistic="histogram", epsilon=5.0).value) == 3
    by_group = privacy.release(
        spend, statistic="histogram", epsilon=5.0, bounds=(0, 200), groups=["x", "y"] * 1500
    )
    assert by_group.value.shape == (2, 10)


def test_a_customer_counts_once_however_many_rows() -> None:
    """A customer with 1,000 rows adds one to a count, and one clipped total to a mean."""
    rows = pd.Series(1.0, index=["heavy"] * 1000 + [f"c{n}" for n in range(200)])

    count = privacy.release(rows, statistic="count", epsilon=5.0)
    mean = privacy.release(rows, statistic="mean", epsilon=40.0, bounds=(0, 10))

    assert count.value == pytest.approx(201, abs=5)
    assert mean.value == pytest.approx((200 + 10) / 201, abs=0.02)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"statistic": "median"}, "unknown statistic 'median'"),
        ({"statistic": "count", "epsilon": 0.0}, "epsilon is 0.0"),
        ({"statistic": "count", "epsilon": float("inf")}, "epsilon is inf"),
        ({"statistic": "mean"}, "never taken from the data"),
        ({"statistic": "quantile"}, "needs bounds"),
        ({"statistic": "histogram"}, "needs bounds"),
        ({"statistic": "mean", "bounds": (5, 5)}, "low < high"),
        ({"statistic": "mean", "bounds": (0, float("inf"))}, "low < high"),
        ({"statistic": "quantile", "bounds": (0, 1), "quantile": 1.0}, "quantile 1.0"),
    ],
)
def test_what_cannot_be_promised_is_refused(asked: dict[str, Any], said: str) -> None:
    """No ε, no bounds or no such statistic: a sentence, and nothing is drawn."""
    with pytest.raises(UsageError, match=said):
        privacy.release([1.0, 2.0], **{"epsilon": 1.0, **asked})


def test_two_groups_for_one_customer_are_refused() -> None:
    """Groups are only as cheap as one where nobody is in two."""
    rows = pd.Series([1.0, 2.0], index=["c1", "c1"])

    with pytest.raises(UsageError, match="more than one group"):
        privacy.release(rows, statistic="count", epsilon=1.0, groups=["a", "b"])


def test_the_mechanisms_claim_no_more_than_they_keep() -> None:
    """OpenDP's own privacy map of each mechanism is at most ε."""
    assert releases._laplace(1, 0.7)[1].map(1) <= 0.7
    assert releases._laplace(releases.STEPS, 0.35)[1].map(releases.STEPS) <= 0.35
    assert releases._quantile_at(0.0, 9.0, 0.5, 0.28)[1].map(1) <= 0.28


def test_without_opendp_nothing_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is an error with its install line, never an unprotected number."""
    monkeypatch.setattr(releases, "find_spec", lambda name: None)

    assert not privacy.available()
    with pytest.raises(MissingExtraError, match=r"segwork\[privacy\]"):
        privacy.release([1.0], statistic="count", epsilon=1.0)


# --- ledger --------------------------------------------------------------------------------------


def test_same_question_same_answer_and_nothing_spent(spend: pd.Series, tmp_path: Path) -> None:
    """Order and ids of customers do not matter; another ε, bound, group or person does."""
    ledger = Ledger(tmp_path / "ledger.json", budget=10.0)
    asked = {"statistic": "mean", "epsilon": 0.5, "bounds": (0, 500), "ledger": ledger}

    first = privacy.release(spend, **asked)
    again = privacy.release(spend.sample(frac=1, random_state=1).rename("x"), **asked)
    renamed = privacy.release(spend.rename(lambda name: f"k{name}"), **asked)

    assert first == again == renamed
    assert ledger.spent == 0.5
    privacy.release(spend.iloc[1:], **asked)
    privacy.release(spend, **{**asked, "bounds": (0, 400)})
    privacy.release(spend, **{**asked, "statistic": "quantile"})
    privacy.release(spend, groups=["a"] * len(spend), **asked)
    assert ledger.spent == 2.5
    assert ledger.left == 7.5


def test_an_empty_budget_refuses_but_remembers(spend: pd.Series, tmp_path: Path) -> None:
    """What was answered stays answered; what is new is refused and leaves no trace."""
    ledger = Ledger(tmp_path / "ledger.json", budget=1.0)
    asked = {"statistic": "count", "epsilon": 0.6, "ledger": ledger}
    first = privacy.release(spend, **asked)
    before = ledger.path.read_bytes()

    with pytest.raises(BudgetError, match=r"0\.6 is more than is left: 0\.4 of 1"):
        privacy.release(spend.iloc[1:], **asked)

    assert ledger.path.read_bytes() == before
    assert privacy.release(spend, **asked) == first


def test_groups_come_back_from_the_ledger_as_they_were(spend: pd.Series, tmp_path: Path) -> None:
    """Shapes, names and numbers of every statistic survive the file."""
    ledger = Ledger(tmp_path / "ledger.json", budget=10.0)
    for statistic in ("count", "mean", "histogram", "quantile"):
        asked = {"statistic": statistic, "epsilon": 0.5, "bounds": (0, 500), "ledger": ledger}
        first, again = (privacy.release(spend, groups=[1, 2, 3] * 1000, **asked) for _ in range(2))
        for part in ("value", "low", "high"):
            pair = getattr(first, part), getattr(again, part)
            same = (
                pd.testing.assert_frame_equal
                if pair[0].ndim == 2
                else pd.testing.assert_series_equal
            )
            same(*pair)


def test_only_the_owner_can_read_the_ledger(spend: pd.Series, tmp_path: Path) -> None:
    """Its answers and fingerprints are for one pair of eyes."""
    ledger = Ledger(tmp_path / ".segwork" / "ledger.json", budget=1.0)
    privacy.release(spend, statistic="count", epsilon=0.5, ledger=ledger)

    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ledger.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", ["", "[]", '{"x": 3}', '{"x": {"epsilon": -1, "answer": 2}}'])
def test_a_damaged_ledger_answers_nothing(tmp_path: Path, content: str) -> None:
    """An unreadable ledger must not look like an empty one."""
    path = tmp_path / "ledger.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(DataError, match="is no ledger"):
        Ledger(path, budget=1.0).answer("q", epsilon=0.1, draw=lambda: 1)


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_is_a_positive_number(tmp_path: Path, budget: float) -> None:
    """Without a limit there is no budget."""
    with pytest.raises(UsageError, match="the budget is"):
        Ledger(tmp_path / "ledger.json", budget=budget)


def test_a_draw_that_fails_spends_nothing(tmp_path: Path) -> None:
    """Only what was answered is paid for."""
    ledger = Ledger(tmp_path / "ledger.json", budget=1.0)

    with pytest.raises(ZeroDivisionError):
        ledger.answer("q", epsilon=0.5, draw=lambda: 1 // 0)

    assert ledger.spent == 0.0


def test_who_asks_at_once_gets_one_answer_and_spends_once(tmp_path: Path) -> None:
    """Whoever is second waits at the lock and gets what the first was told."""
    drawn: list[int] = []

    def draw() -> int:
        time.sleep(0.2)
        drawn.append(len(drawn))
        return drawn[-1]

    def ask(_: int) -> int:
        ledger = Ledger(tmp_path / "ledger.json", budget=1.0)
        return int(ledger.answer("q", epsilon=0.7, draw=draw))

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(ask, range(4)))

    assert said == [0] * 4
    assert Ledger(tmp_path / "ledger.json", budget=1.0).spent == 0.7


# --- checks --------------------------------------------------------------------------------------


def case() -> Disclosure:
    """Return a run in which every check has something to look at and finds nothing."""
    rng = np.random.default_rng(0)
    ids = [f"c{n}" for n in range(400)]
    people = pd.DataFrame(
        {"sex": rng.integers(0, 2, 400), "secret": rng.integers(0, 5, 400), "segment": "S01"},
        index=pd.Index(ids, name="customer_id"),
    )
    customers = pd.DataFrame({"customer_id": ids, "consent_profiling": True})
    lines = pd.DataFrame({"customer_id": ids, "ordered_at": "2026-01-01", "amount": 1})
    data = tables.from_frames(transactions=lines, customers=customers)
    counts = pd.DataFrame({"a": [40, 30], "b": [50, 60]})
    visits = pd.DataFrame({"customer_id": np.repeat(ids, 3), "shop": [0, 1, 2] * 400})
    return Disclosure(
        consent=privacy.consented(data, purpose="profiling", as_of="2026-07-01"),
        tables={"segments": pd.DataFrame({"customer_id": ids, "segment": "S01"})},
        people=people,
        known=["sex", "segment"],
        secret="secret",
        traces=privacy.unicity(visits, points=[2], samples=400),
        counts={"segments": (counts, np.zeros((2, 2), bool))},
        attacks=attacks.inference(people, known=["sex"], secret="secret"),
        releases=[releases.Release(3, 1, 5, 1.0, "count")],
        ledger=Ledger("none.json", budget=1.0),
    )


def with_fault(code: str) -> Disclosure:
    """Return the same with one fault planted."""
    good = case()
    segments = good.tables["segments"]
    people = good.people.assign(post_code=range(400))
    small = pd.DataFrame({"a": [3, 30], "b": [50, 60]})
    visits = pd.DataFrame({"customer_id": np.repeat(people.index, 2), "shop": range(800)})
    changes: dict[str, dict[str, Any]] = {
        "PR-01": {"tables": {"segments": segments.assign(note="ask ann@example.org")}},
        "PR-02": {"people": people, "known": ["post_code"]},
        "PR-03": {"traces": privacy.unicity(visits, points=[2], samples=400)},
        "PR-04": {"people": people.assign(secret=people["sex"])},
        "PR-06": {"counts": {"segments": (small, np.zeros((2, 2), bool))}},
        "PR-07": {"tables": {"segments": pd.DataFrame({"customer_id": ["c1", "stranger"]})}},
        "PR-11": {"releases": [releases.Release(3, 1, 5, 50.0, "count")]},
        "PR-15": {"attacks": attacks.singling_out(people, known=["post_code"])},
    }
    return replace(good, **changes[code])


CODES = list(rules("PR"))


@pytest.fixture(scope="module")
def silent() -> Any:
    """Return the findings of the run without a fault."""
    return privacy.judged(case())


@pytest.mark.parametrize("code", CODES)
def test_check_is_silent_where_nothing_is_wrong(silent: Any, code: str) -> None:
    """An honest run passes every check."""
    assert silent.status(code) == "passed"


@pytest.mark.parametrize("code", CODES)
def test_check_fires_on_its_fault(code: str) -> None:
    """The planted fault is found, and by this check."""
    found = privacy.judged(with_fault(code))

    assert found.status(code) in ("failed", "warned")
    assert found.table.set_index("code").loc[code, "n_rows"] > 0


@pytest.mark.parametrize("code", CODES)
def test_check_does_not_apply_where_nothing_is_there(code: str) -> None:
    """Without its table a check is not applicable, which is not passed."""
    assert privacy.judged(Disclosure()).status(code) == "not_applicable"


def test_hidden_cells_that_totals_give_away_are_counted() -> None:
    """A small cell that is hidden alone fails like one that is shown."""
    counts = pd.DataFrame({"a": [3, 30], "b": [50, 60]})
    hidden = (counts < 5).to_numpy()

    found = privacy.judged(Disclosure(counts={"segments": (counts, hidden)}))

    assert found.status("PR-06") == "failed"


def test_nothing_handed_on_is_not_passed() -> None:
    """With consent but no table there is nothing to hold it against."""
    assert privacy.judged(replace(case(), tables={})).status("PR-07") == "not_applicable"


def test_undeclared_consent_is_never_passed() -> None:
    """PR-07 does not apply and says why."""
    lines = pd.DataFrame({"customer_id": ["a"], "ordered_at": "2026-01-01", "amount": 1})
    consent = privacy.consented(
        tables.from_frames(transactions=lines), purpose="profiling", as_of="2026-07-01"
    )

    found = privacy.judged(Disclosure(consent=consent, tables={"t": lines}))

    assert found.status("PR-07") == "not_applicable"
    assert "not declared" in found.table.set_index("code").loc["PR-07", "message"]


def test_a_share_on_few_people_is_inconclusive() -> None:
    """Two of twelve customers singled out: the interval straddles the limit."""
    traces = privacy.unicity(
        pd.DataFrame({"customer_id": range(12), "shop": [0] * 11 + [1]}), points=[1], samples=12
    )
    table = traces.table.assign(points=2)

    found = privacy.judged(Disclosure(traces=replace(traces, table=table)))

    assert found.status("PR-03") == "inconclusive"


def test_a_release_without_a_ledger_breaks_its_promise() -> None:
    """What is not written down can be asked again and again."""
    assert privacy.judged(replace(case(), ledger=None)).status("PR-11") in ("failed", "warned")
