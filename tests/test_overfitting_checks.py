"""Each check of a model: where it fires, stays silent, does not apply, and cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from examined import LINE, customers, one
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from segwork import checks

X, Y = customers(1)
LOST = Y == "lost"
FEW = np.arange(len(X)) < 6
TREE = DecisionTreeClassifier()
FOREST = RandomForestClassifier(20, n_jobs=1)
TIME = np.arange(len(X))
AT_RANDOM = np.random.default_rng(0).random(len(X)) < 0.3


@dataclass(frozen=True)
class World:
    """What is handed to the check; ``given`` are groups, time and what is declared."""

    X: Any
    y: Any
    model: BaseEstimator
    given: dict[str, Any]


def world(y: Any = Y, rows: Any = X, model: BaseEstimator = LINE, **given: Any) -> World:
    """Take the usual customers, but for what is said."""
    return World(rows, y, model, given)


def turned(strength: float, n: int) -> World:
    """Draw a feature whose effect turns round for the last 30 % of the time."""
    rng = np.random.default_rng(2)
    time, x = rng.permutation(n), rng.normal(size=n)
    effect = strength * np.where(time < 0.7 * n, 1, -1) * x
    return world(rng.random(n) < expit(effect), pd.DataFrame({"x": x, "z": x**2}), time=time)


def bad_fold() -> World:
    """Five customers of 200 rows, one of whom follows the opposite law."""
    who = np.repeat(np.arange(5), 200)
    rng = np.random.default_rng(3)
    x = rng.normal(size=1000)
    y = rng.random(1000) < expit(2 * np.where(who == 4, -x, x))
    return world(y, pd.DataFrame({"x": x, "z": rng.normal(size=1000)}), groups=who)


def rising() -> World:
    """Draw a checkerboard that a tree learns square by square."""
    rng = np.random.default_rng(4)
    squares = pd.DataFrame(rng.uniform(0, 8, (1500, 2)), columns=list("uv"))
    y = (squares["u"].astype(int) + squares["v"].astype(int)) % 2 == 1
    return world(y, squares, TREE)


def searched(strengths: tuple[float, ...]) -> GridSearchCV:
    """Search for the strength of a penalty."""
    return GridSearchCV(LogisticRegression(max_iter=500), {"C": strengths}, scoring="neg_log_loss")


def copied(times: int) -> World:
    """Twenty customers, ``times`` more rows each."""
    again = np.r_[np.arange(1000), np.repeat(np.arange(20), times)]
    return world(Y[again], X.iloc[again])


def coarse() -> World:
    """Three columns of four values: everything repeats."""
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(rng.integers(0, 4, (1000, 3)), columns=list("uvw"))
    return world(rng.random(1000) < expit(rows["u"] - 2.0), rows)


def habits(own: float) -> World:
    """Four rows each of 250 customers, whose loss follows what only they are."""
    rng, who = np.random.default_rng(6), np.repeat(np.arange(250), 4)
    rows = rng.normal(size=(250, 3))[who] + rng.normal(scale=0.05, size=(1000, 3))
    y = rng.random(1000) < expit(rows[:, 0] + rng.normal(scale=own, size=250)[who])
    model = FOREST if own > 1 else LINE
    return world(y, pd.DataFrame(rows).add_prefix("habit"), model, groups=who)


def leaking(noise: float) -> World:
    """Add a column that tells the outcome, more or less."""
    told = LOST + np.random.default_rng(7).normal(scale=noise, size=1000)
    return world(rows=X.assign(status=told))


def winners() -> World:
    """Draw the best 25 of 4,000 columns of noise, chosen on all rows."""
    rng = np.random.default_rng(8)
    noise, y = rng.normal(size=(300, 4000)), rng.integers(0, 2, 300)
    best = np.argsort(-np.abs(noise.T @ (y - y.mean())))[:25]
    return world(y, pd.DataFrame(noise[:, best]).add_prefix("gene"))


def multiplied(times: int) -> World:
    """Every lost customer ``times`` more."""
    again = np.r_[np.arange(1000), np.repeat(np.flatnonzero(LOST), times)]
    return world(Y[again], X.iloc[again])


def friday(always: bool) -> World:
    """Buyers of Friday nights are lost twice as often, in the first half or always."""
    rng = np.random.default_rng(9)
    time, night = rng.permutation(4000), rng.permutation(4000) % 2
    holds = (night == 1) & (always | (time < 2000))
    y = rng.random(4000) < np.where(holds, 0.5, 0.25)
    return world(y, pd.DataFrame({"night": night, "z": rng.normal(size=4000)}), time=time)


def noise(n: int) -> World:
    """Labels that nothing tells."""
    rng = np.random.default_rng(10)
    return world(rng.random(n) < 0.3, pd.DataFrame(rng.normal(size=(n, 4))))


def one_question(depth: int) -> World:
    """One feature decides, and the model may ask ``depth`` questions."""
    rng = np.random.default_rng(11)
    rows = pd.DataFrame(rng.normal(size=(2000, 4)), columns=list("abcd"))
    y = rng.random(2000) < expit(2.5 * rows["a"] - 1)
    return world(y, rows, DecisionTreeClassifier(max_depth=depth, min_samples_leaf=50))


def coin(share: float | None) -> World:
    """In one of four plans customers leave by a coin; the model does not know the plan."""
    rows, y = customers(12, n=3000)
    rng = np.random.default_rng(12)
    plan = rng.choice(["basic", "plus", "pro", "old"], 3000)
    toss = np.where(rng.random(3000) < (share or 0), "lost", "stays")
    model = Blind(LINE)
    y = y if share is None else np.where(plan == "old", toss, y)
    return world(y, rows.assign(plan=plan), model)


def dried_up(months: int) -> World:
    """Events of the last months of 24 are not known yet."""
    rng = np.random.default_rng(13)
    time = rng.uniform(0, 24, 4000)
    y = (rng.random(4000) < 0.3) & (rng.random(4000) * months < 24 - time if months else True)
    return world(y, pd.DataFrame({"x": rng.normal(size=4000)}), time=time)


class Blind(LogisticRegression):
    """Reads the numbers a, b and c only."""

    def __init__(self, model: BaseEstimator | None = None) -> None:
        super().__init__()
        self.model = model

    def fit(self, rows: pd.DataFrame, y: Any) -> Blind:
        """Fit on three columns."""
        return super().fit(rows[["a", "b", "c"]], y)

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        """Score on three columns."""
        return super().predict_proba(rows[["a", "b", "c"]])

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Decide on three columns."""
        return super().predict(rows[["a", "b", "c"]])


