"""Columns one can open: what is shown of each, and the two periods that are compared."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from segwork import dynamics, quality, tables
from segwork.plots import quality as plots
from segwork.runs import people

N = 400


def lines() -> pd.DataFrame:
    """Build lines over 200 days; the last 91 days cost twice as much; one word is rare."""
    days = np.arange(N) // 2
    country = np.where(np.arange(N) < 3, "Malta", "France")
    return pd.DataFrame({
        "customer_id": [f"c{i % 50}" for i in range(N)],
        "ordered_at": pd.Timestamp("2025-01-01") + pd.to_timedelta(days, unit="D"),
        "amount": np.where(days >= 109, 20.0, 10.0) + np.arange(N) % 5,
        "country": country,
        "note": [f"call +62 812 3456 {i:04}" for i in range(N)],
    })  # fmt: skip


def audited(given: pd.DataFrame | None = None, as_of: str = "2025-07-20") -> quality.Audit:
    """Audit them as of the day after the last."""
    read = tables.from_frames(transactions=lines() if given is None else given)
    return quality.audit(read, as_of=as_of, only=["DQ-T-06"])


def test_each_column_opens_and_shows_nobody() -> None:
    """Quantiles without extremes, no word of fewer than five rows, nothing of ids and texts."""
    shown = {line.partition(":")[0]: frame for line, frame in quality.profiles(audited())}
    amount = shown["transactions.amount"].set_index("what")["value"]
    assert list(shown) == [f"transactions.{c}" for c in lines()]
    assert amount["median"] == "14"  # 218 of 400 lines cost 10 to 14, the dearest 44 of them 14
    assert not {"most", "least"} & set(amount.index)
    assert "Malta" not in " ".join(shown["transactions.country"]["what"])
    assert "99.2 %" in set(shown["transactions.country"]["value"])
    assert len(shown["transactions.customer_id"]) == len(shown["transactions.note"]) == 2
    assert not any(people.shown(frame) for frame in shown.values())


def test_the_last_days_stand_beside_as_many_before() -> None:
    """Ninety-one days a side, two lines a day, personal columns left out."""
    before, now = quality.periods(audited())
    assert (len(before), len(now)) == (182, 182)
    assert now["amount"].min() == 20.0
    assert before["amount"].max() == 14.0
    assert "customer_id" not in now
    empty, none = quality.periods(audited(), "behaviour")
    assert empty.empty
    assert none.empty


def statuses(old: quality.Audit, new: quality.Audit) -> dict[str, str]:
    """Compare two runs by what the first one left."""
    left = quality.summaries(old)
    found = dynamics.against(left, quality.summaries(new, bins=left))
    assert found.facts()["changed_columns_n"] == left["column"].nunique()
    return dict(zip(found.table["column"], found.table["status"], strict=True))


def test_what_a_run_leaves_is_counts_of_nobody() -> None:
    """Rows of the last 91 days by bin: tenths of numbers, words of five rows, no ids, no texts."""
    left = quality.summaries(audited())
    by = left.groupby("column")["rows"].sum()
    assert by.to_dict() == {"amount": 182, "country": 182}
    assert left[left["column"] == "country"]["bin"].tolist() == ["= France", "other", "missing"]
    assert left["rows"].tolist()[:4] == [36, 36, 36, 37]  # prices of 20, 21, 22 and 23
    assert not people.shown(left)


def test_columns_are_compared_with_those_of_an_earlier_run() -> None:
    """The same data passes; prices doubled, another country, gaps and a lost column are told."""
    same = statuses(audited(), audited())
    assert set(same.values()) == {"passed"}
    before = audited(as_of="2025-04-19")  # the last of its days cost ten
    assert statuses(before, audited())["transactions.amount"] == "warned"
    half = lines().assign(country=np.where(np.arange(N) % 2, "France", "Peru"))
    assert statuses(audited(), audited(half))["transactions.country"] == "warned"
    gaps = lines().assign(country=lines()["country"].where(np.arange(N) % 3 > 0))
    assert statuses(audited(), audited(gaps))["transactions.country"] == "warned"
    lost = statuses(audited(), audited(lines().drop(columns="country")))
    assert lost["transactions.country"] == "gone"


def test_samples_of_one_month_differ_by_chance_alone() -> None:
    """Of a hundred pairs of draws from the same prices at most five are told apart."""
    rng = np.random.default_rng(4)
    told = 0
    for _ in range(100):
        one, two = (audited(lines().assign(amount=rng.gamma(2, 5, N))) for _ in range(2))
        told += statuses(one, two)["transactions.amount"] != "passed"
    assert told <= 5


def test_conversions_that_stray_are_counted_by_month() -> None:
    """Of forty lines in dollars two were left as they were and one has another rate."""
    dollars = np.arange(N) % 10 == 0
    rate, local = np.where(dollars, 15_000.0, 1.0), 10.0 + np.arange(N) % 5
    home = local * rate
    home[[0, 10]], home[20] = local[[0, 10]], local[20] * 9_000
    given = (
        lines()
        .drop(columns="note")
        .assign(
            amount=home, amount_local=local, fx_rate=rate, currency=np.where(dollars, "USD", "IDR")
        )
    )
    told = quality.rates(audited(given))
    sums = (told[["off", "kept"]].mul(told["lines"], axis=0)).sum()
    assert (told["lines"].sum(), sums["off"], sums["kept"]) == (40, 3, 2)
    figure, alt = plots.currencies(told)
    assert "USD: 3 of 40 lines, 2 left as they were" in alt
    plt.close(figure)
