"""The first screen: what was found about fairness, what it means, what to do."""

from __future__ import annotations

from collections.abc import Mapping

from segwork.fairness.decisions import AgeTests
from segwork.fairness.segments import SegmentFairness
from segwork.results import Status, Verdict, display

OPEN = (Status.INCONCLUSIVE, Status.NOT_APPLICABLE)


def verdict(
    tests: AgeTests | None, segments: Mapping[str, SegmentFairness], *, currency: str = ""
) -> Verdict:
    """Put the tests of a decision and of segments into words.

    Parameters
    ----------
    tests : AgeTests or None
        None where the data hold no such decision.
    segments : mapping of attribute to SegmentFairness
        Empty where there are no segments, or nothing is known about their people.
    currency : str
        Of the price.
    """
    parts = [_decision(tests, currency) if tests else ("No decision about people to test.", "", "")]
    parts += [_segments(attribute, found) for attribute, found in segments.items()]
    if not segments:
        parts.append(("No segments whose people's age and gender are known.", "", ""))
    found, means, do = (" ".join(filter(None, column)) for column in zip(*parts, strict=True))
    return Verdict(
        found,
        means or "Nothing here says that people are treated alike, or that they are not.",
        do or "Nothing to do until there is something to test.",
    )


def _decision(tests: AgeTests, currency: str) -> tuple[str, str, str]:
    price, decided, flip = tests.pairs["premium"], tests.pairs["risk"], tests.flips["risk"]
    withheld = tests.pairs["risk_age_withheld"]
    found = (
        f"{_price(tests, currency)}. Of a hundred of them the model decides against"
        f" {_points(decided.gap)} than of customers alike in risk, and"
        f" {_points(withheld.gap)} when it is not told their age."
    )
    failed = Status.FAILED
    bad = {
        f"pay {'more' if price.gap > 0 else 'less'} for their age alone": price.status is failed,
        "are decided about by the model for their age itself": flip.status is failed,
        "are decided about differently though alike in risk": decided.status is failed,
    }
    told = [what for what, is_bad in bad.items() if is_bad]
    group = price.groups[1]
    if not told and any(test.status in OPEN for test in (price, flip, decided)):
        means = f"Whether customers {group} are treated differently cannot be told."
        return found, means, "Collect more cases before anybody calls this fair."
    if not told:
        means = f"No difference of the size of the limits for customers {group} alike in risk."
        return found, means, "Nothing; look again when prices or model change."
    means = f"Customers {group} {_listed(told)}."
    do = "Take the price or the model back to who owns it, with the pairs as evidence."
    if withheld.status is failed:
        do += " Withholding age does not mend it: pairs still differ."
    return found, means, do


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _price(tests: AgeTests, currency: str) -> str:
    pairs = tests.pairs["premium"]
    second, first = pairs.groups[1], pairs.groups[0]
    low, high = sorted(abs(b) for b in (pairs.interval.low, pairs.interval.high))
    if not pairs.n_pairs or pairs.gap != pairs.gap:
        return f"Too few customers {second} alike in record to {first} to compare prices"
    money = f"{currency} {display(float(round(abs(pairs.gap))))}".strip()
    share = display(abs(pairs.gap) / tests.mean_price, "share")
    word = "more" if pairs.gap > 0 else "less"
    clear = pairs.interval.low * pairs.interval.high > 0
    span = f" ({display(float(round(low)))} to {display(float(round(high)))})" if clear else ""
    sure = "" if clear else ", which could be chance"
    return (
        f"{display(pairs.n_pairs)} customers {second} pay {money}{span}, {share}, {word} than"
        f" customers {first} with the same record and profile{sure}"
    )


def _points(gap: float) -> str:
    if gap != gap:
        return "an unknown number"
    word = "more" if gap >= 0 else "fewer"
    return f"{abs(100 * gap):.1f} {word}"


def _segments(attribute: str, found: SegmentFairness) -> tuple[str, str, str]:
    skewed = int((found.composition["status"] == Status.FAILED.value).sum())
    unequal = int((found.treatment["status"] == Status.FAILED.value).sum())
    text = (
        f"By {attribute}, {skewed} of {len(found.composition)} groups in segments are over- or"
        f" under-represented, and {unequal} treatments inside a segment differ."
    )
    if unequal:
        means = f"People of one segment are treated differently by {attribute}."
        return text, means, f"Treat one segment alike, or name the reason behind {attribute}."
    if found.status in (Status.FAILED, Status.WARNED):
        means = f"Segments stand in for {attribute} to a degree: an offer to one is an offer by it."
        return text, means, f"Give no price or service by segment that {attribute} may not decide."
    return text, "", ""
