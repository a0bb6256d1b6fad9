"""Each check of fairness: where it fires, stays silent, does not apply, and cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from segwork import checks, fairness
from segwork.errors import DataError

RNG = np.random.default_rng(0)
N = 4000
GROUP = np.repeat(["a", "b"], N // 2)
RISK = RNG.normal(size=N)
FLAT = RNG.random(N) < 0.5
FIRES, SILENT, NOT_APPLICABLE, CANNOT_TELL = "fires", "silent", "not_applicable", "inconclusive"


def selected(a: float, b: float, n: int = N) -> pd.DataFrame:
    """Decide for given shares of two groups; whether rightly is a coin."""
    half = n // 2
    decided = np.r_[np.arange(half) < round(a * half), np.arange(half) < round(b * half)]
    truth = np.tile([0, 1], half)
    group = np.repeat(["a", "b"], half)
    return fairness.group_metrics(truth, decided.astype(int), sensitive=group).findings


def errors(share: float, n: int = N) -> pd.DataFrame:
    """Decide wrongly about a share of those of group b without the outcome."""
    truth, group = np.tile([0, 0, 1, 1], n // 4), np.tile(["a", "b"], n // 2)
    wrong = (group == "b") & (truth == 0) & (np.random.default_rng(1).random(n) < share)
    return fairness.group_metrics(truth, np.where(wrong, 1, truth), sensitive=group).findings


def promised(factor: float, n: int = N) -> pd.DataFrame:
    """Let the outcomes of group b be ``factor`` times what the scores say."""
    rng = np.random.default_rng(2)
    scores, group = rng.uniform(0.1, 0.4, n), np.repeat(["a", "b"], n // 2)
    truth = rng.random(n) < np.where(group == "b", factor * scores, scores)
    decided = scores > 0.25
    return fairness.group_metrics(truth, decided, sensitive=group, scores=scores).findings


def flipped(penalty: float, n: int = N, column: str = "young") -> pd.DataFrame:
    """Fit a model on decisions that penalise the young."""
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"risk": rng.normal(size=n), "young": rng.integers(0, 2, n)})
    y = rng.random(n) < expit(3 * X["risk"] + penalty * X["young"])
    return fairness.attribute_flip(
        LogisticRegression(), X, y, column=column, values=(0, 1), refits=8
    ).findings


def paired(penalty: float, n: int = N) -> pd.DataFrame:
    """Match the young and the others on their risk."""
    rng = np.random.default_rng(4)
    risk, young = rng.normal(size=n), rng.random(n) < 0.5
    decided = risk + penalty * young > 0
    return fairness.matched_pairs(decided, profile={"risk": risk}, sensitive=young).findings


def stood_in(distance: float) -> pd.DataFrame:
    """Let a column follow the group."""
    columns = {"app": RISK + distance * (GROUP == "a"), "z": RISK[::-1]}
    return fairness.proxies(pd.DataFrame(columns), sensitive=GROUP).findings


def segmented(
    share: float, n: int = N, treatment: dict[str, np.ndarray] | None = None
) -> pd.DataFrame:
    """Put a share of group a, and one half of group b, into segment S01."""
    group = np.repeat(["a", "b"], n // 2)
    first = np.r_[np.arange(n // 2) < share * (n // 2), np.arange(n // 2) < n // 4]
    segments = np.where(first, "S01", "S02")
    return fairness.segment_fairness(segments, sensitive=group, treatment=treatment).findings


def treated(factor: float, n: int = N) -> pd.DataFrame:
    """Give group b ``factor`` times the discount."""
    discount = np.random.default_rng(5).gamma(4, 1, n)
    discount *= np.where(np.repeat(["a", "b"], n // 2) == "b", factor, 1)
    return segmented(0.5, n, {"discount": discount})


CASES: dict[str, dict[str, Callable[[], pd.DataFrame]]] = {
    "FA-01": {
        FIRES: lambda: selected(0.3, 0.5),
        SILENT: lambda: selected(0.49, 0.5),
        NOT_APPLICABLE: lambda: (
            fairness.group_metrics([0, 1], [0, 1], sensitive=["a", "a"]).findings
        ),
        CANNOT_TELL: lambda: selected(0.3, 0.5, n=40),
    },
    "FA-02": {
        FIRES: lambda: errors(0.3),
        SILENT: lambda: errors(0.02),
        NOT_APPLICABLE: lambda: (
            fairness.group_metrics([0, 1], [0, 1], sensitive=["a", "a"]).findings
        ),
        CANNOT_TELL: lambda: errors(0.2, n=60),
    },
    "FA-03": {
        FIRES: lambda: promised(2.0),
        SILENT: lambda: promised(1.0),
        NOT_APPLICABLE: lambda: selected(0.5, 0.5),
        CANNOT_TELL: lambda: promised(1.0, n=60),
    },
    "FA-04": {
        FIRES: lambda: flipped(1.5),
        SILENT: lambda: flipped(0.0, n=8000),
        NOT_APPLICABLE: lambda: flipped(1.5, column="age"),
        CANNOT_TELL: lambda: flipped(0.3, n=120),
    },
    "FA-05": {
        FIRES: lambda: paired(0.5),
        SILENT: lambda: paired(0.0),
        CANNOT_TELL: lambda: paired(0.5, n=30),
    },
    "FA-06": {FIRES: lambda: stood_in(2.0), SILENT: lambda: stood_in(0.0)},
    "FA-08": {
        FIRES: lambda: segmented(0.9),
        SILENT: lambda: segmented(0.5),
        CANNOT_TELL: lambda: segmented(0.7, n=40),
    },
    "FA-10": {
        FIRES: lambda: treated(0.5),
        SILENT: lambda: treated(1.0),
        NOT_APPLICABLE: lambda: segmented(0.5),
        CANNOT_TELL: lambda: treated(0.6, n=48),
    },
    "FA-13": {SILENT: lambda: selected(0.5, 0.5), CANNOT_TELL: lambda: selected(0.5, 0.5, n=40)},
}


def test_every_code_has_its_cases() -> None:
    """No check without a world where it fires and one where it is silent.

    FA-13 lists groups that cannot be judged: that is its alarm.
    """
    assert list(CASES) == list(checks.rules("FA"))
    assert [code for code, cases in CASES.items() if SILENT not in cases] == []
    assert [code for code, cases in CASES.items() if FIRES not in cases] == ["FA-13"]
    assert [code for code, cases in CASES.items() if len(cases) < 3] == ["FA-06", "FA-13"]


@pytest.mark.parametrize(
    ("code", "answer"), [(code, answer) for code, cases in CASES.items() for answer in cases]
)
def test_check_answers(code: str, answer: str) -> None:
    """The check says what the world was made for, with definition, source and action."""
    found = CASES[code][answer]().set_index("code").loc[code]
    rule = checks.rules("FA")[code]

    assert found["status"] == {FIRES: str(rule.alarm), SILENT: "passed"}.get(answer, answer)
    assert (found["definition"], found["source"]) == (rule.definition, rule.source)


def bad_credit() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1 is bad credit: said of 30 % of group a and 15 % of group b, always rightly."""
    half = 1000
    bad = np.r_[np.arange(half) < 300, np.arange(half) < 150].astype(int)
    return bad, bad, np.repeat(["a", "b"], half)