class Loud(LogisticRegression):
    """Promises too much, also on what it has learned from."""

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Push probabilities towards 0 and 1."""
        p = super().predict_proba(rows) ** 3
        return p / p.sum(axis=1, keepdims=True)


FIRES, SILENT, NOT_APPLICABLE, CANNOT_TELL = "fires", "silent", "not_applicable", "inconclusive"
DAYS = pd.date_range("2024-01-01", periods=1000)
CASES: dict[str, dict[str, Callable[[], World]]] = {
    "OF-01": {FIRES: lambda: world(model=TREE), SILENT: world, CANNOT_TELL: lambda: world(FEW)},
    "OF-02": {
        FIRES: lambda: turned(1.5, 1500),
        SILENT: lambda: world(time=TIME),
        NOT_APPLICABLE: world,
        CANNOT_TELL: lambda: turned(0.2, 300),
    },
    "OF-03": {FIRES: lambda: world(model=TREE), SILENT: world, CANNOT_TELL: lambda: world(FEW)},
    "OF-04": {FIRES: bad_fold, SILENT: world, CANNOT_TELL: lambda: world(FEW)},
    "OF-05": {SILENT: world, CANNOT_TELL: rising},
    "OF-06": {
        FIRES: lambda: world(model=searched((1e-6, 1e-5, 1e-3))),
        SILENT: lambda: world(model=searched((1e-6, 1.0, 1e4))),
        NOT_APPLICABLE: world,
        CANNOT_TELL: lambda: world(FEW),
    },
    "OF-07": {FIRES: lambda: copied(1), SILENT: world, CANNOT_TELL: coarse},
    "OF-08": {
        FIRES: lambda: habits(3.0),
        SILENT: lambda: habits(0.0),
        NOT_APPLICABLE: world,
        CANNOT_TELL: lambda: world(FEW),
    },
    "OF-09": {
        FIRES: lambda: world(time=TIME, holdout=AT_RANDOM),
        SILENT: lambda: world(time=TIME, holdout=TIME > 800),
        NOT_APPLICABLE: world,
        CANNOT_TELL: lambda: world(FEW),
    },
    "OF-10": {
        FIRES: lambda: leaking(0.1),
        SILENT: lambda: world(known_at="before"),
        CANNOT_TELL: world,
    },
    "OF-11": {FIRES: winners, SILENT: lambda: noise_of_many(), NOT_APPLICABLE: world},
    "OF-12": {FIRES: lambda: multiplied(2), SILENT: world},
    "OF-13": {
        FIRES: lambda: world(model=FixedThresholdClassifier(LINE, threshold=0.2)),
        SILENT: lambda: world(
            model=FixedThresholdClassifier(LINE, threshold=0.2), threshold_from="costs"
        ),
    },
    "OF-14": {
        FIRES: lambda: world(model=FixedThresholdClassifier(LINE, threshold=0.95)),
        SILENT: world,
        CANNOT_TELL: lambda: world(np.arange(1000) < 20),
    },
    "OF-15": {
        FIRES: lambda: friday(False),
        SILENT: lambda: friday(True),
        NOT_APPLICABLE: world,
    },
    "OF-16": {FIRES: lambda: noise(2000), SILENT: world, CANNOT_TELL: lambda: noise(60)},
    "OF-17": {
        FIRES: lambda: one_question(1),
        SILENT: world,
        NOT_APPLICABLE: lambda: world(rows=X[["a"]]),
        CANNOT_TELL: lambda: noise(60),
    },
    "OF-18": {
        FIRES: lambda: coin(0.5),
        SILENT: lambda: coin(None),
        NOT_APPLICABLE: lambda: world(model=LinearSVC()),
        CANNOT_TELL: lambda: world(FEW),
    },
    "OF-19": {
        FIRES: lambda: world(time=DAYS, as_of=date(2026, 10, 1), label_days=30),
        SILENT: lambda: world(time=DAYS, as_of=date(2026, 12, 1), label_days=30),
        NOT_APPLICABLE: world,
        CANNOT_TELL: lambda: world(FEW, time=TIME),
    },
    "OF-20": {
        FIRES: lambda: world(model=Loud()),
        SILENT: world,
        NOT_APPLICABLE: lambda: world(model=LinearSVC()),
        CANNOT_TELL: lambda: world(np.arange(1000) < 20),
    },
}


def noise_of_many() -> World:
    """Twenty columns, none of them chosen by its strength."""
    rng = np.random.default_rng(14)
    rows = pd.DataFrame(rng.normal(size=(500, 20)))
    return world(rng.random(500) < expit(0.6 * rows[0]), rows)


def test_every_code_has_its_cases() -> None:
    """No check without a world where it fires and one where it is silent, but those that only say.

    OF-05 never alarms: more rows would change the model, which is no fault of it.
    """
    assert list(CASES) == list(checks.rules("OF"))
    assert [code for code, cases in CASES.items() if SILENT not in cases] == []
    assert [code for code, cases in CASES.items() if FIRES not in cases] == ["OF-05"]
    assert [code for code, cases in CASES.items() if len(cases) < 3] == ["OF-05", "OF-12", "OF-13"]


@pytest.mark.parametrize(
    ("code", "answer"), [(code, answer) for code, cases in CASES.items() for answer in cases]
)
def test_check_answers(code: str, answer: str) -> None:
    """The check says what the world was made for."""
    made = CASES[code][answer]()
    found = one(code, made.X, made.y, made.model, **made.given)
    alarm = str(checks.rules("OF")[code].alarm)

    assert found["status"] == {FIRES: alarm, SILENT: "passed"}.get(answer, answer)


@pytest.mark.parametrize(("months", "status"), [(0, "passed"), (6, "failed")])
def test_open_window_is_seen_without_being_declared(months: int, status: str) -> None:
    """The share of the event runs dry over the last months: seen by date alone."""
    made = dried_up(months)
    assert one("OF-19", made.X, made.y, **made.given)["status"] == status


def test_split_made_elsewhere_and_rows_from_later_are_exact() -> None:
    """Held-out customers and copies are counted; rows on or after the decision are late."""
    who = np.r_[np.arange(900), np.arange(100)]
    held = np.arange(1000) >= 900
    late = one("OF-09", X, Y, time=DAYS, as_of=date(2026, 9, 20))
    assert one("OF-08", X, Y, groups=who, holdout=held)["n_rows"] == 100
    assert (late["status"], late["n_rows"]) == ("failed", 7)


@pytest.mark.parametrize(
    ("threshold", "costs", "status"),
    [(0.5, {"missed": 40.0, "false_alarm": 1.0}, "passed"), (0.02, None, "failed")],
)
def test_class_that_pays_for_the_cost_is_only_told(
    threshold: float, costs: dict[str, float] | None, status: str
) -> None:
    """A cut chosen by cost to find the lost may miss who stays; the model's own cut may not."""
    model = LINE if threshold == 0.5 else FixedThresholdClassifier(LINE, threshold=threshold)
    found = one("OF-14", X, Y, model, costs=costs)
    assert found["status"] == status
    assert "stays" in found["message"]


