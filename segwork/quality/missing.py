"""DQ-M: what is missing, what hides that it is missing, and on what missingness depends."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from segwork.evidence import holm, wilson
from segwork.quality import statistics as st
from segwork.quality.result import Hit, Rule
from segwork.quality.sheet import Book, NotApplicable, Sheet
from segwork.results import Status
from segwork.schema import TABLES, Kind

# Words people and systems write for "no value"; after deepchecks' idea of a list, extended.
PLACEHOLDERS = {
    "n/a", "na", "n.a.", "n.a", "#n/a", "nan", "null", "none", "nil", "nul", "missing",
    "unknown", "unkn", "unk", "undefined", "unspecified", "?", "??", "???", "-", "--", "---",
    ".", "..", "*", "#", "tbd", "tba", "tbc", "xxx", "test", "dummy", "blank", "empty",
    "void", "(null)", "(none)", "(blank)", "(missing)", "<na>", "<null>", "<unknown>",
    "not_available", "not_provided", "", "not available", "not provided", "not specified",
    "not known", "no data", "to be defined",
}  # fmt: skip
SPARSE = 0.8
OLDEST = 115  # years
SAMPLE = 20_000
FLAG_NAME = re.compile(r"(imputed|filled|estimated|was_missing|is_missing|_missing|_na$)", re.I)
GROUPS = ("gender", "customer_type", "region", "country", "channel", "payment_method", "currency")


def placeholder(word: str) -> bool:
    """Say whether a text means "no value"."""
    return word.strip().lower() in PLACEHOLDERS


def missing_share(book: Book, rule: Rule) -> Iterator[Hit]:
    """Empty cells by field; empty by design is set apart."""
    for sheet in book:
        for column in sheet.frame.columns:
            empty = sheet.missing(column)
            if not empty.any():
                continue
            rows = np.flatnonzero(empty & ~by_design(sheet, column))
            note = f"{len(rows):,} of {sheet.n:,} values of {column} are missing"
            declared = TABLES[sheet.name].column(column)
            needed = declared is not None and declared.needed and sheet.name != "behaviour"
            if len(rows) / sheet.n > SPARSE and not needed:
                note += ", a sparse field"
                yield Hit(sheet.name, (column,), rows, sheet.n, note, status=Status.PASSED)
            elif len(rows):
                status = Status.FAILED if needed else Status.WARNED
                over = "" if needed or len(rows) / sheet.n <= rule.limit else ", over the limit"
                yield Hit(sheet.name, (column,), rows, sheet.n, note + over, status=status)


def by_design(sheet: Sheet, column: str) -> np.ndarray:
    """Return True where the field does not apply: another field's value always leaves it empty."""
    return sheet._once("by_design", column, lambda c: _by_design(sheet, c))


def _by_design(sheet: Sheet, column: str) -> np.ndarray:
    empty = sheet.missing(column)
    declared = TABLES[sheet.name].column(column)
    if declared is not None and declared.needed:
        return np.zeros(sheet.n, bool)
    if column == "return_reason":
        from segwork.quality.transactional import returned

        marked = returned(sheet)
        return empty & ~marked if marked is not None else empty
    if column == "withdrawn_at" or re.match(r"consent_.*_at$", column):
        return empty
    for other in sheet.columns(Kind.CATEGORY, Kind.FLAG):
        codes, values = sheet.codes(other)
        if other == column or not 1 < len(values) <= 60 or sheet.missing(other).any():
            continue
        size = np.bincount(codes, minlength=len(values))
        share = np.bincount(codes, weights=empty, minlength=len(values)) / np.maximum(size, 1)
        always = (share > 0.995) & (size >= 5)
        if always.any() and (share[~always] < 0.5).all() and not always.all():
            return empty & always[codes]
    return np.zeros(sheet.n, bool)


