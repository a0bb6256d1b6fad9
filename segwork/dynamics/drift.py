"""Whether the customers of now are those the segments were made for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from segwork import evidence
from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check, run
from segwork.dynamics.methods import closest, kmeans
from segwork.dynamics.mobility import matching
from segwork.errors import DataError
from segwork.results import Status

FEWEST, MOST_ROWS = 30, 20_000  # rows a side that a comparison needs and uses
BINS, MOST_LEVELS, MOST_PRODUCTS = 10, 50, 10
FOLDS, REFITS, SEGMENTS = 5, 9, 5
SHUFFLES, SHUFFLES_OF_MANY, MANY, SHRINK = 999, 199, 4_000, 0.3
ALPHA, EFFECT, AUC_EFFECT = 0.025, 0.1, 0.55  # two families of tests share 5 %


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

    def facts(self) -> dict[str, float | int | str]:
        """Return the verdicts and numbers; what is not known is left out."""
        facts: dict[str, float | int | str] = {
            "status": str(self.status), "moves_segments": int(self.moves_segments),
            "drifted_columns": int((self.columns["status"] == Status.WARNED).sum()),
        } | {f"{row.code.replace('-', '_').lower()}_status": row.status
             for row in self.findings.itertuples()}  # fmt: skip
        numbers = {"auc": self.auc, "p": self.p}
        return facts | {name: value for name, value in numbers.items() if np.isfinite(value)}


@dataclass(frozen=True)
class Pair:
    """A baseline and the current rows, as pairs of columns that both have."""

    old: pd.DataFrame
    new: pd.DataFrame
    seed: int

    @cached_property
    def columns(self) -> pd.DataFrame:
        """The tests column by column."""
        rows = [_of_column(name, self.old[name], self.new[name], self.old.shape[1])
                for name in self.old.columns]  # fmt: skip
        names = ["column", "psi", "psi_limit", "statistic", "p"]
        table = pd.DataFrame([row for part in rows for row in part], columns=names)
        table["p_holm"] = evidence.holm(table["p"])
        return table

    @cached_property
    def classifier(self) -> tuple[float, float]:
        """Area under the curve of held-out rows, and its p-value."""
        return _told_apart(
            self.matrix, np.repeat([0, 1], [len(self.old), len(self.new)]), self.seed
        )

    @cached_property
    def matrix(self) -> np.ndarray:
        """Both sides as normal scores of pooled ranks, words as indicators."""
        from scipy.special import ndtri

        both = pd.concat([self.old, self.new], ignore_index=True)
        parts = []
        for name in both.columns:
            if pd.api.types.is_numeric_dtype(both[name]):
                rank = both[name].astype(float).rank()
                parts.append(ndtri(((rank - 0.5) / rank.count()).fillna(0.5)))
                if both[name].isna().any():
                    parts.append(both[name].isna().astype(float))
            else:
                parts += [both[name].eq(level).astype(float) for level in both[name].unique()[:-1]]
        values = np.stack(parts, axis=1) if parts else np.zeros((len(both), 0))
        return values[:, values.std(axis=0) > 0]

    @cached_property
    def segments(self) -> tuple[np.ndarray, float]:
        """Sizes of the segments on both sides, shape (2, k), and rows moved beyond noise."""
        n, rng = len(self.old), np.random.default_rng(self.seed)
        old, new = self.matrix[:n], self.matrix[n:]
        centres = kmeans(old, SEGMENTS, self.seed)
        sizes = [np.bincount(closest(side, centres), minlength=len(centres)) for side in (old, new)]
        noise = []
        for _ in range(REFITS):  # as if nothing had changed: the sides are dealt anew
            dealt = self.matrix[rng.permutation(len(self.matrix))]
            noise.append(self._redrawn(dealt[:n], dealt[n:]))
        return np.array(sizes), self._redrawn(old, new) - max(noise)

    def _redrawn(self, old: np.ndarray, new: np.ndarray) -> float:
        """Return the share of new rows that segments fitted on them put elsewhere."""
        one, two = (closest(new, kmeans(side, SEGMENTS, self.seed)) for side in (old, new))
        counts = np.zeros((SEGMENTS, SEGMENTS))
        np.add.at(counts, (one.astype(int), two.astype(int)), 1)
        return 1 - counts[np.arange(SEGMENTS), matching(counts)].sum() / len(new)

    @property
    def p(self) -> float:
        """Bonferroni over the two families of tests, 1 where no effect is large enough."""
        found = self.columns
        column_p = found["p_holm"].where(found["statistic"] >= EFFECT, 1.0).min()
        auc, p = self.classifier
        return float(min(1.0, 2 * np.nanmin([column_p, p if auc >= AUC_EFFECT else 1.0, 1.0])))


@dataclass(frozen=True)
class Comparison:
    """The current rows against the reference and, where it is there, the same season."""

    reference: pd.DataFrame
    current: pd.DataFrame
    pairs: tuple[Pair, ...]

    def need(self) -> tuple[Pair, ...]:
        """Return the pairs, or say why they cannot tell."""
        n = min(min(len(pair.old), len(pair.new)) for pair in self.pairs)
        if not self.pairs[0].old.shape[1]:
            raise NotApplicable("no column that both sides have can be compared")
        if n < FEWEST:
            raise Inconclusive(f"{n} rows on one side, {FEWEST} are needed")
        return self.pairs


def drift(
    reference: pd.DataFrame, current: pd.DataFrame, *, season: pd.DataFrame | None = None,
    seed: int = 0,
) -> Drift:  # fmt: skip
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
    rng = np.random.default_rng(seed)
    sides = [_side(frame, name, rng) for name, frame in
             (("reference", reference), ("current", current), ("season", season))
             if frame is not None]  # fmt: skip
    old, new, *before = sides
    pairs = tuple(_pair(frame, new, seed) for frame in (old, *before))
    subject = Comparison(old, new, pairs)
    findings = run("DR", subject)
    enough = bool(pairs[0].old.shape[1]) and min(len(side) for side in sides) >= FEWEST
    p = max(pair.p for pair in pairs) if enough else np.nan
    status = (
        Status.INCONCLUSIVE if not enough else Status.WARNED if p < 2 * ALPHA else Status.PASSED
    )
    columns = pairs[0].columns.copy()
    columns["status"] = Status.INCONCLUSIVE.value
    if enough:
        columns["status"] = np.where(_drifted(pairs), Status.WARNED.value, Status.PASSED.value)
    auc = min((pair.classifier[0] for pair in pairs), default=np.nan) if enough else np.nan
    moves = {findings.status(code) for code in ("DR-04", "DR-05")}
    return Drift(findings.table, columns, auc, p, status,
                 status is Status.WARNED and str(Status.FAILED) in moves)  # fmt: skip


def _side(frame: pd.DataFrame, name: str, rng: np.random.Generator) -> pd.DataFrame:
    if not len(frame):
        raise DataError(f"{name} has no rows", accepted="one row per customer")
    kept = frame.drop(columns=[c for c in ("customer_id", "period_end") if c in frame])
    return kept.iloc[np.sort(rng.permutation(len(kept))[:MOST_ROWS])]


def _pair(old: pd.DataFrame, new: pd.DataFrame, seed: int) -> Pair:
    names = [name for name in old.columns if name in new.columns and not _changed(old, new, name)]
    names = [name for name in names if pd.api.types.is_numeric_dtype(old[name])
             or max(old[name].nunique(), new[name].nunique()) <= MOST_LEVELS]  # fmt: skip
    return Pair(old[names], new[names], seed)


def _changed(old: pd.DataFrame, new: pd.DataFrame, name: str) -> bool:
    kinds = {pd.api.types.is_numeric_dtype(side[name]) for side in (old, new)}
    return len(kinds) > 1 or old[name].isna().all() != new[name].isna().all()


def _of_column(name: str, old: pd.Series, new: pd.Series, family: int) -> list[tuple[object, ...]]:
    """Return psi, its limit, the test's effect and p, and a second row for missing values."""
    from scipy import stats

    a, b = old.dropna(), new.dropna()
    rows: list[tuple[object, ...]] = []
    if len(a) and len(b):
        if pd.api.types.is_numeric_dtype(old):
            edges = np.unique(np.quantile(a.astype(float), np.linspace(0, 1, BINS + 1)[1:-1]))
            counts = [np.bincount(np.searchsorted(edges, side.astype(float)), minlength=len(edges) + 1)
                      for side in (a, b)]  # fmt: skip
            test = stats.ks_2samp(a.astype(float), b.astype(float), method="asymp")
            effect, p = float(test.statistic), float(test.pvalue)
        else:
            levels = pd.unique(pd.concat([a, b]))
            counts = [
                side.value_counts().reindex(levels, fill_value=0).to_numpy() for side in (a, b)
            ]
            effect, p = _chi_square(np.array(counts))
        table = np.array(counts)
        table = table[:, table.sum(axis=0) > 0]
        shares = (table + 0.5) / (table + 0.5).sum(axis=1, keepdims=True)
        psi = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
        chance = stats.chi2.ppf(1 - 0.01 / family, max(table.shape[1] - 1, 1))
        rows = [(name, psi, max(0.1, chance * (1 / len(a) + 1 / len(b))), effect, p)]
    if old.isna().any() or new.isna().any():
        counts = [(int(side.isna().sum()), int(side.notna().sum())) for side in (old, new)]
        rows.append((f"{name} missing", np.nan, np.nan, *_chi_square(np.array(counts))))
    return rows