def test_prior_out_of_line_is_a_sign_of_multiplying() -> None:
    """The lost are 17 % of the rows and one in a hundred in reality."""
    assert one("OF-12", X, Y, prior=0.01)["status"] == "failed"
    assert one("OF-12", X, Y, prior=float(LOST.mean()))["status"] == "passed"


def test_exact_repeats_are_never_called_absent() -> None:
    """300 exact repeats: found where rows can be told apart, else "cannot tell", never passed."""
    sharp = np.r_[np.arange(1000), np.arange(300)]
    blunt = coarse()
    still = np.r_[np.arange(1000), np.arange(300), 0]  # one customer whose label changed
    other = np.append(Y[sharp], "stays" if Y[0] == "lost" else "lost")
    found = [
        one("OF-07", X.iloc[sharp], Y[sharp]),
        one("OF-07", blunt.X.iloc[sharp], np.asarray(blunt.y)[sharp]),
        one("OF-07", X.iloc[still], other, groups=still),
    ]
    assert [row["status"] for row in found] == ["failed", "inconclusive", "inconclusive"]
    assert ["300 of 1,300 rows" in found[0]["message"], found[0]["n_rows"]] == [True, 300]
    assert all("no sign" not in row["message"] for row in found)


def test_features_are_asked_for_once_and_together() -> None:
    """A leak and two features that stand out are one question; its answer ends the asking."""
    rng = np.random.default_rng(15)
    told = {f"t{k}": LOST + rng.normal(scale=s, size=1000) for k, s in enumerate((0.1, 0.6, 0.7))}
    rows = X.assign(**told)
    asked = one("OF-10", rows, Y)
    answered = one("OF-10", rows, Y, known_at=dict.fromkeys(told, "before the call"))
    all_at_once = one("OF-10", rows, Y, known_at="before the call")
    refused = one("OF-10", rows, Y, known_at={"t0": "after the call"})
    assert all(name in asked["message"].split("one known_at:")[1] for name in told)
    assert all(name in refused["message"].split("one known_at:")[1] for name in ("t1", "t2"))
    assert (answered["status"], all_at_once["status"]) == ("passed", "passed")


def test_what_only_grows_is_compared_with_its_peers() -> None:
    """Tenure grows by the day while its law among the customers of one day stays: no rule is gone.

    In fixed bounds, the longest fifth of all days is everybody's of the last day.
    """
    rng = np.random.default_rng(16)
    time, place = np.repeat(np.arange(4), 800), rng.random(3200)
    lost = rng.random(3200) < np.where(place > 0.8, 0.6, 0.2)
    grown = pd.DataFrame({"tenure": 100 * place + 150 * time})
    fixed = pd.DataFrame(
        {f"tenure {k}": pd.qcut(grown["tenure"], 5).cat.codes == k for k in range(5)}
    )
    as_words = fixed.astype(str)
    assert one("OF-15", grown, lost, time=time)["status"] == "passed"
    assert one("OF-15", as_words, lost, time=time)["status"] == "failed"
