"""The bench of fairness: known worlds are told apart, published numbers are met."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.fairness.unawareness import unawareness
from benchmarks.fairness.worlds import RISK_FACTORS, WORLDS, draw
from segwork import fairness, overfitting
from segwork.results import Status

DRAWS = 12


@pytest.fixture(scope="module")
def compas(public_data: Path) -> pd.DataFrame:
    """Return ProPublica's two-year table."""
    return pd.read_parquet(public_data / "compas_two_years.parquet")


@pytest.fixture(scope="module")
def adult(public_data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training and the test file, missing values as a category of their own."""
    return tuple(
        pd.read_parquet(public_data / f"adult_{part}.parquet").fillna("missing")
        for part in ("train", "test")
    )


def test_compas_censored_labels_are_found(compas: pd.DataFrame) -> None:
    """998 people screened after 1 April 2014 are all recidivists: their window was not closed."""
    screened = pd.to_datetime(compas["compas_screening_date"])
    check = overfitting.check(
        LogisticRegression(max_iter=1000),
        compas[["age", "priors_count"]],
        compas["two_year_recid"],
        time=screened,
        max_rows=1000,
    )

    found = check.findings.set_index("code").loc["OF-19"]

    assert (found["status"], found["n_rows"]) == ("failed", 998)


@pytest.mark.slow
def test_adult_unawareness_does_not_work(adult: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Gap by sex 0.176, without sex 0.169, sex predictable from the rest at 0.930 (± 0.003)."""
    found = unawareness(*adult)

    assert found["gap"] == pytest.approx(0.176, abs=0.003)
    assert found["gap_without"] == pytest.approx(0.169, abs=0.003)
    assert found["auc_of_sex"] == pytest.approx(0.930, abs=0.003)


def decisions(name: str, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Fit a model in a world and decide about its audit customers."""
    world = draw(WORLDS[name], seed=seed)
    X, audit = world.train[list(world.features)], world.audit
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, world.train["high_risk"])
    return audit, model.predict(audit[list(world.features)])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fair, the older truly riskier", (0, 1)),
        ("fair, app use tied to youth", (0, 1)),
        ("penalty 0.3", (11, 12)),
        ("penalty 0.6, age withheld, no proxy", (0, 1)),
        ("penalty 0.6, age withheld, proxy", (9, 12)),
    ],
)
def test_matched_pairs_in_known_worlds(name: str, expected: tuple[int, int]) -> None:
    """Of 12 draws, pairs find the planted penalties and leave the fair worlds alone."""
    found = 0
    for seed in range(DRAWS):
        audit, decided = decisions(name, seed)
        pairs = fairness.matched_pairs(
            decided, profile=audit[list(RISK_FACTORS)], sensitive=audit["young"], seed=seed
        )
        found += pairs.status is Status.FAILED

    assert expected[0] <= found <= expected[1]


def test_pairs_are_real_and_balanced() -> None:
    """Every customer is in one pair at most, and matching shrinks the imbalance."""
    audit, decided = decisions("penalty 0.6", 0)
    pairs = fairness.matched_pairs(
        decided, profile=audit[list(RISK_FACTORS)], sensitive=audit["young"]
    )

    before, after = pairs.balance["before"].abs(), pairs.balance["after"].abs()

    assert pairs.n_pairs <= audit["young"].value_counts().min()
    assert (after <= before).all()
    assert pairs.groups == ("0", "1")
    assert pairs.gap > 0
    assert sum(pairs.discordant) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"),
    [("fair, the older truly riskier", (0, 1)), ("penalty 0.3", (4, 5))],
)
def test_flips_in_known_worlds(name: str, expected: tuple[int, int]) -> None:
    """Of 5 draws, flips find a direct penalty of 0.3 and leave the fair world alone."""
    found = 0
    for seed in range(5):
        world = draw(WORLDS[name], seed=seed)
        flip = fairness.attribute_flip(
            make_pipeline(StandardScaler(), LogisticRegression()),
            world.train[list(world.features)],
            world.train["high_risk"],
            column="young",
            values=(0, 1),
            refits=20,
            seed=seed,
        )
        found += flip.status is Status.FAILED

    assert expected[0] <= found <= expected[1]


def test_flip_is_blind_to_a_withheld_attribute() -> None:
    """A model that never sees the column cannot be flipped, and the answer says what can."""
    world = draw(WORLDS["penalty 0.6, age withheld, proxy"], seed=0)

    flip = fairness.attribute_flip(
        LogisticRegression(),
        world.train[list(world.features)],
        world.train["high_risk"],
        column="young",
        values=(0, 1),
    )

    assert flip.status is Status.NOT_APPLICABLE
    assert flip.net_share == 0.0
    assert "proxies" in flip.message


def test_proxies_are_named_and_noise_is_not() -> None:
    """The feature that goes with youth comes first; features without relation do not warn."""
    world = draw(WORLDS["fair, app use tied to youth"], seed=1)

    found = fairness.proxies(world.audit[["app_use", "mileage"]], sensitive=world.audit["young"])
    noise = fairness.proxies(world.audit[["region"]], sensitive=world.audit["young"])

    assert found.contributors["feature"].iloc[0] == "app_use"
    assert (found.status, noise.status) == (Status.WARNED, Status.PASSED)


def test_mitigation_tells_what_it_costs_and_whom() -> None:
    """Constraining selection narrows the gap; the table says whose recall changes."""
    world = draw(WORLDS["fair, the older truly riskier"], seed=0, n_train=3000)
    X = world.train[list(world.features)]

    trials = fairness.mitigation_trials(
        LogisticRegression(), X, world.train["high_risk"], sensitive=world.train["young"]
    )

    gaps = trials.trials.set_index("trial")["selection_gap"]
    assert gaps["constrained_fit"] < gaps["as_it_is"]
    assert gaps["threshold_optimisation"] < gaps["as_it_is"]
    assert set(trials.by_group["group"]) == {"0", "1"}
    assert "Nothing was applied" in trials.message