def test_bad_credit_as_positive_does_not_accuse_the_wrong_side() -> None:
    """Group a is refused twice as often; without the good label its rate looks like a favour."""
    truth, decided, group = bad_credit()
    blind = fairness.group_metrics(truth, decided, sensitive=group)
    told = fairness.group_metrics(truth, decided, sensitive=group, favourable=0)
    message = told.findings.set_index("code").loc["FA-01", "message"]
    wrong = blind.findings.set_index("code").loc["FA-01", "message"]
    rates = told.by_group.query("metric == 'selection_rate'").set_index("group")["value"]

    assert wrong.endswith("p < 0.01: b.")
    assert "rejected: 30.0 % of a against 15.0 % of b" in message
    assert message.endswith("p < 0.01: a.")
    assert (rates["a"], rates["b"]) == (0.7, 0.85)


@pytest.mark.parametrize(
    ("a", "b", "n", "status"),
    [
        (0.94, 0.98, 4000, "failed"),  # selection 0.96 of each other, rejection three times
        (0.97, 0.97, 4000, "passed"),
        (0.90, 0.95, 80, "inconclusive"),
        (1.0, 1.0, 4000, "passed"),
    ],
)
def test_rejection_is_judged_too(a: float, b: float, n: int, status: str) -> None:
    """Where nearly all are accepted four fifths see nothing; the few rejections do."""
    half = n // 2
    decided = np.r_[np.arange(half) < round(a * half), np.arange(half) < round(b * half)]
    group = np.repeat(["a", "b"], half)
    found = fairness.group_metrics(np.tile([0, 1], half), decided, sensitive=group, favourable=1)
    assert found.findings.set_index("code").loc["FA-01", "status"] == status


