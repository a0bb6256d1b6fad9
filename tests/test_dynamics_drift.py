"""Drift between periods: each check fires, is silent, does not apply, cannot tell; rates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segwork.checks import rules
from segwork.dynamics import drift
from segwork.dynamics.counts import ALPHA
from segwork.errors import DataError

N = 300


def rows(seed: int, n: int = N, *, shift: float = 0.0, rho: float = 0.0) -> pd.DataFrame:
    """Return three numbers and a word, the first moved by ``shift``, two correlated."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(shift, 1, n), rng.normal(0, 1, n)
    y = rho * (x - shift) + np.sqrt(1 - rho**2) * y
    word = rng.choice(["card", "cash", "wallet"], n, p=[0.5, 0.3, 0.2])
    return pd.DataFrame({"x": x, "y": y, "orders": rng.poisson(3, n), "pays": word})


def grouped(seed: int, share: float, far: float = 6.0) -> pd.DataFrame:
    """Return two well-separated groups; ``share`` is that of the first."""
    rng = np.random.default_rng(seed)
    first = rng.random(N) < share
    return pd.DataFrame(
        {"x": np.where(first, 0, far) + rng.normal(0, 1, N), "y": rng.normal(0, 1, N)}
    )


def status(found: object, code: str) -> str:
    """Return the status word of one check."""
    table = found.findings.set_index("code")["status"]  # type: ignore[attr-defined]
    return str(table[code])


def test_every_rule_has_its_check() -> None:
    """All codes of the catalogue are in the findings, and their limits are the code's."""
    found = drift(rows(0), rows(1))

    assert list(found.findings["code"]) == list(rules("DR"))
    assert rules("DR")["DR-02"].limit == rules("DR")["DR-03"].limit == ALPHA


def test_nothing_changed_is_silent() -> None:
    """Two draws of one population: every check passes that applies."""
    found = drift(rows(0), rows(1))

    assert found.status == "passed"
    assert not found.moves_segments
    assert set(found.findings["status"]) == {"passed", "not_applicable"}
    assert set(found.columns["status"]) == {"passed"}
    assert status(found, "DR-09") == "not_applicable"


def test_one_column_moved() -> None:
    """The column is named by index and test, the others are not, and the classifier sees it."""
    found = drift(rows(0), rows(1, shift=1.0))
    columns = found.columns.set_index("column")

    assert found.status == "warned"
    assert found.p < 0.05
    assert found.auc > 0.6
    assert columns["status"].to_dict() == {"x": "warned"} | dict.fromkeys(
        ["y", "orders", "pays"], "passed"
    )
    assert columns.loc["x", "psi"] > columns.loc["x", "psi_limit"]
    assert [status(found, code) for code in ("DR-01", "DR-02", "DR-03")] == ["warned"] * 3


def test_correlation_alone_is_seen_by_the_classifier_alone() -> None:
    """Two columns that keep their distributions and are correlated now."""
    found = drift(rows(0), rows(1, rho=0.8))

    assert status(found, "DR-02") == "passed"
    assert status(found, "DR-03") == "warned"
    assert found.status == "warned"


def test_words_and_gaps_are_columns_too() -> None:
    """Another mix of words, and values that are missing now, are found and named."""
    new = rows(1)
    new["pays"] = np.where(np.arange(N) % 2 == 0, "card", "wallet")
    new.loc[:80, "y"] = np.nan
    columns = drift(rows(0), new).columns.set_index("column")

    assert columns.loc[["pays", "y missing"], "status"].tolist() == ["warned", "warned"]
    assert columns.loc["y", "status"] == "passed"


def test_segments_that_change_size_are_moved() -> None:
    """Half against a fifth in one group: sizes fail, and drift moves segments."""
    found = drift(grouped(0, 0.5), grouped(1, 0.2))

    assert status(found, "DR-04") == "failed"
    assert found.moves_segments


def test_drift_that_moves_no_segment_is_told_from_it() -> None:
    """A new column's level far from any border: drift, and no segment is moved by it."""
    before, after = grouped(0, 0.5), grouped(1, 0.5)
    noise = np.random.default_rng(2).normal(0, 1, N)
    found = drift(
        before.assign(w=["a", "b"] * 150), after.assign(w=np.where(noise > 0.6, "a", "b"))
    )

    assert found.status == "warned"
    assert status(found, "DR-05") == "passed"


