"""Does leaving sex out of a model take it out of the decisions? The recipe used on Adult."""

from __future__ import annotations

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from segwork import fairness


def unawareness(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Measure what a model knows about sex with and without being told.

    Parameters
    ----------
    train, test : DataFrame
        The two files of Adult (``income``, ``sex`` and the rest), missing values as a category.

    Returns
    -------
    dict of str to float
        ``gap`` and ``gap_without``: largest difference in the share decided positive by sex,
        with and without sex as an input; ``auc_of_sex``: how well the rest tells sex.
    """
    return {
        "gap": _gap(train, test, ["income"]),
        "gap_without": _gap(train, test, ["income", "sex"]),
        "auc_of_sex": _auc_of_sex(train, test),
    }


def one_hot_logistic(X: pd.DataFrame) -> Pipeline:
    """Return an unfitted logistic regression on one-hot categories and standardised numbers."""
    numeric = list(X.select_dtypes("number").columns)
    other = [c for c in X.columns if c not in numeric]
    columns = make_column_transformer(
        (StandardScaler(), numeric), (OneHotEncoder(handle_unknown="ignore"), other)
    )
    return make_pipeline(columns, LogisticRegression(max_iter=2000))


def _gap(train: pd.DataFrame, test: pd.DataFrame, dropped: list[str]) -> float:
    rich, X = train["income"].str.contains(">50K"), train.drop(columns=dropped)
    decided = one_hot_logistic(X).fit(X, rich).predict(test.drop(columns=dropped))
    truth = test["income"].str.contains(">50K")
    metrics = fairness.group_metrics(truth, decided, sensitive=test["sex"])
    return float(metrics.differences.set_index("metric")["difference"]["selection_rate"])


def _auc_of_sex(train: pd.DataFrame, test: pd.DataFrame) -> float:
    rest = train.drop(columns=["income", "sex"])
    model = one_hot_logistic(rest).fit(rest, train["sex"] == "Male")
    scores = model.predict_proba(test[rest.columns])[:, 1]
    return float(roc_auc_score(test["sex"] == "Male", scores))