def disguised_missing(book: Book, _: Rule) -> Iterator[Hit]:
    """Words and numbers that stand for "no value"."""
    for sheet in book:
        for column in sheet.columns(*Kind):
            if column == "customer_id":
                continue
            rows = _placeholder_rows(sheet, column)
            if len(rows):
                note = f"{len(rows):,} placeholder words in {column}"
                yield Hit(sheet.name, (column,), rows, sheet.n, note)
        for column in sheet.columns(Kind.NUMBER):
            if column in ("amount", "quantity", "unit_price", "sentiment"):
                continue
            values = sheet.number(column)
            rows = np.union1d(st.sentinels(values), _no_age(book, column, values)).astype(int)
            if len(rows):
                seen = [f"{v:g}" for v in np.unique(values[rows])]
                note = f"{len(rows):,} values of {column} are {', '.join(seen[:6])}, no real ones"
                yield Hit(sheet.name, (column,), rows, sheet.n, note)


def _no_age(book: Book, column: str, values: np.ndarray) -> np.ndarray:
    """Return the rows with an age nobody has, told or by the year of birth."""
    if column not in ("age", "birth_year"):
        return st.NONE
    year = int(book.as_of.astype("datetime64[Y]").astype(int)) + 1970
    age = values if column == "age" else year - values
    with np.errstate(invalid="ignore"):
        return np.flatnonzero((age < 0) | (age > OLDEST) | (values == 0))


def _placeholder_rows(sheet: Sheet, column: str) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(sheet.frame[column]):
        return st.NONE
    if pd.api.types.is_datetime64_any_dtype(sheet.frame[column]):
        return st.NONE
    words = sheet.words(column)
    codes_of_countries = np.mean([len(w) == 2 and w.isupper() for w in words]) > 0.8 if words else 0
    rows = sheet.where(
        column,
        lambda w: (
            placeholder(w)
            and not (codes_of_countries and w == "NA")
            and (w.strip() or sheet.kind(column) is not Kind.TEXT)
        ),
    )
    if column in ("return_reason", "gender"):
        honest = ("unknown", "unspecified", "none")
        rows &= ~sheet.where(column, lambda w: w.strip().lower() in honest)
    if rows.mean() > 0.5:
        return st.NONE
    return np.flatnonzero(rows)


