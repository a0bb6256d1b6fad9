"""Moves between two labellings: counted by hand, by chance, renamed, entered and left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from segwork.dynamics import answer, mobility
from segwork.dynamics.mobility import corrected_stability
from segwork.errors import DataError
from segwork.plots import dynamics as plots


def labels(words: str, first: int = 0) -> pd.Series:
    """Return one letter per customer, numbered from ``first``."""
    return pd.Series(list(words), index=range(first, first + len(words)))


def test_small_table_by_hand() -> None:
    """Ten customers: 6 of 10 stay; chance 0.5·0.4 + 0.5·0.6 = 0.5; kappa 0.2."""
    found = mobility(labels("AAAAABBBBB"), labels("AAABBABBBB"[:5] + "ABBBB"))
    table = found.table.set_index(["from_segment", "to_segment"])

    assert table["n"].to_dict() == {("A", "A"): 3, ("A", "B"): 2, ("B", "A"): 1, ("B", "B"): 4}
    assert table.loc[("A", "B"), "share"] == 0.4
    assert table.loc[("A", "B"), "expected"] == pytest.approx(3.0)  # 5 × 6 / 10
    assert found.moved == pytest.approx(0.3)
    assert found.expected_moved == pytest.approx(0.5)
    assert found.stability_corrected == pytest.approx(0.4)
    assert found.low < found.moved < found.high
    assert (table["low"] < table["share"]).all()
    assert (table["share"] < table["high"]).all()


def test_entered_and_left_are_counted() -> None:
    """Who is in one labelling only, or has no segment in it, moves nowhere and is not lost."""
    before = labels("ABAB").where([True, True, True, False])
    found = mobility(before, labels("ABA", first=1))

    assert (found.n, found.entered, found.left) == (2, 1, 1)
    assert found.n + found.left == before.notna().sum()


def test_random_labels_have_no_memory() -> None:
    """Two independent labellings: corrected stability within 0.02 of zero, moves as by chance."""
    rng = np.random.default_rng(1)
    shares = [0.4, 0.3, 0.15, 0.1, 0.05]
    one, two = (pd.Series(rng.choice(list("ABCDE"), 20_000, p=shares)) for _ in range(2))
    found = mobility(one, two)

    assert abs(found.stability_corrected) <= 0.02
    assert found.moved == pytest.approx(found.expected_moved, abs=0.02)
    assert found.renamed == {}


def test_equal_labels_are_perfectly_stable() -> None:
    """The same labelling twice: nobody moved, corrected stability 1."""
    same = labels("AABBCCA")
    found = mobility(same, same)

    assert (found.moved, found.stability, found.stability_corrected) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "names", [{"A": "x", "B": "y", "C": "z"}, {"A": "B", "B": "C", "C": "A"}], ids=["new", "turned"]
)
def test_renamed_labels_are_matched(names: dict[str, str]) -> None:
    """Other names for the same segments are no movement, and the page says what was renamed."""
    before = labels("AAAABBBCC")
    after = before.map(names)
    found = mobility(before, after)

    assert found.stability_corrected == 1.0
    assert found.renamed == {new: old for old, new in names.items()}
    assert set(found.table["to_segment"]) == set("ABC")


def test_names_are_kept_where_they_can_mean_the_same() -> None:
    """Half a base that swaps two segments is movement, and ``match=False`` keeps any names."""
    before = labels("AAAAABBBBBCCCCCCCCCC")
    after = labels("BBBBBAAAAACCCCCCCCCC")

    assert mobility(before, after).moved == 0.5
    assert mobility(before, before.map({"A": "x", "B": "y", "C": "z"}), match=False).moved == 1.0
    assert mobility(before, after, match=True).moved == 0.0


def test_more_segments_after_than_before() -> None:
    """A segment without a partner keeps its name."""
    found = mobility(labels("AAABBB"), labels("xxxyyz"))

    assert found.renamed == {"x": "A", "y": "B"}
    assert set(found.table["to_segment"]) == {"A", "B", "z"}
    assert found.moved == pytest.approx(1 / 6)


def test_emptied_segment_and_one_segment() -> None:
    """A segment that empties stays in the table; one segment leaves nothing to correct."""
    found = mobility(labels("AABB"), labels("AAAA"))
    table = found.table.set_index(["from_segment", "to_segment"])
    alone = mobility(labels("AAA"), labels("AAA"))

    assert table.loc[("B", "A"), "n"] == 2
    assert table.loc[("B", "B"), "n"] == 0
    assert alone.stability == 1.0
    assert np.isnan(alone.stability_corrected)
    assert "stability_corrected" not in alone.facts()


def test_nobody_in_both() -> None:
    """Two bases without a shared customer: counts, and no number that would mean anything."""
    found = mobility(labels("AB"), labels("AB", first=5))

    assert (found.n, found.entered, found.left) == (0, 2, 2)
    assert np.isnan(found.moved)
    assert found.facts() == {"n": 0, "entered": 2, "left": 2}


def test_planted_mobility_of_forty_per_cent() -> None:
    """A base of which 40 % are moved is measured at 40 ± 2 %."""
    rng = np.random.default_rng(3)
    before = pd.Series(rng.integers(0, 5, 5_000))
    after = before.mask(rng.random(5_000) < 0.4, (before + rng.integers(1, 5, 5_000)) % 5)
    found = mobility(before, after)

    assert abs(found.moved - 0.4) <= 0.02
    assert found.low <= 0.4 <= found.high


def test_refusals_say_what_is_accepted() -> None:
    """No Series, or a customer twice, is refused in a sentence."""
    with pytest.raises(DataError, match="before is a list; accepted: a Series"):
        mobility(["A"], labels("A"))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="after holds 1 customers twice"):
        mobility(labels("AB"), pd.Series(["A", "B"], index=[1, 1]))


def test_corrected_stability_is_cohens_kappa() -> None:
    """Cohen's example of 1960, table 1 as shares: agreement 0.29, chance 0.3012 … by formula."""
    counts = np.array([[25, 13, 12], [12, 2, 16], [3, 15, 2]], float)
    rows, columns = counts.sum(1) / 100, counts.sum(0) / 100
    agreed, chance = 0.29, float((rows * columns).sum())

    assert corrected_stability(counts) == pytest.approx(
        (agreed, (agreed - chance) / (1 - chance), chance)
    )


