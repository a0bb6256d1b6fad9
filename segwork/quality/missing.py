"""DQ-M: what is missing, what hides that it is missing, and on what missingness depends."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from segwork.checks import Evidence, NotApplicable, Rule, check, rules
from segwork.evidence import holm, wilson
from segwork.quality import statistics as st
from segwork.quality.baskets import crowds
from segwork.quality.customer_ids import stands_for_nobody
from segwork.quality.returns import returned
from segwork.quality.sources import SourceTable, SourceTables, kept
from segwork.results import Status
from segwork.schema import TABLES, Kind
from segwork.words import MISSING_MARKS, bare, placeholder

SPARSE = 0.8
CERTAIN = MISSING_MARKS - {"", "none", "na", "-", "--", "---", "nil", "?"}
OLDEST = 115  # years
MOST_GROUPS = 12
SAMPLE = 20_000
FLAG_NAME = re.compile(r"(imputed|filled|estimated|was_missing|is_missing|_missing|_na$)", re.I)
GROUPS = ("gender", "customer_type", "region", "country", "channel", "payment_method", "currency")


@check("DQ-M-01")
def missing_share(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Empty cells by field; empty by design is set apart."""
    for source in sources:
        for column in source.frame.columns:
            empty = source.missing(column)
            if not empty.any():
                continue
            rows = np.flatnonzero(empty & ~by_design(source, column))
            note = f"{len(rows):,} of {source.n:,} values of {column} are missing"
            share = len(rows) / source.n
            declared = TABLES[source.name].column(column)
            needed = declared is not None and declared.needed and source.name != "behaviour"
            fails = needed or (share > rule.limit and _only_money(source, column))
            over = "" if needed or share <= rule.limit else ", over the limit"
            if len(rows):
                status = Status.FAILED if fails else Status.WARNED
                yield source.found((column,), rows, note + over, status=status)


def _only_money(source: SourceTable, column: str) -> bool:
    """Say whether spend cannot be told without this column."""
    if source.name != "transactions":
        return False
    if column == "amount":
        return not source.has("quantity", "unit_price")
    return column in ("quantity", "unit_price") and "amount" not in source


@kept
def by_design(source: SourceTable, column: str) -> np.ndarray:
    """Return True where the field does not apply: another field's value always leaves it empty."""
    empty = source.missing(column)
    declared = TABLES[source.name].column(column)
    if declared is not None and declared.needed:
        return np.zeros(source.n, bool)
    if column == "return_reason":
        marked = returned(source)
        return empty & ~marked if marked is not None else empty
    if column == "withdrawn_at" or re.match(r"consent_.*_at$", column):
        return empty
    for other in source.columns(Kind.CATEGORY, Kind.FLAG):
        codes, values = source.codes(other)
        if other == column or not 1 < len(values) <= 60 or source.missing(other).any():
            continue
        size = np.bincount(codes, minlength=len(values))
        share = np.bincount(codes, weights=empty, minlength=len(values)) / np.maximum(size, 1)
        always = (share > 0.995) & (size >= 5)
        if always.any() and (share[~always] < 0.5).all() and not always.all():
            return empty & always[codes]
    return np.zeros(source.n, bool)


@check("DQ-M-02")
def disguised_missing(sources: SourceTables, _: Rule) -> Iterator[Evidence]:
    """Words and numbers that stand for "no value"."""
    for source in sources:
        for column in source.columns(*Kind):
            rows = _placeholder_rows(source, column)
            yield from source.some((column,), rows, f"placeholder words in {column}")
        for column in source.columns(Kind.NUMBER):
            if column in ("amount", "quantity", "unit_price", "sentiment"):
                continue
            values = source.number(column)
            rows = np.union1d(st.sentinels(values), _no_age(sources, column, values)).astype(int)
            seen = ", ".join(f"{v:g}" for v in np.unique(values[rows])[:6])
            note = f"values of {column} are {seen}, no real ones"
            yield from source.some((column,), rows, note)


def _no_age(sources: SourceTables, column: str, values: np.ndarray) -> np.ndarray:
    """Return the rows with an age nobody has, told or by the year of birth."""
    if column not in ("age", "birth_year"):
        return st.NONE
    year = int(sources.as_of.astype("datetime64[Y]").astype(int)) + 1970
    age = values if column == "age" else year - values
    return np.flatnonzero((age < 0) | (age > OLDEST) | (values == 0))


def _placeholder_rows(source: SourceTable, column: str) -> np.ndarray:
    values = source.frame[column]
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return st.NONE
    words = source.words(column)
    codes_of_countries = np.mean([len(w) == 2 and w.isupper() for w in words]) if words else 0
    namibia = codes_of_countries > 0.8
    blank = "" if source.kind(column) is Kind.TEXT else None  # DQ-I-09 counts empty texts
    rows = source.where(
        column, lambda w: placeholder(w) and not (namibia and w == "NA") and w.strip() != blank
    )
    if column in ("return_reason", "gender"):
        honest = ("unknown", "unspecified", "none")
        rows &= ~source.where(column, lambda w: w.strip().lower() in honest)
    if column == "customer_id":
        sure, likely = stands_for_nobody(source)
        likely = likely & ~np.isin(np.arange(len(likely)), crowds(source))  # DQ-B-12 names those
        rows = np.append(sure | likely, False)[source.codes(column)[0]]
    elif rows.mean() > 0.5:  # a word that is usual may be a value: "none", "unknown"
        rows &= source.where(column, lambda w: bare(w) in CERTAIN)
    return np.flatnonzero(rows)