def _chi_square(counts: np.ndarray) -> tuple[float, float]:
    from scipy.stats import chi2_contingency

    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return 0.0, 1.0
    test = chi2_contingency(counts, correction=False)
    return float(np.sqrt(test.statistic / counts.sum())), float(test.pvalue)


def _told_apart(values: np.ndarray, side: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the area under the curve of rows held out, and its p among shuffled sides.

    The classifier is ridge regression of the side on normal scores, squares and products: it
    finds shifts, spreads and correlations, and all shuffled sides are fitted in one solution.
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
    return float(auc[0]), float((auc >= auc[0] - 1e-12).mean())


def _drifted(pairs: tuple[Pair, ...]) -> np.ndarray:
    """Tell which columns differ from every baseline."""
    first = pairs[0].columns["column"]
    told = [pair.columns.set_index("column") for pair in pairs]
    beyond = [((t["p_holm"] < ALPHA) & (t["statistic"] >= EFFECT)).reindex(first, fill_value=True)
              for t in told]  # fmt: skip
    return np.logical_and.reduce([b.to_numpy(bool) for b in beyond])


@check("DR-01")
def stability_index(compared: Comparison, rule: Rule) -> Iterator[Evidence]:
    """Compare each column's index with its limit, for every baseline."""
    tables = [pair.columns.set_index("column") for pair in compared.need()]
    for name in tables[0]["psi"].dropna().index:
        rows = [table.loc[name] for table in tables if name in table.index]
        beyond = all(row["psi"] > max(rule.limit, row["psi_limit"]) for row in rows)
        yield _told(beyond, rule, columns=(name,), value=float(min(row["psi"] for row in rows)))


@check("DR-02")
def column_tests(compared: Comparison, rule: Rule) -> Iterator[Evidence]:
    """Test each column, for every baseline."""
    pairs = compared.need()
    table = pairs[0].columns
    for name, p, beyond in zip(table["column"], table["p_holm"], _drifted(pairs), strict=True):
        yield _told(bool(beyond), rule, columns=(name,), value=float(p))


@check("DR-03")
def classifier(compared: Comparison, rule: Rule) -> Iterator[Evidence]:
    """Tell old rows from new ones."""
    found = [pair.classifier for pair in compared.need()]
    beyond = all(p < rule.limit and auc >= AUC_EFFECT for auc, p in found)
    auc, p = min(found, key=lambda pair: pair[0])
    yield _told(beyond, rule, value=p, note=f"area under the curve {auc:.3f}")


@check("DR-04")
def segment_sizes(compared: Comparison, rule: Rule) -> Iterator[Evidence]:
    """Compare the shares of the segments."""
    found = []
    for pair in compared.need():
        sizes = pair.segments[0]
        change = np.abs(np.diff(sizes / sizes.sum(axis=1, keepdims=True), axis=0)).max()
        found.append((float(change), _chi_square(sizes)[1] < 0.01))
    change = min(value for value, _ in found)
    yield _told(change > rule.limit and all(sure for _, sure in found), rule, value=change)


@check("DR-05")
def segment_borders(compared: Comparison, rule: Rule) -> Iterator[Evidence]:
    """Compare the segments with those of a new fit."""
    beyond = min(pair.segments[1] for pair in compared.need())
    yield _told(beyond > rule.limit, rule, value=max(0.0, float(beyond)))


@check("DR-09")
def season_or_drift(compared: Comparison, rule: Rule) -> Iterator[Evidence]:
    """Say whether the difference from the reference is there from the year before too."""
    pairs = compared.need()
    if len(pairs) < 2:
        raise NotApplicable("the same period of the year before was not given")
    differs = [pair.p < 2 * ALPHA for pair in pairs]
    words = ("drift: unlike the reference and unlike the year before" if all(differs) else
             "season: unlike the reference, like the year before" if differs[0] else
             "like the reference")  # fmt: skip
    yield _told(all(differs), rule, note=words)


@check("DR-10")
def schema(compared: Comparison, rule: Rule) -> Iterator[Evidence]:
    """Name the columns that are not the same thing on both sides."""
    old, new = compared.reference, compared.current
    shared = [name for name in old.columns if name in new.columns]
    odd = [str(n) for n in {**dict.fromkeys(old), **dict.fromkeys(new)} if n not in shared]
    odd += [str(name) for name in shared if _changed(old, new, name)]
    yield Evidence(columns=tuple(odd), n=len(odd), of=len(shared) + len(odd), note=", ".join(odd))


def _told(alarm: bool, rule: Rule, **found: object) -> Evidence:
    alarmed = Status.FAILED if rule.severity in ("critical", "high") else Status.WARNED
    status = alarmed if alarm else Status.PASSED
    return Evidence(n=int(alarm), of=1, status=status, **found)  # type: ignore[arg-type]
