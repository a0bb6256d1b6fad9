"""What is in each segment: a tree of depth three and its rules in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

DEPTH = 3


def tree_accuracy(frame: pd.DataFrame, labels: np.ndarray, *, seed: int = 0) -> float:
    """Return the balanced accuracy, 0 to 1, of a depth-3 tree on the raw columns (5 folds).

    Chance is 1 / number of segments. Noise counts as a group of its own; groups of fewer than five
    rows are left out, and one group or none is NaN.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    names, counts = np.unique(labels, return_counts=True)
    rows = np.isin(labels, names := names[counts >= 5])
    if len(names) < 2:
        return float("nan")
    truth = labels[rows]
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    tree = DecisionTreeClassifier(max_depth=DEPTH, class_weight="balanced", random_state=seed)
    guess = cross_val_predict(tree, frame.to_numpy(float)[rows], truth, cv=folds)
    return float(np.mean([(guess[truth == c] == c).mean() for c in names]))


def segment_profile(frame: pd.DataFrame, segments: pd.Series) -> pd.DataFrame:
    """Return customers, share, what they bring, and the median of every column by segment.

    ``spend`` is a sum (of orders where there is no money), ``spend_share`` its share of the whole.
    """
    names = segments.rename("segment").to_numpy()
    table = frame.groupby(names).median(numeric_only=True)
    counts = pd.Series(names).value_counts()
    brought = frame["spend_total" if "spend_total" in frame else frame.columns[0]]
    table.insert(0, "customers", counts.reindex(table.index))
    table.insert(1, "share", table["customers"] / len(frame))
    table.insert(2, "spend", brought.groupby(names).sum())
    table.insert(3, "spend_share", table["spend"] / max(float(table["spend"].sum()), 1e-12))
    return table.rename_axis("segment")


def contrasts(frame: pd.DataFrame, segments: pd.Series) -> pd.DataFrame:
    """Return each segment's mean rank of every column, −1 (all lowest) to 1 (all highest)."""
    ranks = 2 * frame.rank(pct=True) - 1
    return ranks.groupby(segments.rename("segment").to_numpy()).mean().rename_axis("segment")


def tree_rules(
    frame: pd.DataFrame, labels: pd.Series | np.ndarray, *, seed: int = 0
) -> pd.DataFrame:
    """Describe each segment by one leaf of a depth-3 tree grown for it against all others.

    Returns
    -------
    DataFrame
        Index ``segment``; columns ``rule`` (words), ``covers`` (share of the segment in that leaf)
        and ``correct`` (share of that leaf that is the segment). The leaf is the one with the
        highest harmonic mean of the two.

    Examples
    --------
    >>> frame = pd.DataFrame({"orders": [1, 1, 2, 9, 9, 8]})
    >>> tree_rules(frame, np.array([0, 0, 0, 1, 1, 1])).loc[1, "rule"]
    'orders above 5'
    """
    from sklearn.tree import DecisionTreeClassifier

    values, labels, rows = frame.to_numpy(float), np.asarray(labels), {}
    for name in np.unique(labels):
        inside = labels == name
        tree = DecisionTreeClassifier(max_depth=DEPTH, class_weight="balanced", random_state=seed)
        leaf = tree.fit(values, inside).apply(values)
        held, hits = np.bincount(leaf), np.bincount(leaf, inside)
        best = int((hits / (held + inside.sum())).argmax())
        words = _paths(tree.tree_, list(frame.columns))[best]
        shares = {"covers": hits[best] / inside.sum(), "correct": hits[best] / held[best]}
        rows[name] = {"rule": words, **shares}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("segment")


def _paths(tree: object, columns: list[str]) -> dict[int, str]:
    """Return the words that lead to every leaf; limits on one column are joined."""
    words: dict[int, str] = {}

    def walk(node: int, low: dict[str, float], high: dict[str, float]) -> None:
        if tree.children_left[node] < 0:
            words[node] = _sentence(low, high)
            return
        name, limit = columns[tree.feature[node]], float(tree.threshold[node])
        walk(tree.children_left[node], low, {**high, name: min(limit, high.get(name, np.inf))})
        walk(tree.children_right[node], {**low, name: max(limit, low.get(name, -np.inf))}, high)

    walk(0, {}, {})
    return words


def _sentence(low: dict[str, float], high: dict[str, float]) -> str:
    parts = []
    for name in dict.fromkeys([*low, *high]):
        bottom, top = low.get(name), high.get(name)
        if bottom is not None and top is not None:
            parts.append(f"{name} above {_limit(bottom)} and up to {_limit(top)}")
        elif bottom is not None:
            parts.append(f"{name} above {_limit(bottom)}")
        else:
            parts.append(f"{name} up to {_limit(top)}")
    return ", ".join(parts) or "everybody"


def _limit(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