@check("DQ-M-03")
def imputation_footprint(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find a heap of one value at the mean or median that its neighbours do not explain."""
    for source, column, heap in _spikes(sources):
        if heap.n > rule.limit * heap.most or heap.z > rule.limit:
            note = f"{heap.n:,} values of {column} sit at one value near the {heap.centre}"
            yield source.found((column,), heap.rows, f"{note}, {heap.most:g} at most nearby")


def _spikes(sources: SourceTables) -> Iterator[tuple[SourceTable, str, st.Spike]]:
    for source, column in sources.columns(Kind.NUMBER):
        dated = source.name in ("transactions", "external")
        if not dated and (found := _spike(source, column)) is not None:
            yield source, column, found


@kept
def _spike(source: SourceTable, column: str) -> st.Spike | None:
    """Return the heap of one value in a column; else those of its groups, taken together."""
    values, limit = source.number(column), rules("DQ")["DQ-M-03"].limit
    found = st.spike(values)
    declared = TABLES[source.name].column(column)
    if declared is not None and source.n >= 50 and len(source.codes(column)[1]) == 1:
        rows = np.flatnonzero(np.isfinite(values))
        return st.Spike(rows, len(rows), 1.0, 0.0, "one value of all")
    if found is not None and (found.n > limit * found.most or found.z > limit):
        return found
    for name in source.columns(Kind.CATEGORY) if source.name == "customers" else ():
        codes, levels = source.codes(name)
        if name == column or not 1 < len(levels) <= MOST_GROUPS:
            continue
        heaps = [(g, st.spike(values[codes == g])) for g in range(len(levels))]
        clear = [(g, h) for g, h in heaps if h is not None and h.n > limit * h.most]
        if len(clear) > 1:
            rows = np.concatenate([np.flatnonzero(codes == g)[h.rows] for g, h in clear])
            most = sum(h.most for _, h in clear)
            return st.Spike(np.sort(rows), len(rows), most, 0.0, f"{clear[0][1].centre} by {name}")
    return found


@check("DQ-M-04")
def missing_depends(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Other fields of the row tell whether the value is missing."""
    places = list(_judgeable(sources))
    if not places:
        raise NotApplicable("no field lacks 30 values or more")
    for source, column, empty in places:
        auc, p, n = mechanism(source, column)
        note = f"missing {column} is told from other fields with AUC {auc:.3f} (p {p:.1g}, n {n:,})"
        told = auc >= rule.limit and p < 0.01
        few = auc >= rule.limit and not told and empty.sum() < 100
        status = Status.INCONCLUSIVE if few else None
        yield source.found((column,), empty if told or few else st.NONE, note, status=status)


def _judgeable(sources: SourceTables) -> Iterator[tuple[SourceTable, str, np.ndarray]]:
    for source in sources:
        for column in source.frame.columns if source.name != "external" else ():
            design = by_design(source, column)
            empty = source.missing(column) & ~design
            if 30 <= empty.sum() <= SPARSE * source.n and (~empty & ~design).sum() >= 30:
                yield source, column, empty


@kept
def mechanism(source: SourceTable, column: str) -> tuple[float, float, int]:
    """Return the cross-validated AUC of the missing flag, its p-value and the rows used."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    design = by_design(source, column)
    rows = np.flatnonzero(~design)
    rows = np.random.default_rng(0).permutation(rows)[:SAMPLE]
    X = _describe(source, column, rows)
    y = (source.missing(column) & ~design)[rows]
    if X.shape[1] == 0 or y.sum() < 10 or (~y).sum() < 10:
        return 0.5, 1.0, len(rows)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = LogisticRegression(C=0.1, max_iter=200)
    score = cross_val_predict(model, X, y, cv=folds, method="decision_function")
    auc = float(roc_auc_score(y, score))
    p = float(stats.mannwhitneyu(score[y], score[~y], alternative="greater").pvalue)
    return auc, p, len(rows)


def _describe(source: SourceTable, skip: str, rows: np.ndarray) -> np.ndarray:
    """Return ranks, their squares and one-hot categories of the other fields."""
    parts = []
    for other in source.columns(Kind.NUMBER):
        values = source.number(other)[rows]
        if other != skip and np.isfinite(values).any():
            rank = stats.rankdata(values, nan_policy="omit") / len(rows)
            rank = np.nan_to_num(rank, nan=0.5) - 0.5
            parts += [3.5 * rank, 13 * (rank**2 - 1 / 12)]
    for other in source.columns(Kind.CATEGORY, Kind.FLAG):
        codes, values = source.codes(other)
        if other != skip and 1 < len(values) <= 60:
            common = pd.Series(codes[rows]).value_counts().index[:12]
            parts += [(codes[rows] == code).astype(float) for code in common]
    return np.column_stack(parts) if parts else np.empty((len(rows), 0))


@check("DQ-M-05")
def missing_by_group(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find groups of people or orders whose share of missing values differs."""
    looked = [(*place, *group) for place in _judgeable(sources) for group in _groups(*place[:2])]
    if not looked:
        raise NotApplicable("no field lacks 30 values or more beside a grouping field")
    tests = [
        (source, column, f"{name} is {words[level]}", empty, codes == level)
        for source, column, empty, name, codes, words in looked
        for level in np.unique(codes[codes >= 0]).astype(int)
        if 30 <= (codes == level).sum() < source.n
    ]
    shares = [_two_shares(empty, member) for *_, empty, member in tests]
    p_values = holm([p for *_, p in shares])
    sides = [
        0 if p >= 0.01 else int(low > rule.limit) - int(high < 1 / rule.limit)
        for (low, high, _), p in zip(shares, p_values, strict=True)
    ]
    more = {(test[0].name, test[1]) for test, side in zip(tests, sides, strict=True) if side > 0}
    for (source, column, place, empty, member), side in zip(tests, sides, strict=True):
        # Where one group lacks more, the others lack less: the first is what is named.
        if side > 0 or (side < 0 and (source.name, column) not in more):
            note = f"{column} is missing in {empty[member].mean():.1%} where {place}"
            note += f", in {empty[~member].mean():.1%} elsewhere"
            yield source.found((column,), np.flatnonzero(empty & member), note)


def _groups(source: SourceTable, column: str) -> Iterator[tuple[str, np.ndarray, list[str]]]:
    for name in GROUPS:
        if name in source and name != column and 1 < len(source.codes(name)[1]) <= 60:
            yield name, source.codes(name)[0], source.words(name)
    for name in ("age", "birth_year"):
        if name in source and name != column and np.isfinite(source.number(name)).sum() > 100:
            fifths = pd.qcut(source.number(name), 5, labels=False, duplicates="drop")
            yield name, fifths, [f"in fifth {k} of 5" for k in range(1, 6)]  # type: ignore[misc]


def _two_shares(empty: np.ndarray, member: np.ndarray) -> tuple[float, float, float]:
    """Return the 95 % interval of the ratio of missing shares (group to rest) and its p-value."""
    a, n = int(empty[member].sum()), int(member.sum())
    b, m = int(empty[~member].sum()), int((~member).sum())
    table = [[a, n - a], [b, m - b]]
    if n + m < 5000:
        p = stats.fisher_exact(table)[1]
    else:
        p = stats.chi2_contingency(table, correction=False)[1] if 0 < a + b < n + m else 1.0
    ratio = np.log((a + 0.5) / (n + 1)) - np.log((b + 0.5) / (m + 1))
    spread = 1.96 * np.sqrt(1 / (a + 0.5) + 1 / (b + 0.5))
    return float(np.exp(ratio - spread)), float(np.exp(ratio + spread)), float(p)


@check("DQ-M-06")
def missing_by_month(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Months in which the share of missing values moves, with evidence."""
    dated = [place for place in _judgeable(sources) if place[0].when() is not None]
    dated = [place for place in dated if not np.isnat(place[0].when()).all()]
    if not dated:
        raise NotApplicable("no dated field lacks 30 values or more")
    for source, column, empty in dated:
        months, names = pd.factorize(source.when().astype("datetime64[M]"), use_na_sentinel=True)
        overall, level = float(empty.mean()), 1 - 0.01 / max(1, len(names))
        for code in range(len(names)):
            inside = months == code
            interval = wilson(int(empty[inside].sum()), int(inside.sum()), level=level)
            if interval.low > overall + rule.limit or interval.high < overall - rule.limit:
                month, share = str(names[code])[:7], empty[inside].mean()
                note = f"{column} missing {share:.1%} in {month}, {overall:.1%} overall"
                yield source.found((column,), inside & empty, note)


@check("DQ-M-07")
def filled_without_flag(sources: SourceTables, rule: Rule) -> Iterator[Evidence]:
    """Find filled values with no column beside them that says which were filled."""
    limit = rules("DQ")["DQ-M-03"].limit
    for source, column, heap in _spikes(sources):
        flagged = [c for c in source.columns(Kind.FLAG, Kind.NUMBER) if FLAG_NAME.search(c)]
        told = any(source.flag(c)[heap.rows].mean() > 0.8 for c in flagged)
        stands_out = heap.n > limit * heap.most or heap.z > limit
        if stands_out and not told and heap.n > rule.limit:
            note = f"{heap.n:,} values of {column} look filled in with the {heap.centre}"
            yield source.found((column,), heap.rows, f"{note}; no column says so")