@pytest.mark.parametrize("k", [2, 5, 12])
def test_flow_picture_names_every_segment_once_a_side(k: int) -> None:
    """All names are there, do not overlap, and the words give the numbers."""
    rng = np.random.default_rng(k)
    names = [f"S{j + 1:02d}" for j in range(k)]
    sizes = np.r_[0.6, np.full(k - 1, 0.4 / (k - 1))]
    before = pd.Series(rng.choice(names, 3_000, p=sizes))
    after = before.mask(rng.random(3_000) < 0.3, pd.Series(rng.choice(names, 3_000)))
    figure, alt = plots.flow(mobility(before, after))
    figure.canvas.draw()
    texts = [t for t in figure.axes[0].texts if t.get_text()]
    boxes = [t.get_window_extent() for t in texts]

    assert sorted(t.get_text().split()[0] for t in texts) == sorted(names * 2)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert f"{k} segments of 3000 customers" in alt


@pytest.mark.parametrize(("noise", "told"), [(0.08, "every 7 days"), (0.33, "33.0 % of them")])
def test_labels_that_are_noise_are_not_advised_for_campaigns(noise: float, told: str) -> None:
    """What to do follows the noise of the labels, and never contradicts its gate."""
    row = {"stability": 0.8, "low": 0.7, "high": 0.9, "stability_corrected": 0.7}
    board = pd.DataFrame([{**row, "noise_floor": noise}], index=["time_aware"])
    found: Any = SimpleNamespace(scoreboard=board, recommended="time_aware", reason="")
    waiting: Any = SimpleNamespace(recommended_days=7)
    act = answer(found, {}, waiting)["do"].replace("%", " %").replace("  ", " ")
    assert told in act
    assert ("plan no campaign" in act) == (noise > 0.1)
