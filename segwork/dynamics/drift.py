"""Whether the customers of now are those the segments were made for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from segwork import evidence
from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check, run
from segwork.clustering import prepare
from segwork.dynamics.counts import ALPHA, cramers_v, stability_index
from segwork.dynamics.methods import closest, kmeans
from segwork.dynamics.mobility import flows, matching
from segwork.errors import DataError
from segwork.results import Severity, Status

FEWEST, MOST_ROWS = 30, 20_000  # rows a side that a comparison needs and uses
BINS, MOST_LEVELS, MOST_PRODUCTS = 10, 50, 10
FOLDS, REFITS, SEGMENTS = 5, 9, 5
SHUFFLES, SHUFFLES_OF_MANY, MANY, SHRINK = 999, 199, 4_000, 0.3
EFFECT, AUC_EFFECT, FAR_EFFECT = 0.1, 0.55, 0.2
Found = tuple[str, float, bool, str]  # column, value, whether beyond the limit, in words


@dataclass(frozen=True)
class Drift:
    """What changed between two periods.

    Attributes
    ----------
    findings : DataFrame
        One row per check, DR-01 …, as in an audit.
    columns : DataFrame
        ``column, psi, psi_limit`` (what chance makes at these sizes, at least 0.1), ``statistic``
        (Kolmogorov-Smirnov or Cramér's V), ``p, p_holm, status``.
    auc, p : float
        How well a classifier tells old from new rows; Bonferroni over the tests of columns and
        of the classifier; with a season the weaker of the two comparisons.
    status : Status
        warned: drift · passed: none, or season · inconclusive: fewer than 30 rows a side.
    moves_segments : bool
        Whether drift was found that changes sizes or borders of segments.
    """

    findings: pd.DataFrame = field(repr=False)
    columns: pd.DataFrame = field(repr=False)
    auc: float
    p: float
    status: Status
    moves_segments: bool

    @property
    def changed(self) -> list[str]:
        """Names of the columns that drifted."""
        return self.columns.loc[self.columns["status"] == "warned", "column"].tolist()

    def facts(self) -> dict[str, float | int | str]:
        """Return the verdicts and numbers; what is not known is left out."""
        rows = self.findings[["code", "status"]].to_numpy()
        facts = {f"{code.lower().replace('-', '_')}_status": word for code, word in rows}
        facts |= {"status": str(self.status), "moves_segments": int(self.moves_segments)}
        facts["drifted_columns"] = len(self.changed)
        return facts | ({"auc": self.auc, "p": self.p} if np.isfinite(self.p) else {})


@dataclass(frozen=True)
class Pair:
    """A baseline and the current rows, in the same columns; each check is one of its methods."""

    old: pd.DataFrame
    new: pd.DataFrame
    seed: int

    @cached_property
    def columns(self) -> pd.DataFrame:
        """The tests column by column."""
        family = self.old.shape[1]
        rows = [_of_column(self.old[name], self.new[name], family) for name in self.old]
        table = pd.DataFrame(rows, columns=["psi", "chance", "statistic", "p"])
        table.insert(0, "column", self.old.columns)
        table["psi_limit"] = np.maximum(0.1, table.pop("chance"))
        table["p_holm"] = evidence.holm(table["p"])
        return table

    @cached_property
    def told_apart(self) -> tuple[float, float]:
        """Area under the curve of rows held out, and its p."""
        side = np.repeat([0, 1], [len(self.old), len(self.new)])
        return _told_apart(self.matrix, side, self.seed)

    @cached_property
    def matrix(self) -> np.ndarray:
        """Both sides as normal scores of pooled ranks, words as indicators."""
        from scipy.special import ndtri

        both = pd.concat([self.old, self.new], ignore_index=True)
        numbers = both.select_dtypes("number").columns
        rank = (both[numbers].astype(float).rank() - 0.5) / both[numbers].count()
        words = pd.get_dummies(both, columns=[n for n in both if n not in numbers], dtype=float)
        values = words.assign(**ndtri(rank.fillna(0.5))).to_numpy(float)
        kept = values.std(axis=0) > 0
        return values[:, kept] if kept.any() else values

    @property
    def p(self) -> float:
        """Bonferroni over the two families of tests, 1 where no effect is large enough."""
        found, (_, p) = self.columns, self.told_apart
        column = found["p_holm"].where(found["statistic"] >= EFFECT, 1.0).min()
        return float(min(1.0, 2 * min(column, p)))

    def stability_index(self, _: float) -> list[Found]:
        """Compare each column's index with its limit."""
        found = self.columns[["column", "psi", "psi_limit"]].to_numpy()
        return [(name, psi, psi > limit, f"{psi:.3f}") for name, psi, limit in found]

    def tests(self, alpha: float) -> list[Found]:
        """Test each column."""
        found = self.columns[["column", "p_holm", "statistic"]].to_numpy()
        return [
            (n, p, p < alpha and size >= EFFECT, f"p {p:.3f}" if p >= 0.0005 else "p < 0.001")
            for n, p, size in found
        ]

    def classifier(self, alpha: float) -> list[Found]:
        """Tell old rows from new ones."""
        auc, p = self.told_apart
        return [("", p, p < alpha, f"area under the curve {auc:.3f}")]

    def sizes(self, limit: float) -> list[Found]:
        """Compare the shares of segments fitted on the old rows."""
        centres, n = kmeans(self.matrix[: len(self.old)], SEGMENTS, self.seed), len(self.old)
        labels = closest(self.matrix, centres)
        counts = np.array([np.bincount(side, minlength=SEGMENTS) for side in np.split(labels, [n])])
        change = float(np.abs(np.diff(counts / counts.sum(axis=1)[:, None], axis=0)).max())
        sure = cramers_v(counts)[1] < 0.01
        return [("", change, change > limit and sure, f"largest change {change:.1%}")]

    def borders(self, limit: float) -> list[Found]:
        """Fit segments on both sides; compare with sides that were dealt anew."""
        rng, moved = np.random.default_rng(self.seed), []
        for deal in range(REFITS + 1):
            rows = self.matrix if not deal else rng.permutation(self.matrix)
            old, new = np.split(rows, [len(self.old)])
            one, two = (closest(new, kmeans(s, SEGMENTS, self.seed)) for s in (old, new))
            counts = flows(one, two, SEGMENTS)
            moved.append(1 - counts[np.arange(SEGMENTS), matching(counts)].sum() / len(new))
        beyond = max(0.0, moved[0] - max(moved[1:]))
        return [("", beyond, beyond > limit, f"{beyond:.1%} beyond noise")]

    def season(self, _: float) -> list[Found]:
        """Tell whether anything differs."""
        return [("", self.p, self.p < 2 * ALPHA, "like the reference or the year before")]


@dataclass(frozen=True)
class Comparison:
    """The current rows against the reference and, where it is there, the same season."""

    pairs: tuple[Pair, ...]
    odd: tuple[str, ...]

    def need(self) -> tuple[Pair, ...]:
        """Return the pairs, or say why they cannot tell."""
        if not self.pairs[0].old.shape[1]:
            raise NotApplicable("no column that both sides have can be compared")
        if (n := min(len(side) for pair in self.pairs for side in (pair.old, pair.new))) < FEWEST:
            raise Inconclusive(f"{n} rows on one side, {FEWEST} are needed")
        return self.pairs


def drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    season: pd.DataFrame | None = None,
    seed: int = 0,
) -> Drift:
    """Compare the rows of two periods: columns, all of them together, and segments.

    Parameters
    ----------
    reference, current : DataFrame
        The same columns, one row per customer; ``customer_id`` and ``period_end`` are no features.
    season : DataFrame, optional
        The same period of the year before: what looks like it is season and no drift.
    seed : int, default 0
        Of the folds, the k-means starts and, beyond 20,000 rows a side, the sample.

    Returns
    -------
    Drift

    Raises
    ------
    DataError
        A frame has no rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> before, after = (pd.DataFrame({"orders": rng.normal(m, 1, 300)}) for m in (0.0, 1.0))
    >>> drift(before, after).status, drift(before, after, season=after).status
    (<Status.WARNED: 'warned'>, <Status.PASSED: 'passed'>)
    """
    given = {"reference": reference, "current": current, "season": season}
    sides = [_side(frame, name, seed) for name, frame in given.items() if frame is not None]
    kinds = {n: {_kind(s, n) for s in sides} for side in sides[:2] for n in side}
    odd = tuple(str(name) for name, kind in kinds.items() if len(kind) > 1)
    names = [name for name, kind in kinds.items() if kind in ({"number"}, {"word"})]
    gaps = [name for name in names if any(side[name].isna().any() for side in sides)]
    old, new, *before = (
        side[names].assign(**{f"{n} missing": side[n].isna().astype(str) for n in gaps})
        for side in sides
    )
    compared = Comparison(tuple(Pair(side, new, seed) for side in (old, *before)), odd)
    findings = run("DR", compared)
    columns, p, auc, status = compared.pairs[0].columns, np.nan, np.nan, Status.INCONCLUSIVE
    if findings.status("DR-03") not in (Status.INCONCLUSIVE, Status.NOT_APPLICABLE):
        p = max(pair.p for pair in compared.pairs)
        auc = min(pair.told_apart[0] for pair in compared.pairs)
        status = Status.WARNED if p < 2 * ALPHA else Status.PASSED
    beyond = {place.columns[0] for place in findings.evidence["DR-02"] if place.count}
    words = {True: "warned", False: "passed" if np.isfinite(p) else str(status)}
    columns = columns.assign(status=columns["column"].isin(beyond).map(words))
    columns = columns[["column", "psi", "psi_limit", "statistic", "p", "p_holm", "status"]]
    moves = {findings.status(code) for code in ("DR-04", "DR-05")} & {Status.FAILED.value}
    return Drift(findings.table, columns, auc, p, status, status == "warned" and bool(moves))


