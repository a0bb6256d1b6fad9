"""The model at work: the recall of rare classes, weak segments, calibration. OF-14, 18, 20."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from segwork.checks import Evidence, Inconclusive, NotApplicable, Rule, check
from segwork.evidence import wilson
from segwork.overfitting import operating
from segwork.overfitting.calibration import are_probabilities, calibration_line, expected_error
from segwork.overfitting.examination import Examination, answer
from segwork.results import Interval, Status, display

SURE = 0.01
SLOPE_HIGH, SKILL_LOST = 1.25, 0.10  # the alarm is for promising too much


@check("OF-14")
def recall(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Recall of every class at the operating threshold, the rarest first.

    Where the threshold was chosen by cost, the other class of two pays for it and is only told.
    """
    problem, codes, decided = x.sampled, x.held_codes, x.decided[0]
    floor = x.design.recall_floor or 1 / len(problem.classes)
    why = operating.own_decision(problem, x.main)
    by_cost = not why and len(problem.classes) == 2
    worst, told = Status.PASSED, []
    for k in problem.rarest_first:
        n, hit = int((codes == k).sum()), int(((codes == k) & (decided == k)).sum())
        span = wilson(hit, n)
        found = f"{problem.classes[k]} {hit / max(n, 1):.1%} ({span.low:.1%} to {span.high:.1%})"
        if n < operating.FEWEST_EVENTS:
            worst = Status.INCONCLUSIVE if worst is Status.PASSED else worst
            found += f" of only {n}"
        elif span.high < floor and not (by_cost and k != problem.rare):
            worst = rule.alarm
            found += f", below {display(floor, 'share')}"
        told.append(found)
    rare = codes == problem.rare
    missed, of = int((rare & (decided != problem.rare)).sum()), int(rare.sum())
    at = why or "the threshold of lowest cost on validation rows"
    value, span = 1 - missed / max(of, 1), wilson(of - missed, of)
    text = f"at {at}: {'; '.join(told)}"
    yield Evidence(n=missed, of=of, value=value, interval=span, note=text, status=worst)


@check("OF-18")
def weak_segments(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Segments where the model errs clearly more than a fifth beyond what it expects."""
    if isinstance(x.segments, str):
        raise NotApplicable(x.segments)
    of = len(x.held_codes)
    weak = x.segments[x.segments["p"] < SURE]
    if weak.empty:
        text = f"{len(x.segments)} segments looked at; none errs much more than announced"
        yield answer(rule, False, text, n=0, of=of)
        return
    worst = weak.sort_values("p", kind="stable").iloc[0]
    excess = float(worst["excess_error"])
    text = (
        f"{len(weak)} segments err more than announced; around {worst['column']} ="
        f" {display(worst['value'])} by {excess:.0%}"
    )
    columns, n = tuple(dict.fromkeys(weak["column"])), int(weak["n"].sum())
    yield answer(rule, True, text, columns=columns, n=n, of=of, value=excess)


@check("OF-20")
def calibration(x: Examination, rule: Rule) -> Iterator[Evidence]:
    """Slope and expected error of the rarest class's held-out probabilities.

    A slope that is too low held out and right on the rows learned from is optimism, which OF-01
    and OF-03 judge: it is said. The alarm is for probabilities that promise too much even there.
    """
    line = calibration_numbers(x)
    if isinstance(line, str):
        raise NotApplicable(line)
    text = (
        f"calibration slope {line['slope']:.2f} (95 % interval {line['low']:.2f} to"
        f" {line['high']:.2f}), intercept {line['intercept']:+.2f}, expected error"
        f" {line['error']:.3f}; its slope costs {line['skill_lost']:.0%} of the model's skill"
    )
    bad = False
    # Averages of many trees are too modest however honest they are: said, and no alarm.
    if line["low"] > SLOPE_HIGH:
        text += "; too modest: recalibrate before the probabilities themselves are used"
    elif line["high"] < rule.limit and line["skill_lost"] > SKILL_LOST:
        text += "; they promise too much: recalibrate before they are used as probabilities"
        rare = x.sampled.rare
        codes = np.concatenate([part[0] for part in x.main.learned])
        at_home = np.concatenate([part[1][:, rare] for part in x.main.learned])
        bad = calibration_line(codes == rare, at_home)["high"] < rule.limit
        text += ", even on the rows learned from" if bad else ""
    span = Interval(line["low"], line["high"])
    yield answer(rule, bad, text, value=line["slope"], interval=span)


def calibration_numbers(x: Examination) -> dict[str, float] | str:
    """Return slope, intercept and expected error of the rarest class, or why there are none."""
    scores, event = x.held_scores, x.held_codes == x.sampled.rare
    if not are_probabilities(scores):
        return "the model gives no probabilities"
    if min(event.sum(), (~event).sum()) < operating.FEWEST_EVENTS:
        raise Inconclusive(f"fewer than {operating.FEWEST_EVENTS} events or others")
    p = scores[:, x.sampled.rare]
    if np.ptp(p) < 1e-9:
        return "every row gets the same probability"
    return calibration_line(event, p) | {"error": expected_error(event, p)}
