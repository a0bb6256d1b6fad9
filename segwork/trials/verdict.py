"""The first screen: what was found about a model, what it means, what to do."""

from __future__ import annotations

from collections.abc import Mapping

from segwork.checks.gates import catalogue
from segwork.config import Limit
from segwork.evidence import decide
from segwork.overfitting import OverfittingCheck
from segwork.results import Status, Verdict, display
from segwork.trials.holdout import HoldoutTrial

LEAKS = ("OF-07", "OF-10", "OF-11", "OF-12", "OF-19")
FADING = ("OF-02", "OF-15")


def verdict(
    trial: HoldoutTrial, audit: OverfittingCheck, *, limits: Mapping[str, Limit]
) -> Verdict:
    """Put the chosen model's trial and its examination into words.

    Parameters
    ----------
    trial : HoldoutTrial
    audit : OverfittingCheck
        Of the chosen model.
    limits : mapping of gate code to Limit
        The user's own, as in the config.
    """
    worth, event = trial.worth(), trial.event.label
    recall, calibration = worth.recall_interval, trial.calibration_of(trial.chosen)
    alarms = set(audit.alarms["code"])
    answers = {
        "leak": _titles(audit, alarms & set(LEAKS)),
        "fading": _titles(audit, alarms & set(FADING)),
        "worth": worth.status,
        "missing": recall.high < _limit("SEG-O02", limits),
        "promises": decide(
            value=calibration[0], limit=_limit("SEG-O07", limits), interval=calibration[1]
        ),
    }
    found = (
        f"On {display(worth.n)} rows that chose nothing ({trial.split}), the model {trial.chosen}"
        f" finds {display(worth.recall, 'share')} of the {event} customers (95 % interval"
        f" {display(recall.low, 'share')} to {display(recall.high, 'share')})."
        f" {worth.words(str(event))}."
        f" Promised and observed shares lie {display(calibration[0], 'share')} apart."
    )
    means = f"{_use(answers)} {_trust(answers)}"
    return Verdict(found, means, _action(answers))


def _titles(audit: OverfittingCheck, codes: set[str]) -> str:
    table = audit.findings
    return ", ".join(table.loc[table["code"].isin(codes), "title"].str.lower())


def _limit(code: str, limits: Mapping[str, Limit]) -> float:
    given, gate = limits.get(code), catalogue()[code]
    bounds = (given.at_most, given.at_least) if given else (gate.at_most, gate.at_least)
    return next(float(bound) for bound in bounds if bound is not None)


def _use(answers: Mapping[str, object]) -> str:
    if answers["worth"] is Status.FAILED:
        return "Deciding by this model costs no less than contacting everybody, or nobody."
    if answers["worth"] is Status.INCONCLUSIVE:
        return "Whether deciding by this model saves anything cannot be told from these rows."
    missing = " It misses more of them than the limit allows." if answers["missing"] else ""
    return f"At these costs deciding by this model saves money.{missing}"


def _trust(answers: Mapping[str, object]) -> str:
    if answers["leak"]:
        return f"Its scores cannot be trusted: {answers['leak']}."
    told = f"What it learned fades with time: {answers['fading']}." if answers["fading"] else ""
    told = told or "No leak was found, and what it learned held in the later period."
    words = {
        Status.FAILED: "Its probabilities are not kept.",
        Status.PASSED: "Its probabilities are kept within the limit.",
    }
    unsure = "Whether its probabilities are kept within the limit is open."
    return f"{told} {words.get(answers['promises'], unsure)}"


def _action(answers: Mapping[str, object]) -> str:
    if answers["leak"]:
        return "Mend the data first; use no number of this page before."
    if answers["worth"] is not Status.PASSED:
        return "Do not choose customers by this model; keep the rule you have."
    if answers["missing"]:
        return (
            "Say what a missed customer costs: a higher cost lowers the threshold and finds more of"
            " them. Until then keep the rule you have."
        )
    fit = "Fit it again on recent quarters, then write" if answers["fading"] else "Write"
    budget = (
        ""
        if answers["promises"] is Status.PASSED
        else " Rank by it, and make no budget from its probabilities before they are recalibrated."
    )
    size = "in a trial of the size that page 50_overfitting gives"
    return f"{fit} to customers above the threshold, {size}.{budget}"