def _side(given: pd.DataFrame, name: str, seed: int) -> pd.DataFrame:
    frame = prepare.as_frame(given).drop(columns="period_end", errors="ignore")
    if not len(frame):
        raise DataError(f"{name} has no rows", accepted="one row per customer")
    rows = np.random.default_rng(seed).permutation(len(frame))[:MOST_ROWS]
    return frame.iloc[np.sort(rows)].reset_index(drop=True)


def _kind(frame: pd.DataFrame, name: str) -> str:
    if name not in frame or frame[name].isna().all():
        return "absent"
    if is_numeric_dtype(frame[name]):
        return "number"
    return "word" if frame[name].nunique() <= MOST_LEVELS else "text"


def _of_column(old: pd.Series, new: pd.Series, family: int) -> tuple[float, float, float, float]:
    """Return the index, what chance makes of it at most, the test's effect and its p."""
    from scipy import stats

    a, b = old.dropna(), new.dropna()
    if number := is_numeric_dtype(old):
        edges = np.unique(np.quantile(a.astype(float), np.arange(1, BINS) / BINS))
        codes = [np.searchsorted(edges, side.astype(float)) for side in (a, b)]
    else:
        codes = np.split(pd.factorize(pd.concat([a, b]))[0], [len(a)])
    most = int(max(code.max() for code in codes)) + 1
    counts = np.array([np.bincount(code, minlength=most) for code in codes])
    effect = stats.ks_2samp(a, b, method="asymp")[:2] if number else cramers_v(counts)
    return *stability_index(counts, family), float(effect[0]), float(effect[1])


