"""Fairness: groups compared, real pairs matched, inputs flipped, segments looked at.

Four different questions, four answers side by side:

- :func:`group_metrics`: do outcomes and errors differ between groups?
- :func:`matched_pairs`: are real customers with the same risk profile treated differently?
- :func:`attribute_flip`: does the model itself use the attribute?
- :func:`segment_fairness` and :func:`proxies`: do segments or features stand in for it?

None of them proves that a system is fair; each can show a harm, or say that it cannot tell.
"""

from __future__ import annotations

from segwork.fairness.decision_rule import BASE_RATE_RULE, AboveBaseRate
from segwork.fairness.decisions import (
    AgeTests,
    DecisionTable,
    age_tests,
    decision_table,
    with_bands,
)
from segwork.fairness.flips import AttributeFlip, attribute_flip
from segwork.fairness.groups import GroupMetrics, group_metrics
from segwork.fairness.mitigation import Mitigation, mitigation_trials
from segwork.fairness.pairs import MatchedPairs, matched_pairs
from segwork.fairness.proxies import Proxies, proxies
from segwork.fairness.segments import SegmentFairness, segment_fairness
from segwork.fairness.verdict import Verdict, verdict

__all__ = [
    "BASE_RATE_RULE",
    "AboveBaseRate",
    "AgeTests",
    "AttributeFlip",
    "DecisionTable",
    "GroupMetrics",
    "MatchedPairs",
    "Mitigation",
    "Proxies",
    "SegmentFairness",
    "Verdict",
    "age_tests",
    "attribute_flip",
    "decision_table",
    "group_metrics",
    "matched_pairs",
    "mitigation_trials",
    "proxies",
    "segment_fairness",
    "verdict",
    "with_bands",
]
