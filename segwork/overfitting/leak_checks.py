"""Does the model know what it could not have known? OF-07, 10, 11, 12, 13, 17."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import binom, binomtest, norm

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.overfitting.duplicates import between_neighbours, column_hashes
from segwork.overfitting.examination import FEWEST, Examination, answer
from segwork.overfitting.operating import fixed_threshold
from segwork.overfitting.roc import Estimate, macro_auc, pooled
from segwork.overfitting.single_features import SingleFeature, search_evidence, strengths
from segwork.results import Status

LEAK_FLOOR, COVERED = 0.85, 0.30
SURE = 1e-4
ON_LINES = 0.05
MULTIPLIED = 0.8  # share of all repeats that belong to the class
SEARCH_CUT = 1.8  # standard errors
FEWEST_TO_JUDGE = 30  # rows of each class
HIDDEN = 0.01  # share of the rows that may repeat unseen where the check passes


@check("OF-07")
def copied_rows(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Rows on both sides of the user's split, or rows that any random split would part."""
    copies = x.duplicates
    if x.held is not None:
        keys = column_hashes(x.plain)[0].sum(axis=1, dtype=np.uint64)
        rows = np.flatnonzero(x.held)[np.isin(keys[x.held], keys[~x.held])]
        of, repeated = int(x.held.sum()), len(rows)
        text = f"{repeated:,} of {of:,} held-out rows are also among the rows learned from"
    else:
        rows, of = np.flatnonzero(copies.surplus), len(x.whole)
        repeated = int(copies.repeats.sum())
        text = f"{repeated:,} of {of:,} rows repeat an earlier row in every feature and the label"
    text += f" ({copies.expected_pairs:,.1f} such pairs expected by chance)"
    if copies.real and len(rows):
        yield answer(rule, True, text, rows=rows, of=of)
    elif repeated and copies.unseen > HIDDEN * of:
        raise Inconclusive(
            f"{text}; features this coarse, or customers who stand still, would hide"
            f" {copies.unseen:,.0f} copies: give a column that names the row"
        )
    else:
        text += "; coincidence makes as many" if repeated else ""
        yield answer(rule, False, text, n=0, of=of)


