"""Does the model remember instead of learn? OF-01, 03, 04, 05, 06, 16."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.overfitting.examination import Examination, answer
from segwork.overfitting.learning import chance_error, grid_edges
from segwork.overfitting.roc import Estimate
from segwork.results import Status

# Usual forests and boosting on an additive world lose 0.02 to 0.09 to logistic regression, trees
# that memorise 0.13 to 0.24 (bench ``model_audits``): the first is a choice, the second a fault.
HARM, HARM_FOR_SURE = 0.10, 0.05
LOW_FOLD = 0.02
ONE_SIDED = 2.33  # standard errors of a one-sided 1 %


@check("OF-01")
def optimism(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Training promises more than held-out rows give, and a simpler model wins."""
    cross = x.main
    gap = cross.train - cross.held.value
    text = f"area {cross.train:.3f} in training, {cross.held.value:.3f} held out"
    if cross.train - cross.held.interval().high <= rule.limit:
        yield answer(rule, False, text, value=gap)
    elif _harmful(x.rival[1]):
        yield answer(rule, True, f"{text}; {_rival_text(*x.rival)}", value=gap)
    else:
        yield answer(rule, False, f"{text}, yet no simpler model does much better", value=gap)


@check("OF-03")
def harm(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Complexity that costs: a simple model is clearly better on the same rows."""
    cross = x.main
    if cross.train - cross.held.interval().high <= rule.limit:
        gap = cross.train - cross.held.value
        yield answer(rule, False, f"training and held-out area differ by {gap:.3f}")
        return
    ahead, bad = x.rival[1], _harmful(x.rival[1])
    text = _rival_text(*x.rival)
    if not bad:
        simpler = ahead.interval().low > 0
        text += "; a simpler model would do" if simpler else "; no harm shown"
    yield answer(rule, bad, text, value=ahead.value, interval=ahead.interval())


def _harmful(ahead: Estimate) -> bool:
    return ahead.value >= HARM and ahead.interval().low > HARM_FOR_SURE


def _rival_text(name: str, ahead: Estimate) -> str:
    span = ahead.interval()
    return (
        f"a simple rival ({name}) is {ahead.value:+.3f} in area against it"
        f" (95 % interval {span.low:+.3f} to {span.high:+.3f})"
    )


@check("OF-04")
def folds_apart(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """One fold far below the others, in standard errors of a fold."""
    areas, errors = x.main.by_fold.T
    errors = np.maximum(errors, max(float(np.median(errors)), 1e-9))  # a few rows may show none
    lowest = int(np.argmin((areas - areas.mean()) / errors))
    depth = float((areas.mean() - areas[lowest]) / errors[lowest])
    text = (
        f"area by fold {areas.min():.3f} to {areas.max():.3f}; the lowest lies {depth:.1f} standard"
        " errors below the mean"
    )
    bad = depth > rule.limit and areas.mean() - areas[lowest] > LOW_FOLD
    yield answer(rule, bad, text, value=depth)


@check("OF-05")
def still_learning(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Is the learning curve still rising, and did every fit converge?"""
    curve = x.learning_curve
    if len(curve) < 2:
        raise NotApplicable("too few rows for a learning curve")
    fits = (x.crosses, x.rival, x.later, x.shuffled, x.seed_spread)
    rise = float(curve["holdout"].iloc[-1] - curve["holdout"].iloc[-2])
    text = f"the last third of the rows moved the held-out area by {rise:+.3f}"
    if fits and "ConvergenceWarning" in x.sampled.warned:
        text += "; some fits did not converge"
    rising = rise > rule.limit and curve["low"].iloc[-1] > curve["holdout"].iloc[-2]
    status = Status.INCONCLUSIVE if rising else Status.PASSED
    yield Evidence(value=rise, note=text, status=status)


@check("OF-06")
def edge_of_grid(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Did a search for the strength of regularisation end at the edge of its grid?"""
    edges = grid_edges(x.sampled)
    if edges is None:
        raise NotApplicable("the estimator does not search a grid")
    if not edges:
        yield answer(rule, False, "the chosen strength lies inside the grid")
        return
    yield answer(rule, True, f"clearly best at the edge of the grid: {', '.join(edges)}; widen it")


@check("OF-16")
def luck(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Is the score above what the same model reaches on shuffled labels?"""
    error = chance_error(x.held_codes, len(x.sampled.classes))
    area, ahead = x.main.held.value, x.main.held.value - x.shuffled
    text = f"area {area:.3f}, with shuffled labels {x.shuffled:.3f} ± {error:.3f}"
    if ahead <= ONE_SIDED * error and ONE_SIDED * error > rule.limit:
        raise Inconclusive(f"{text}; too few rows to tell")
    yield answer(rule, ahead <= ONE_SIDED * error, text, value=ahead)