def test_new_borders_are_found() -> None:
    """Five groups at other places: a new fit draws them elsewhere."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 5, (2, 600))
    one = pd.DataFrame({"x": group[0] * 6 + rng.normal(0, 0.3, 600), "y": rng.normal(0, 0.3, 600)})
    two = pd.DataFrame({"x": rng.normal(12, 0.3, 600), "y": group[1] * 6 + rng.normal(0, 0.3, 600)})

    assert status(drift(one, two), "DR-05") == "failed"
    assert status(drift(one, one.sample(frac=1, random_state=1)), "DR-05") == "passed"


def test_season_is_no_drift() -> None:
    """What looks like the same quarter of the year before passes; unlike both does not."""
    december, autumn = rows(0, shift=1.0), rows(1)
    season = drift(autumn, rows(2, shift=1.0), season=december)
    both = drift(autumn, rows(2, shift=2.0), season=december)

    assert season.status == "passed"
    assert status(season, "DR-09") == "passed"
    assert set(season.columns["status"]) == {"passed"}
    assert both.status == "warned"
    assert status(both, "DR-09") == "warned"
    assert drift(autumn, rows(2, shift=1.0)).status == "warned"


def test_few_rows_are_inconclusive() -> None:
    """Twenty rows cannot tell, and the finding says how many could."""
    found = drift(rows(0, 20), rows(1))

    assert found.status == "inconclusive"
    assert np.isnan(found.p)
    assert status(found, "DR-01") == "inconclusive"
    assert "20 rows on one side, 30 are needed" in found.findings["message"].iloc[0]
    assert "p" not in found.facts()


def test_columns_that_changed_their_kind() -> None:
    """A column that went, came, became a word or is empty now is named; the rest is compared."""
    new = rows(1).drop(columns="orders").assign(extra=1.0, y="word")
    found = drift(rows(0), new)
    nothing = drift(rows(0)[["x"]], rows(1)[["y"]])

    assert status(found, "DR-10") == "failed"
    assert found.findings.set_index("code").loc["DR-10", "column"] == "y,orders,extra"
    assert list(found.columns["column"]) == ["x", "pays"]
    assert status(nothing, "DR-01") == "not_applicable"
    assert nothing.status == "inconclusive"


def test_keys_and_identifiers_are_no_features() -> None:
    """Customer ids differ by nature; a word with hundreds of levels is left out."""
    one, two = (
        rows(s).assign(customer_id=range(s, s + N), code=[f"{s}-{i}" for i in range(N)])
        for s in (0, 1)
    )

    assert list(drift(one, two).columns["column"]) == ["x", "y", "orders", "pays"]


def test_a_million_equal_things_are_no_alarm() -> None:
    """At 20,000 rows a side a shift of a twentieth is significant and too small to matter."""
    found = drift(rows(0, 20_000)[["x"]], rows(1, 20_000, shift=0.05)[["x"]])

    assert found.columns["p"].iloc[0] < 0.01
    assert found.status == "passed"


def test_frames_are_not_changed_and_two_runs_are_equal() -> None:
    """Inputs stay as they were; the same seed gives the same numbers."""
    one, two = rows(0), rows(1, shift=0.4)
    kept = one.copy(), two.copy()
    first, second = drift(one, two, seed=3), drift(one, two, seed=3)

    pd.testing.assert_frame_equal(one, kept[0])
    pd.testing.assert_frame_equal(two, kept[1])
    pd.testing.assert_frame_equal(first.findings, second.findings)
    assert first.facts() == second.facts()


def test_constant_columns_and_other_kinds_of_frames() -> None:
    """A column that is the same everywhere passes; Polars frames are compared like pandas'."""
    polars = pytest.importorskip("polars")
    same = pd.DataFrame({"x": np.ones(50)})
    moved = drift(polars.DataFrame({"x": [1.0] * 50}), polars.DataFrame({"x": [2.0] * 50}))

    assert drift(same, same).status == "passed"
    assert moved.status == "warned"


def test_empty_frame_is_refused() -> None:
    """No rows, no comparison."""
    with pytest.raises(DataError, match="current has no rows"):
        drift(rows(0), rows(0).iloc[:0])


@pytest.mark.slow
def test_rates_of_alarms() -> None:
    """30 and 10 simulations at 200 rows a side: silent without change, sure at a shift of 0.6.

    The benchmark has the rates of more of them; the index above 0.1 alone alarms far more often.
    """
    null = [drift(rows(2 * s, 200), rows(2 * s + 1, 200), seed=s) for s in range(30)]
    moved = [drift(rows(s, 200), rows(900 + s, 200, shift=0.6), seed=s) for s in range(10)]
    by_rule_of_thumb = np.mean([(found.columns["psi"] > 0.1).any() for found in null])

    assert (
        np.mean([found.status == "warned" for found in null]) <= 0.135
    )  # 4 of 30; 5 or more have p 0.02 at 5 %
    assert np.mean([found.status == "warned" for found in moved]) >= 0.9
    assert by_rule_of_thumb > 0.3