def test_tie_at_five_fourths_of_rejection_is_no_alarm() -> None:
    """Rejections of 25 and 20 % are exactly five fourths, in whole numbers."""
    decided = [1] * 1500 + [0] * 500 + [1] * 1600 + [0] * 400
    group = ["a"] * 2000 + ["b"] * 2000
    found = fairness.group_metrics(decided, decided, sensitive=group, favourable=1)
    assert found.findings.set_index("code").loc["FA-01", "status"] == "passed"


def test_calibration_does_not_turn_with_the_favourable_label() -> None:
    """Scores are of the larger label, whichever is good."""
    rng = np.random.default_rng(6)
    scores, group = rng.uniform(0.1, 0.4, 2000), np.repeat(["a", "b"], 1000)
    truth = (rng.random(2000) < scores).astype(int)
    given = {"sensitive": group, "scores": scores}
    found = [
        fairness.group_metrics(truth, truth, favourable=label, **given).findings.set_index("code")
        for label in (None, 0, 1)
    ]
    assert len({row.loc["FA-03", "message"] for row in found}) == 1
    assert found[0].loc["FA-03", "status"] == "passed"


LABELS = {
    "text": np.array(["1", "0", "1", "0"]),
    "column of text": pd.Series(["1", "0", "1", "0"]),
    "text with decimals": pd.Series(["1.0", "0.0", "1.0", "0.0"]),
    "text of truths": pd.Series(["True", "False", "True", "False"]),
    "categories of text": pd.Series(["1", "0", "1", "0"], dtype="category"),
    "both in one": np.array([1, "0", 1, 0], dtype=object),
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("other", [[1, 0, 1, 0], [True, False, True, False]])
def test_labels_as_text_against_numbers_are_refused(name: str, other: list[int]) -> None:
    """Compared as they stand, every decision would be wrong without a word."""
    for pair in ((LABELS[name], other), (other, LABELS[name])):
        with pytest.raises(DataError, match=r"text|numbers and text"):
            fairness.group_metrics(*pair, sensitive=list("aabb"))


@pytest.mark.parametrize(
    "labels",
    [
        np.array([True, False, True, False]),
        pd.Series([1, 0, 1, 0], dtype="category"),
        pd.Series([1.0, 0.0, 1.0, 0.0]),
        pd.Series([True, False, True, False], dtype="boolean"),
        pd.Series([1, 0, 1, 0], dtype="Int8"),
    ],
    ids=["truths", "categories", "decimals", "nullable truths", "nullable numbers"],
)
def test_numbers_of_every_type_are_numbers(labels: pd.Series) -> None:
    """The same labels in another type give the same answer."""
    found = fairness.group_metrics(labels, [1, 0, 0, 1], sensitive=list("aabb"))
    values = found.by_group.set_index(["group", "metric"])["value"]
    assert (values["a", "accuracy"], values["b", "accuracy"]) == (1.0, 0.0)
    assert values["a", "selection_rate"] == 0.5


def test_shared_case_of_labels_as_text(public_data: Path) -> None:
    """The file as a CSV reader set to text reads it: refused; as numbers: a right, b wrong."""
    file = public_data / "cases" / "12-labels-as-text" / "labels.csv"
    table = pd.read_csv(file, dtype={"y_true": str})
    for text in (table["y_true"], table["y_true"].to_numpy(dtype=str)):
        with pytest.raises(DataError, match="y_true holds text"):
            fairness.group_metrics(text, table["y_pred"], sensitive=table["group"])
    right = fairness.group_metrics(
        table["y_true"].astype(int), table["y_pred"], sensitive=table["group"]
    )
    values = right.by_group.set_index(["group", "metric"])["value"]
    assert (values["a", "accuracy"], values["b", "accuracy"]) == (1.0, 0.0)


@pytest.mark.parametrize("label", ["1", 7, "good"])
def test_favourable_must_be_a_label(label: object) -> None:
    """A label of another kind, or one that nobody has, is refused."""
    with pytest.raises(DataError, match=r"favourable"):
        fairness.group_metrics([0, 1], [0, 1], sensitive=list("ab"), favourable=label)