def imputation_footprint(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find a heap of one value at the mean or median that its neighbours do not explain."""
    for sheet, column, (rows, count, expected, centre) in _spikes(book):
        if count > rule.limit * expected[0] or expected[1] > rule.limit:
            note = f"{count:,} values of {column} sit at one value near the {centre}"
            note += f", {expected[0]:g} at most nearby"
            yield Hit(sheet.name, (column,), rows, sheet.n, note)


def _spikes(
    book: Book,
) -> Iterator[tuple[Sheet, str, tuple[np.ndarray, int, tuple[float, float], str]]]:
    for sheet in book:
        columns = sheet.columns(Kind.NUMBER) if sheet.name == "customers" else []
        if sheet.name in ("interactions", "behaviour"):
            columns = sheet.columns(Kind.NUMBER)
        for column in columns:
            if found := sheet._once("spike", column, lambda c, s=sheet: st.spike(s.number(c))):
                yield sheet, column, found


def missing_depends(book: Book, rule: Rule) -> Iterator[Hit]:
    """Other fields of the row tell whether the value is missing."""
    looked = False
    for sheet, column, empty in _judgeable(book):
        looked = True
        auc, p, n = mechanism(sheet, column, empty)
        note = f"missing {column} is told from other fields with AUC {auc:.3f} (p {p:.1g}, n {n:,})"
        rows = np.flatnonzero(empty)
        if auc >= rule.limit and p < 0.01:
            yield Hit(sheet.name, (column,), rows, sheet.n, note)
        elif empty.sum() < 100 and auc >= rule.limit:
            yield Hit(sheet.name, (column,), rows, sheet.n, note, status=Status.INCONCLUSIVE)
        else:
            yield Hit(sheet.name, (column,), st.NONE, sheet.n, note)
    if not looked:
        raise NotApplicable("no field lacks 30 values or more")


def _judgeable(book: Book) -> Iterator[tuple[Sheet, str, np.ndarray]]:
    for sheet in book:
        if sheet.name == "external":
            continue
        for column in sheet.frame.columns:
            design = by_design(sheet, column)
            empty = sheet.missing(column) & ~design
            if 30 <= empty.sum() <= SPARSE * sheet.n and (~empty & ~design).sum() >= 30:
                yield sheet, column, empty


def mechanism(sheet: Sheet, column: str, empty: np.ndarray) -> tuple[float, float, int]:
    """Return the cross-validated AUC of the missing flag, its p-value and the rows used."""
    return sheet._once("mechanism", column, lambda c: _mechanism(sheet, c, empty))


def _mechanism(sheet: Sheet, column: str, empty: np.ndarray) -> tuple[float, float, int]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rows = np.flatnonzero(~by_design(sheet, column))
    rows = np.random.default_rng(0).permutation(rows)[:SAMPLE]
    X = _describe(sheet, column, rows)
    y = empty[rows]
    if X.shape[1] == 0 or y.sum() < 10 or (~y).sum() < 10:
        return 0.5, 1.0, len(rows)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = LogisticRegression(C=0.1, max_iter=200)
    score = cross_val_predict(model, X, y, cv=folds, method="decision_function")
    auc = float(roc_auc_score(y, score))
    p = float(stats.mannwhitneyu(score[y], score[~y], alternative="greater").pvalue)
    return auc, p, len(rows)


def _describe(sheet: Sheet, skip: str, rows: np.ndarray) -> np.ndarray:
    """Return ranks, their squares and one-hot categories of the other fields."""
    parts = []
    for other in sheet.columns(Kind.NUMBER):
        values = sheet.number(other)[rows]
        if other != skip and np.isfinite(values).any():
            rank = (
                np.nan_to_num(stats.rankdata(values, nan_policy="omit") / len(rows), nan=0.5) - 0.5
            )
            parts += [3.5 * rank, 13 * (rank**2 - 1 / 12)]
    for other in sheet.columns(Kind.CATEGORY, Kind.FLAG):
        codes, values = sheet.codes(other)
        if other != skip and 1 < len(values) <= 60:
            common = pd.Series(codes[rows]).value_counts().index[:12]
            parts += [(codes[rows] == code).astype(float) for code in common]
    return np.column_stack(parts) if parts else np.empty((len(rows), 0))


def missing_by_group(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find groups of people or orders whose share of missing values differs."""
    looked = [(*place, *group) for place in _judgeable(book) for group in _groups(*place[:2])]
    if not looked:
        raise NotApplicable("no field lacks 30 values or more beside a grouping field")
    tests = [
        (sheet, column, f"{name} is {words[level]}", empty, codes == level)
        for sheet, column, empty, name, codes, words in looked
        for level in np.unique(codes[codes >= 0]).astype(int)
        if 30 <= (codes == level).sum() < sheet.n
    ]
    shares = [_two_shares(empty, member) for *_, empty, member in tests]
    p_values = holm([p for *_, p in shares])
    sides = [
        0 if p >= 0.01 else int(low > rule.limit) - int(high < 1 / rule.limit)
        for (low, high, _), p in zip(shares, p_values, strict=True)
    ]
    more = {(test[0].name, test[1]) for test, side in zip(tests, sides, strict=True) if side > 0}
    for (sheet, column, place, empty, member), side in zip(tests, sides, strict=True):
        # Where one group lacks more, the others lack less: the first is what is named.
        if side > 0 or (side < 0 and (sheet.name, column) not in more):
            note = f"{column} is missing in {empty[member].mean():.1%} where {place}"
            note += f", in {empty[~member].mean():.1%} elsewhere"
            yield Hit(sheet.name, (column,), np.flatnonzero(empty & member), sheet.n, note)


def _groups(sheet: Sheet, column: str) -> Iterator[tuple[str, np.ndarray, list[str]]]:
    for name in GROUPS:
        if name in sheet and name != column and 1 < len(sheet.codes(name)[1]) <= 60:
            yield name, sheet.codes(name)[0], sheet.words(name)
    for name in ("age", "birth_year"):
        if name in sheet and name != column and np.isfinite(sheet.number(name)).sum() > 100:
            fifths = pd.qcut(sheet.number(name), 5, labels=False, duplicates="drop")
            yield name, fifths, [f"in fifth {k} of 5" for k in range(1, 6)]  # type: ignore[misc]


def _two_shares(empty: np.ndarray, member: np.ndarray) -> tuple[float, float, float]:
    """Return the 95 % interval of the ratio of missing shares (group to rest) and its p-value."""
    a, n = int(empty[member].sum()), int(member.sum())
    b, m = int(empty[~member].sum()), int((~member).sum())
    p = (
        float(stats.fisher_exact([[a, n - a], [b, m - b]])[1])
        if n + m < 5000
        else _chi2(a, n, b, m)
    )
    ratio = np.log((a + 0.5) / (n + 1)) - np.log((b + 0.5) / (m + 1))
    spread = 1.96 * np.sqrt(1 / (a + 0.5) + 1 / (b + 0.5))
    return float(np.exp(ratio - spread)), float(np.exp(ratio + spread)), p


def _chi2(a: int, n: int, b: int, m: int) -> float:
    pooled = (a + b) / (n + m)
    if pooled in (0.0, 1.0):
        return 1.0
    z = (a / n - b / m) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return float(2 * stats.norm.sf(abs(z)))


def missing_by_month(book: Book, rule: Rule) -> Iterator[Hit]:
    """Months in which the share of missing values moves, with evidence."""
    looked = False
    for sheet, column, empty in _judgeable(book):
        when = sheet.when()
        if when is None or np.isnat(when).all():
            continue
        looked = True
        months, names = pd.factorize(when.astype("datetime64[M]"), use_na_sentinel=True)
        overall, level = float(empty.mean()), 1 - 0.01 / max(1, len(names))
        for code in range(len(names)):
            inside = months == code
            interval = wilson(int(empty[inside].sum()), int(inside.sum()), level=level)
            if interval.low > overall + rule.limit or interval.high < overall - rule.limit:
                month, share = str(names[code])[:7], empty[inside].mean()
                note = f"{column} missing {share:.1%} in {month}, {overall:.1%} overall"
                yield Hit(sheet.name, (column,), np.flatnonzero(inside & empty), sheet.n, note)
    if not looked:
        raise NotApplicable("no dated field lacks 30 values or more")


def filled_without_flag(book: Book, rule: Rule) -> Iterator[Hit]:
    """Find filled values with no column beside them that says which were filled."""
    limit = 6.0
    for sheet, column, (rows, count, expected, centre) in _spikes(book):
        flagged = [c for c in sheet.columns(Kind.FLAG, Kind.NUMBER) if FLAG_NAME.search(c)]
        told = any(sheet.flag(c)[rows].mean() > 0.8 for c in flagged)
        if (count > limit * expected[0] or expected[1] > limit) and not told and count > rule.limit:
            note = (
                f"{count:,} values of {column} look filled in with the {centre}; no column says so"
            )
            yield Hit(sheet.name, (column,), rows, sheet.n, note)


CHECKS = {
    "DQ-M-01": missing_share,
    "DQ-M-02": disguised_missing,
    "DQ-M-03": imputation_footprint,
    "DQ-M-04": missing_depends,
    "DQ-M-05": missing_by_group,
    "DQ-M-06": missing_by_month,
    "DQ-M-07": filled_without_flag,
}