@check("OF-10")
def leaks(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Features that know the label, or that are declared as known too late; and suspects."""
    if x.whole.counts.min() < FEWEST and not x.refused:
        raise Inconclusive(f"a class has fewer than {FEWEST} rows")
    found = [s for s in x.singles if s.name not in x.declared and _gives_away(s, rule.limit)]
    # One question for everything nobody has answered for, so that nobody is asked twice.
    asked = tuple(dict.fromkeys([s.name for s in found] + list(x.suspects["column"])))
    ask = f"say when they are known, in one known_at: {', '.join(asked)}"
    if x.refused:
        text = f"{', '.join(x.refused)}: declared as not known at the time of the decision,"
        text += f" left out; {ask}" if asked else " left out"
        yield answer(rule, True, text, columns=(*x.refused, *(s.name for s in found)))
    elif found:
        told = "; ".join(_told(single, rule.limit) for single in found)
        names, worst = tuple(s.name for s in found), found[0].area
        text = f"stronger than an honest feature is: {told}; {ask}"
        yield answer(rule, True, text, columns=names, value=worst.value, interval=worst.interval())
    elif asked:
        text = f"nobody has declared when what stands out is known; {ask}"
        yield Evidence(columns=asked, note=text, status=Status.INCONCLUSIVE)
    else:
        best = x.singles[0]
        text = f"{best.name} alone reaches an area of {best.area.value:.3f}"
        yield answer(rule, False, f"no feature gives the label away; {text}")


def _gives_away(single: SingleFeature, limit: float) -> bool:
    strong = single.area.value > limit and single.area.interval().low > LEAK_FLOOR
    return strong or single.pure >= COVERED


def _told(single: SingleFeature, limit: float) -> str:
    if single.area.value > limit:
        return f"{single.name} alone reaches an area of {single.area.value:.3f}"
    return f"{single.name} marks {single.pure:.0%} of the rarest class and almost nobody else"


@check("OF-11")
def selection(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Do the features look like the winners of a search through noise?

    Winners of a search stop dead at the cut and crowd above it (a truncated normal tail). Honest
    strengths scatter by at least one standard error. The two are compared by likelihood, once for
    linear and once for rank correlation, as nobody knows which one a search has used.
    """
    found = [search_evidence(strengths(x.problem, ranks)) for ranks in (False, True)]
    known = [item for item in found if item]
    if not known:
        raise NotApplicable("fewer than five comparable features")
    evidence, cut, n = max(known)
    text = f"the weakest of {n} features lies {cut:.1f} standard errors from nothing"
    if cut > SEARCH_CUT and evidence > rule.limit:
        tried = n / (2 * norm.sf(cut))
        text += f"; they crowd above it like the best of about {tried:,.0f} columns of noise"
        yield answer(rule, True, text, columns=tuple(x.problem.X)[:20], value=evidence)
    else:
        text = f"{text}; no sign of a search outside the folds"
        yield answer(rule, False, text, value=evidence)


@check("OF-12")
def multiplied(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Look for copies, or points on lines between neighbours, that belong to one class."""
    rows, copies = x.plain, x.duplicates
    surplus = np.bincount(rows.codes[copies.surplus], minlength=len(rows.classes))
    distinct = rows.counts - surplus
    k = int(np.argmax(surplus / np.maximum(distinct, 1)))
    n, share = int(surplus[k]), distinct[k] / distinct.sum()
    mostly = distinct[k] == distinct.min() and n >= MULTIPLIED * surplus.sum()
    if copies.real and mostly and binom.sf(n - 1, int(surplus.sum()), share) < SURE:
        text = f"{n:,} of {rows.counts[k]:,} rows of class {rows.classes[k]} are copies of others"
        yield answer(rule, True, text, n=n, of=int(rows.counts[k]))
        return
    shares = [between_neighbours(rows, k) for k in range(len(rows.classes))]
    k = int(np.argmax(shares))
    if shares[k] - min(shares) > ON_LINES:
        n, of = round(shares[k] * rows.counts[k]), int(rows.counts[k])
        text = f"about {n:,} of {of:,} rows of class {rows.classes[k]} lie exactly between two"
        yield answer(rule, True, f"{text} others, as synthetic rows do", n=n, of=of)
        return
    n, of, prior = int(rows.counts[rows.rare]), len(rows), x.design.prior
    if prior is None:
        yield answer(rule, False, "no class was multiplied before the split", n=0, of=of)
        return
    text = f"class {rows.classes[rows.rare]} is {n / of:.1%} of the rows, {prior:.1%} in reality"
    bad = binomtest(n, of, prior).pvalue < SURE
    yield answer(rule, bad, text, n=n if bad else 0, of=of, value=n / of)


@check("OF-13")
def threshold_origin(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Ask where a fixed threshold comes from: it may be the holdout."""
    value, origin = fixed_threshold(x.problem.estimator), x.design.threshold_from
    if origin == "holdout":
        value, text = None, "the threshold was chosen on the held-out rows it is judged on"
    elif value is None:
        text, origin = "thresholds are chosen on validation rows and judged on others", "validation"
    elif origin is None:
        text = f"the threshold {value:g} is fixed and nobody says on which rows it was chosen"
        text += ": set threshold_from"
    else:
        text = f"the threshold {value:g} comes from {origin}"
    yield answer(rule, origin in (None, "holdout"), text, value=value)


@check("OF-17")
def one_rule(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Is the model better than the best single feature on the same rows?"""
    if x.sampled.X.shape[1] < 2:
        raise NotApplicable("there is one feature only")
    name, alone = _best_alone(x)
    gain = x.main.held.minus(alone)
    span = gain.interval()
    text = (
        f"the model is {gain.value:+.3f} (95 % interval {span.low:+.3f} to {span.high:+.3f}) in"
        f" area against the best feature alone ({name})"
    )
    worse = span.high < rule.limit and x.sampled.counts.min() >= FEWEST_TO_JUDGE
    if span.low <= 0 and not worse:
        status, text = Status.INCONCLUSIVE, f"{text}; more rows decide"
        yield Evidence(value=gain.value, interval=span, note=text, status=status)
        return
    bad = span.low <= 0
    columns = (name,) if bad else ()
    yield answer(rule, bad, text, columns=columns, value=gain.value, interval=span)


def _best_alone(x: Examination) -> tuple[str, Estimate]:
    """Name of the best feature; area, held out, of the one that is best on the rows learned from.

    Chosen on the rows that judge it, the best of twelve like features looks 0.01 too good.
    """
    codes, singles = x.sampled.codes, x.sampled_singles
    parts = []
    for learn, held in x.folds:
        best = max(singles, key=lambda one: macro_auc(codes[learn], one.score[learn]).value)
        parts.append((held, macro_auc(codes[held], best.score[held])))
    return singles[0].name, pooled(parts, len(codes), x.sampled.groups)
