"""What the checks of a model look at: its rows and their design, and every fit made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segwork.checks import Evidence, Inconclusive, Rule
from segwork.errors import UsageError
from segwork.overfitting import learning, operating, periods, splits
from segwork.overfitting.calibration import are_probabilities
from segwork.overfitting.duplicates import Duplicates, find_duplicates
from segwork.overfitting.metrics import class_metrics
from segwork.overfitting.problem import Problem
from segwork.overfitting.roc import Estimate
from segwork.overfitting.single_features import SingleFeature, single_features
from segwork.overfitting.splits import CrossScore, Folds, cross_score
from segwork.results import Status

FEWEST = 10
REPEATS = 2
PROVENANCES = ("validation", "costs", "holdout")
SUSPECT_AUC, SUSPECT_LEAD, STRONG_AUC = 0.70, 0.05, 0.80
WEAKER = 0.20


@dataclass(frozen=True)
class Design:
    """What is known about the rows and the use of the model; every field may be left open.

    Attributes
    ----------
    holdout : array-like of bool, shape (n,)
        The rows held out by a split made elsewhere, to be examined itself.
    known_at : str or mapping of feature to str or date
        "before decision", "after decision" or a date (with ``as_of``); one word answers for all
        features. Features known too late are refused: left out of every fit, and their effect on
        the area is printed.
    as_of : date
        Day of the decision; with ``label_days`` rows whose label was still open are found.
    label_days : int
        Length of the label window in days.
    costs : mapping
        ``missed`` and ``false_alarm`` of the rarer class, for the threshold.
    recall_floor : float
        Recall no class may clearly fall below; by default that of a blind choice, one over the
        number of classes (0.50 for two).
    threshold_from : {"validation", "costs", "holdout"}
        Where a threshold fixed in the estimator comes from.
    prior : float
        Share of the rarest class in the population.
    max_rows : int, default 10,000
        Rows used for repeated fits; counts of rows always use all.
    """

    holdout: ArrayLike | None = None
    known_at: str | Mapping[str, str | date] | None = None
    as_of: date | None = None
    label_days: int | None = None
    costs: Mapping[str, float] | None = None
    recall_floor: float | None = None
    threshold_from: str | None = None
    prior: float | None = None
    max_rows: int = 10_000

    def __post_init__(self) -> None:
        if self.threshold_from not in (None, *PROVENANCES):
            given = str(self.threshold_from)
            raise UsageError.unknown("threshold_from", given, PROVENANCES, where="check")

    def held_out(self, n: int) -> np.ndarray | None:
        """Return the rows held out elsewhere, shape (n,)."""
        if self.holdout is None:
            return None
        mask = np.asarray(self.holdout).ravel()
        if len(mask) != n or mask.dtype != bool or not 0 < mask.sum() < n:
            raise UsageError(
                f"holdout has {len(mask)} values of type {mask.dtype} for {n} rows of X",
                accepted="True for held-out rows and False for rows learned from, both present",
            )
        return mask

    def moments(self, features: list[str]) -> dict[str, str | date]:
        """Return when each declared feature is known; one word was said about all of them."""
        if isinstance(self.known_at, str):
            return dict.fromkeys(features, self.known_at)
        unknown = [name for name in self.known_at or {} if name not in features]
        if unknown:
            raise UsageError.unknown("feature", unknown[0], features, where="known_at")
        return dict(self.known_at or {})

    def refused(self, features: list[str]) -> list[str]:
        """Return the features declared as known only after the decision.

        Raises
        ------
        UsageError
            A declared name is no feature, or a moment is neither a date, "before …" nor "after …".
        """
        found = [name for name, moment in self.moments(features).items() if self._late(moment)]
        if len(found) == len(features):
            raise UsageError(
                "every feature is known only after the decision", accepted="one before it"
            )
        return found

    def _late(self, moment: str | date) -> bool:
        word = moment.lower() if isinstance(moment, str) else ""
        if word.startswith(("before", "after")):
            return word.startswith("after")
        try:
            day = pd.Timestamp(moment)
        except (ValueError, TypeError):
            raise UsageError(
                f"known_at says {moment!r}", accepted="a date, 'before decision' or 'after …'"
            ) from None
        if self.as_of is None:
            raise UsageError(f"known_at says {moment!r}", accepted="as_of beside it")
        return bool(day >= pd.Timestamp(self.as_of))


@dataclass(frozen=True)
class Examination:
    """A model under examination: all its rows, their design, and what the fits have shown.

    Every fit is made on first use and once. Where a class has too few rows for any fit, asking
    for one raises :class:`segwork.checks.Inconclusive`.
    """

    whole: Problem
    design: Design

    @cached_property
    def refused(self) -> list[str]:
        """Features known too late."""
        return self.design.refused(list(self.whole.X))

    @cached_property
    def declared(self) -> set[str]:
        """Features somebody has said when they are known."""
        return set(self.design.moments(list(self.whole.X)))

    @cached_property
    def held(self) -> np.ndarray | None:
        """The rows held out elsewhere."""
        return self.design.held_out(len(self.whole))

    @cached_property
    def problem(self) -> Problem:
        """All rows without the refused features."""
        return self.whole.without(self.refused)

    @cached_property
    def rows(self) -> np.ndarray:
        """Positions of the rows that fits use."""
        return splits.subsample(self.problem, self.design.max_rows)

    @cached_property
    def sampled(self) -> Problem:
        """The rows that fits use."""
        sampled = self.problem.take(self.rows)
        if sampled.counts.min() < FEWEST:
            raise Inconclusive(f"a class has fewer than {FEWEST} rows")
        return sampled

    @cached_property
    def folds(self) -> Folds:
        """The folds of the strictest split without regard to time."""
        return self._grouped or splits.random_folds(self.sampled)

    @cached_property
    def _grouped(self) -> Folds:
        groups = self.sampled.groups
        repeated = groups is not None and groups.max() + 1 < len(self.sampled)
        return splits.usable(self.sampled, splits.grouped_folds(self.sampled)) if repeated else []

    @cached_property
    def crosses(self) -> dict[str, CrossScore]:
        """The model under every split that applies."""
        found = {
            "random": cross_score(self.sampled, splits.random_folds(self.sampled, repeats=REPEATS))
        }
        if self._grouped:
            found["grouped"] = cross_score(self.sampled, self._grouped)
        if self.sampled.time is not None and (
            ordered := splits.usable(self.sampled, splits.time_folds(self.sampled))
        ):
            found["time-ordered"] = cross_score(self.sampled, ordered)
        return found

    @cached_property
    def with_refused(self) -> CrossScore:
        """What the refused features would have promised."""
        refused = self.whole.take(self.rows)
        return cross_score(refused, splits.random_folds(refused, repeats=REPEATS))

    @property
    def main(self) -> CrossScore:
        """The split by customer where there is one, else the random one."""
        return self.crosses.get("grouped", self.crosses["random"])

    @property
    def held_codes(self) -> np.ndarray:
        """True classes of the rows held out in the main split."""
        return self.sampled.codes[self.main.rows]

    @property
    def held_scores(self) -> np.ndarray:
        """Scores of the rows held out in the main split."""
        return self.main.scores[self.main.rows]

    @cached_property
    def rival(self) -> tuple[str, Estimate]:
        """The strongest simple model, and how far it is ahead."""
        return learning.strongest_rival(self.sampled, self.folds, self.main)

    @cached_property
    def later(self) -> periods.LaterPeriod | str:
        """The area before and after a cut in time."""
        return periods.later_scores(self.sampled)

    @cached_property
    def shuffled(self) -> float:
        """The area on shuffled labels."""
        return learning.shuffled_area(self.sampled)

    @cached_property
    def learning_curve(self) -> pd.DataFrame:
        """Area by rows learned from."""
        return learning.learning_curve(self.sampled)

    @cached_property
    def seed_spread(self) -> float | None:
        """Standard deviation of the area over model seeds."""
        return learning.seed_spread(self.sampled)

    @cached_property
    def singles(self) -> list[SingleFeature]:
        """Every feature alone, on all rows, strongest first."""
        return single_features(self.whole)

    @cached_property
    def sampled_singles(self) -> list[SingleFeature]:
        """Every feature alone, on the rows that fits use."""
        return single_features(self.sampled)

    @cached_property
    def rules(self) -> tuple[pd.DataFrame, float] | str:
        """Rules before and after the clearest of three cuts, and its share of the rows."""
        return periods.rules_by_end(self.problem)

    @cached_property
    def plain(self) -> Problem:
        """All rows; of a split made elsewhere, customers and time are left to its own checks."""
        return self.whole.unordered() if self.held is not None else self.whole

    @cached_property
    def duplicates(self) -> Duplicates:
        """Repeated rows beyond chance."""
        return find_duplicates(self.plain)

    @cached_property
    def decided(self) -> tuple[np.ndarray, float | None]:
        """Decisions about the held-out rows, and the threshold where cost chose one."""
        return operating.decisions(self.sampled, self.main, costs=self.design.costs)

    @cached_property
    def classes(self) -> pd.DataFrame:
        """Every class at the operating point, the rarest first."""
        names, seed = self.sampled.classes, self.sampled.seed
        decided = self.decided[0]
        return class_metrics(self.held_codes, decided, self.held_scores, classes=names, seed=seed)

    @cached_property
    def segments(self) -> pd.DataFrame | str:
        """Segments and the error they have beyond what was announced, or why there are none."""
        event = self.held_codes == self.sampled.rare
        few = min(event.sum(), (~event).sum()) < operating.FEWEST_EVENTS
        if not are_probabilities(self.held_scores) or few:
            return "no probabilities, or too few events"
        table = operating.segment_errors(self.sampled, self.main, margin=WEAKER)
        return table if len(table) else f"no segment of {operating.SMALLEST_SEGMENT} rows"

    @cached_property
    def suspects(self) -> pd.DataFrame:
        """Features that stand out while nobody has said when they are known."""
        rows = []
        for place, single in enumerate(self.singles):
            following = self.singles[place + 1].area.value if place + 1 < len(self.singles) else 0.5
            lead = single.area.value - following
            strong = single.area.value >= SUSPECT_AUC and place == 0 and lead >= SUSPECT_LEAD
            if single.name not in self.declared and (strong or single.area.value >= STRONG_AUC):
                rows.append((single.name, single.area.value, lead))
        return pd.DataFrame(rows, columns=["column", "auc_alone", "ahead_of_next"])


def answer(rule: Rule, alarm: bool, note: str, **found: object) -> Evidence:
    """Return evidence judged by a test of the check's own."""
    return Evidence(note=note, status=rule.alarm if alarm else Status.PASSED, **found)