def _told_apart(values: np.ndarray, side: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the area under the curve of rows held out, and a p among shuffled sides.

    The classifier is ridge regression of the side on normal scores, squares and products: it
    finds shifts, spreads and correlations, and all shuffled sides are fitted in one solution.
    The p is that of the rarer of two things, the area and the largest single difference of these
    features in standard deviations; 1 where both are too small to matter.
    """
    from scipy.stats import rankdata

    n, d = values.shape
    if not d:
        return 0.5, 1.0
    products = [values[:, i] * values[:, j] for i in range(d) for j in range(i)]
    X = np.column_stack([values, values**2, *(products if d <= MOST_PRODUCTS else ())])
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(side) for _ in range(SHUFFLES if n <= MANY else SHUFFLES_OF_MANY)]
    Y, fold = np.column_stack([side, *shuffled]).astype(float), rng.permutation(n) % FOLDS
    auc = np.zeros(Y.shape[1])
    for held in range(FOLDS):
        train, test = fold != held, fold == held
        inner = X[train].T @ X[train] + SHRINK * n * np.eye(X.shape[1])
        weights = np.linalg.solve(inner, X[train].T @ (Y[train] - Y[train].mean(axis=0)))
        rank, new = rankdata(X[test] @ weights, axis=0), Y[test].sum(axis=0)
        pairs = np.maximum(new * (test.sum() - new), 1)
        auc += ((rank * Y[test]).sum(axis=0) - new * (new + 1) / 2) / pairs / FOLDS
    far = np.abs(X.T @ (Y - Y.mean(axis=0))).max(axis=0) / (n * side.mean() * (1 - side.mean()))
    rank = np.min([rankdata(-found.round(9), method="max") for found in (auc, far)], axis=0)
    matters = auc[0] >= AUC_EFFECT or far[0] >= FAR_EFFECT
    return float(auc[0]), float((rank <= rank[0]).mean()) if matters else 1.0


def _unlike_all(
    measure: Callable[[Pair, float], list[Found]], compared: Comparison, rule: Rule
) -> Iterator[Evidence]:
    """Alarm where the current rows differ from every baseline; report the least different."""
    serious = rule.severity in (Severity.CRITICAL, Severity.HIGH)
    found = [measure(pair, rule.limit) for pair in compared.need()]
    if rule.code == "DR-09" and len(found) < 2:
        raise NotApplicable("the same period of the year before was not given")
    for places in zip(*found, strict=True):
        name, value, alarm, note = min(places, key=lambda place: place[2])
        status = Status.FAILED if serious else Status.WARNED
        status = status if alarm else Status.PASSED
        names = (name,) if name else ()
        yield Evidence("", names, n=int(alarm), of=1, value=value, note=note, status=status)


@check("DR-10")
def schema(compared: Comparison, _: Rule) -> Iterator[Evidence]:
    """Name the columns that are not the same thing on both sides."""
    yield Evidence(
        columns=compared.odd, n=len(compared.odd), of=1, note=", ".join(compared.odd) or "none"
    )


MEASURES = {"DR-01": Pair.stability_index, "DR-02": Pair.tests, "DR-03": Pair.classifier}
MEASURES |= {"DR-04": Pair.sizes, "DR-05": Pair.borders, "DR-09": Pair.season}
for code, measure in MEASURES.items():
    check(code)(partial(_unlike_all, measure))
