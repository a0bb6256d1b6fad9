"""The data health audit: the catalogue, its answers, exact counts, edges."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dateutil.easter import easter

from segwork import quality
from segwork.checks import rules
from segwork.errors import DataError, UsageError
from segwork.quality import interaction, spellings, timing
from segwork.quality import statistics as st
from segwork.quality.daylight import switch_days, switch_shifts
from segwork.quality.sources import SourceTable
from segwork.schema import Kind
from segwork.tables import from_frames

ONLINE_RETAIL = {
    "CustomerID": "customer_id", "InvoiceNo": "order_id", "InvoiceDate": "ordered_at",
    "Quantity": "quantity", "UnitPrice": "unit_price", "StockCode": "product_id",
    "Description": "product_description", "Country": "country",
}  # fmt: skip


def lines(n: int = 400, seed: int = 0, **columns: object) -> pd.DataFrame:
    """Draw plain order lines in which nothing is wrong."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01")
    hours = rng.integers(8, 20, n)
    frame = pd.DataFrame({
        "customer_id": rng.integers(100, 160, n).astype(str), "order_id": np.arange(n) + 5000,
        "ordered_at": start + pd.to_timedelta(np.sort(rng.integers(0, 180, n)), unit="D")
        + pd.to_timedelta(hours * 3600 + rng.integers(0, 3600, n), unit="s"),
        "quantity": rng.integers(1, 6, n), "unit_price": np.round(rng.uniform(2, 30, n), 2),
    })  # fmt: skip
    return frame.assign(amount=(frame["quantity"] * frame["unit_price"]).round(2), **columns)


def finding(report: quality.Audit, code: str) -> pd.Series:
    """Return one finding by its code."""
    return report.findings.set_index("code").loc[code]


def audit(
    transactions: pd.DataFrame | None = None, as_of: str = "2024-07-01", **tables
) -> quality.Audit:
    """Audit these tables beside clean order lines."""
    return quality.audit(
        from_frames(transactions=lines() if transactions is None else transactions, **tables),
        as_of=as_of,
    )


@pytest.fixture(scope="module")
def clean() -> quality.Audit:
    """Audit clean order lines alone."""
    return audit()


def test_every_check_answers_exactly_once(clean: quality.Audit) -> None:
    """One finding per check of the catalogue; clean lines raise no alarm."""
    assert clean.findings["code"].tolist() == list(rules("DQ"))
    assert clean.alarms.empty
    absent = clean.findings[clean.findings["control_point"] == "interactions"]
    assert set(absent["status"]) == {"not_applicable"}


def test_skipped_is_not_passed() -> None:
    """A check that was not asked for is skipped."""
    report = quality.audit(from_frames(transactions=lines()), as_of="2024-07-01", only=["DQ-T-06"])

    assert finding(report, "DQ-T-06")["status"] == "passed"
    assert set(report.findings["status"]) == {"passed", "skipped"}


def test_facts_are_finite_and_plain(clean: quality.Audit) -> None:
    """Facts are numbers and words without NaN, and agree with the findings."""
    facts = clean.facts() | clean.readiness.facts()

    assert all(isinstance(v, str) or np.isfinite(v) for v in facts.values())
    assert facts["rows"] == 400
    assert facts["dq_t_06_status"] == "passed"
    assert facts["checks_failed"] == 0


def test_inputs_are_not_changed() -> None:
    """The audit leaves the given frame as it was."""
    frame = lines()
    before = frame.copy()
    audit(frame)

    pd.testing.assert_frame_equal(frame, before)


def test_rows_give_every_source_position() -> None:
    """Rows are 0-based positions in the source, all of them, whatever the index says."""
    frame = lines()
    frame.loc[[3, 77, 399], "unit_price"] = [0.0, -2.0, 0.0]
    frame.index = frame.index[::-1]
    report = audit(frame)

    assert report.rows("DQ-T-06").to_numpy().tolist() == [["transactions", r] for r in (3, 77, 399)]
    assert finding(report, "DQ-T-06")["n_rows"] == 3
    with pytest.raises(UsageError, match="did you mean 'DQ-T-06'"):
        report.rows("DQ-T06")


@pytest.mark.parametrize("bad", ["soon", None, 2024.5, float("nan")])
def test_as_of_must_be_a_day(bad: object) -> None:
    """What is no date is refused in one sentence."""
    with pytest.raises((UsageError, DataError)):
        audit(as_of=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_other_engines_give_the_same_counts(engine: str) -> None:
    """Polars and DuckDB frames are counted as pandas ones are."""
    native = pytest.importorskip(engine)
    frame = lines()
    frame.loc[5, "unit_price"] = -1.0
    frame = pd.concat([frame, frame.iloc[:2]], ignore_index=True)
    other = native.from_pandas(frame) if engine == "polars" else native.from_df(frame)
    a, b = audit(frame), quality.audit(from_frames(transactions=other), as_of="2024-07-01")

    columns = ["code", "status", "n_rows"]
    pd.testing.assert_frame_equal(a.findings[columns], b.findings[columns])
    pd.testing.assert_frame_equal(a.counts[["name", "value"]], b.counts[["name", "value"]])


def test_worked_example_by_hand() -> None:
    """Ten lines whose faults can be counted by eye."""
    frame = pd.DataFrame({
        "customer_id": ["a", "b", None, "d", "e", "f", "a", "h", "i", "a"],
        "order_id": ["1", "2", "3", "C4", "5", "6", "7", "8", "9", "1"],
        "ordered_at": pd.to_datetime(["2024-01-02 10:00"] * 9 + ["2024-01-02 10:00"]),
        "quantity": [1, 2, 3, -4, -5, 6, 7, 8, 9, 1],
        "unit_price": [1.0, 0.0, 3.0, 4.0, 5.0, -6.0, 7.0, 8.0, 9.0, 1.0],
    })  # fmt: skip
    facts = audit(frame, as_of="2024-02-01").facts()

    assert facts["missing_customer_rows"] == 1
    assert facts["surplus_duplicate_rows"] == 1
    assert facts["duplicate_group_rows"] == 2
    assert (facts["cancelled_lines"], facts["negative_quantities"]) == (1, 2)
    assert facts["unexplained_negative_quantities"] == 1
    assert (facts["nonpositive_prices"], facts["zero_prices"], facts["negative_prices"]) == (
        2,
        1,
        1,
    )


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("one row", lines(1)),
        ("two rows", lines(2)),
        ("constant", lines(60).assign(quantity=1, unit_price=2.0, amount=2.0, customer_id="a")),
        ("no time of day", lines(200).assign(ordered_at=lambda t: t["ordered_at"].dt.floor("D"))),
        ("one known customer", lines(50).assign(customer_id=[None] * 49 + ["a"])),
        ("one readable date", lines(50).assign(ordered_at=["yesterday"] * 49 + ["2024-01-01"])),
        ("text numbers", lines(50).assign(quantity="three")),
        ("infinite price", lines(50).assign(unit_price=np.inf)),
        ("an empty column", lines(80).assign(notes=None)),
        ("lists of mixed things", lines(60).assign(odd=[1, "a", None] * 20)),
    ],
)
def test_degenerate_tables_are_answered(name: str, frame: pd.DataFrame) -> None:
    """Odd tables get all answers and no crash."""
    report = audit(frame)

    assert len(report.findings) == len(rules("DQ")), name
    assert set(report.findings["status"]) <= {
        "passed",
        "failed",
        "warned",
        "inconclusive",
        "not_applicable",
    }


@pytest.mark.slow
def test_online_retail_twelve_facts_within_time_and_memory(online_retail_facts: dict) -> None:
    """The facts of the research note, section 3.1 and 3.3, exact, in 10 s of one core and 1 GB."""
    facts = online_retail_facts
    expected = {
        "rows": 541_909, "customers": 4_372, "missing_customer_rows": 135_080,
        "missing_description_rows": 1_454, "surplus_duplicate_rows": 5_268,
        "duplicate_group_rows": 10_147,
        "cancelled_lines": 9_288, "cancelled_orders": 3_836, "negative_quantities": 10_624,
        "unexplained_negative_quantities": 1_336, "nonpositive_prices": 2_517, "zero_prices": 2_515,
        "negative_prices": 2, "product_codes": 4_070, "product_codes_case_variants": 112,
        "non_product_rows": 2_995, "non_product_codes": 33, "largest_mirror_quantity": 80_995,
        "orders_with_several_times": 43, "codes_with_several_descriptions": 647,
        "trading_days": 305,
        "longest_gap_days": 12, "longest_gap_ends": "2011-01-04",
        "weekdays_without_orders": "Saturday",
        "last_month_trading_days": 8, "customers_in_several_countries": 8,
    }  # fmt: skip

    assert {name: facts[name] for name in expected} == expected
    assert facts["dq_t_05_rows"] == 1_336
    assert facts["dq_t_06_rows"] == 2_517
    assert facts["dq_t_10_rows"] == 2_995
    assert facts["cpu_seconds"] < 10
    assert facts["peak_mb"] < 1024


@pytest.fixture
def online_retail_facts(tmp_path: Path) -> dict:
    """Audit Online Retail in a process of its own and measure it."""
    folder = os.environ.get("SEGWORK_DATA")
    if not folder:
        pytest.skip("SEGWORK_DATA is not set: the public data are not here")
    script = f"""
import json, resource, pandas as pd
from segwork import quality, tables
names = {ONLINE_RETAIL!r}
frame = pd.read_parquet({str(Path(folder) / "online_retail.parquet")!r}).rename(columns=names)
given = tables.from_frames(transactions=frame)
begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
facts = quality.audit(given, as_of="2011-12-10").facts()
spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin
# ru_maxrss would begin with the size of the process that started this one.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
facts |= {{"cpu_seconds": spent, "peak_mb": int(status["VmHWM"].split()[0]) / 1024}}
print(json.dumps(facts))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=400
    )
    import json

    return json.loads(done.stdout.splitlines()[-1])


def test_kinds_are_inferred_from_values_and_names() -> None:
    """Extra columns get their kind from what is in them."""
    n = 100
    frame = lines(n).assign(
        parcel_id=np.arange(n), weight=np.linspace(1, 2, n), colour=["red", "blue"] * 50,
        gift=[True, False] * 50, packed=pd.date_range("2024-01-01", periods=n).astype(str),
        note=[f"please leave parcel {i} there" for i in range(n)], price_text=["1.5"] * n,
    )  # fmt: skip
    source = SourceTable("transactions", frame)
    kinds = {c: source.kind(c) for c in source.extra(*Kind)}

    assert kinds == {
        "parcel_id": Kind.IDENTIFIER, "weight": Kind.NUMBER, "colour": Kind.CATEGORY,
        "gift": Kind.FLAG, "packed": Kind.TIME, "note": Kind.TEXT, "price_text": Kind.NUMBER,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "wrong"),
    [("Café", False), ("CafÃ©", True), ("Zürich", False), ("ZÃ¼rich", True), ("na\ufffdve", True),
     ("itâ€™s", True), ("Łódź", False), ("São Paulo", False), ("京都", False), ("plain", False)],
)  # fmt: skip
def test_misdecoded(word: str, wrong: bool) -> None:
    """Mis-decoded words are told from words with honest accents."""
    assert spellings.misdecoded(word) is wrong


def test_sentinels_stand_far_apart() -> None:
    """999 among ages is a sentinel; the oldest customer and a top-coded value are not."""
    ages = np.r_[np.arange(18, 91).repeat(10).astype(float)]

    assert st.sentinels(np.r_[ages, [999.0] * 6]).tolist() == list(range(len(ages), len(ages) + 6))
    assert not len(st.sentinels(ages))
    assert not len(st.sentinels(np.r_[ages, [97.0] * 8]))


def test_spike_ignores_honestly_round_numbers() -> None:
    """A mean filled in 25 times is seen; round incomes with a popular middle are not."""
    rng = np.random.default_rng(1)
    income = np.exp(rng.normal(8, 0.5, 2000)).round()
    filled = income.copy()
    filled[:25] = round(income.mean())
    round_ones = np.round(income / 500) * 500

    heap = st.spike(filled)
    assert heap.n >= 25
    assert heap.n > 6 * heap.most
    for honest in (income, round_ones):
        found = st.spike(honest)
        assert found is None or (found.n <= 6 * found.most and found.z <= 6)


def test_easter_and_closed_days_are_no_outage() -> None:
    """Published Easter dates; empty Sundays and Christmas are silent, an empty Tuesday is not."""
    assert [str(easter(y)) for y in (2011, 2024, 2025)] == [
        "2011-04-24",
        "2024-03-31",
        "2025-04-20",
    ]
    days = np.arange(19_358, 19_358 + 366)
    open_days = days[(days + 3) % 7 != 6]
    rows = np.repeat(open_days, 40)
    christmas = 19_716
    lost = 19_500
    assert (lost + 3) % 7 == 1  # a Tuesday
    assert not len(timing.empty_days(rows[rows != christmas], 0.002))
    assert timing.empty_days(rows[rows != lost], 0.002).tolist() == [lost]


def test_outage_of_a_quiet_shop_is_not_claimed() -> None:
    """With two rows a day one empty day proves nothing."""
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(19_358, 19_358 + 366), rng.poisson(2, 366))

    assert not len(timing.empty_days(days, 0.002))


def test_row_cap_needs_many_days_at_the_top() -> None:
    """Poisson days are no cap; the same days cut at their 80 % quantile are."""
    rng = np.random.default_rng(0)
    count = rng.poisson(60, 365)
    days = np.arange(19_358, 19_358 + 365)

    assert not len(timing.capped_days(np.repeat(days, count), 0.001)[0])
    cap = int(np.quantile(count, 0.8))
    found, top = timing.capped_days(np.repeat(days, np.minimum(count, cap)), 0.001)
    assert (top, len(found)) == (cap, int((count >= cap).sum()))


def test_heaped_values_are_counted_not_their_surplus() -> None:
    """100 people of every age, 20 of each moved to the nearest multiple of five."""
    ages = np.repeat(np.arange(20, 90), 100)
    moved = np.tile(np.arange(100) < 20, 70) & (ages % 5 != 0) & (ages >= 23) & (ages <= 82)
    rounded = np.where(moved, np.round(ages / 5) * 5, ages).astype(float)

    z, n, _ = st.heaped(rounded)

    assert n == pytest.approx(moved.sum(), rel=0.1)
    assert z > 4
    assert st.heaped(ages.astype(float))[0] < 1


@pytest.mark.parametrize(("birthdays", "seen"), [(False, 1.0), (True, 0.75)])
def test_rounded_ages_are_told_by_birth_years(birthdays: bool, seen: float) -> None:
    """Of 1,500 ages 60 are rounded; with birthdays to come a quarter of these stays possible."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 85, 1500).astype(float)
    born = 2024 - age - (rng.integers(0, 2, 1500) if birthdays else 0)
    rows = rng.choice(np.flatnonzero(age % 5 != 0), 60, replace=False)
    rounded = age.copy()
    rounded[rows] = np.round(age[rows] / 5) * 5

    z, n, found = st.heaped_against(rounded, born)

    assert z > 4
    assert np.isin(found, rows).all()
    assert len(found) / 60 == pytest.approx(seen, abs=0.1)
    assert n == pytest.approx(60, abs=8)
    wrong = age.copy()
    wrong[rows] += 2  # wrong, but not rounded
    for honest in (age, wrong):
        assert st.heaped_against(honest, born)[0] < 4
    assert st.heaped_against(age, born - rng.integers(0, 4, 1500)) is None  # ages of other years


def test_heaped_ages_are_named_with_the_rows() -> None:
    """30 rounded ages of 1,000 warn with their rows; without birth years more are needed."""
    rng = np.random.default_rng(1)
    age = rng.integers(18, 85, 1000)
    people = pd.DataFrame({"customer_id": np.arange(1000), "birth_year": 2024 - age, "age": age})
    rows = np.flatnonzero(age % 5 == 1)[:30]
    people.loc[rows, "age"] -= 1

    report = audit(customers=people)

    heaps = finding(report, "DQ-G-11")
    assert (heaps["status"], heaps["column"], heaps["n_rows"]) == ("warned", "age", 30)
    assert report.rows("DQ-G-11")["row"].tolist() == rows.tolist()
    alone = finding(audit(customers=people.drop(columns="birth_year")), "DQ-G-11")
    assert alone["status"] == "passed"
    assert "15,000 rows" in alone["message"]


def test_a_value_settled_by_its_currency_is_not_stuck() -> None:
    """118 home orders running have rate 1 as every home order; 118 equal prices are stuck."""
    rng = np.random.default_rng(0)
    home = rng.random(2000) < 0.7
    home[900:1018] = True
    currency = np.where(home, 0, 1)
    rate = np.where(home, 1.0, rng.uniform(0.8, 0.9, 2000))
    price = rng.uniform(1, 9, 2000).round(2)
    price[900:1018] = price[900]
    order = np.arange(2000)

    assert len(st.stuck_run(rate, order, [], 0.001)) >= 118
    assert not len(st.stuck_run(rate, order, [], 0.001, levels=[currency]))
    assert st.stuck_run(price, order, [], 0.001, levels=[currency]).tolist() == [*range(900, 1018)]


def test_luhn_and_personal_patterns() -> None:
    """The published test card is found, order numbers and prices are not."""
    assert interaction._personal("card 4111 1111 1111 1111 thanks")
    assert interaction._personal("write to a.b@example.org")
    assert not interaction._personal("order 4111 1111 1111 1112 costs 1.200.000")
    assert not interaction._personal("parcel 12345678 is late since 2024-05-01")


def test_mechanism_tells_random_from_hidden() -> None:
    """Income missing at random is no dependence; hidden by high spenders it is."""
    rng = np.random.default_rng(3)
    n = 2500
    activity = rng.gamma(2, 5, n)
    base = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "account_activity": activity,
            "income": np.exp(8 + 0.03 * activity + rng.normal(0, 0.4, n)).round(),
        }
    )
    random = base.assign(income=base["income"].mask(rng.random(n) < 0.1))
    hidden = base.assign(
        income=base["income"].mask(rng.random(n) < np.where(activity > 12, 0.3, 0.03))
    )

    assert finding(audit(customers=random), "DQ-M-04")["status"] == "passed"
    assert finding(audit(customers=hidden), "DQ-M-04")["status"] == "failed"
    for frame in (random, hidden):
        found = finding(audit(customers=frame), "DQ-M-01")
        assert (found["status"], found["n_rows"]) == ("warned", frame["income"].isna().sum())


def test_missing_by_design_is_not_missing() -> None:
    """No return, no reason: silent; calls without text: silent; a text lost in a chat counts."""
    frame = lines(300)
    frame["is_return"] = np.arange(300) % 20 == 0
    frame.loc[frame["is_return"], ["quantity", "amount"]] *= -1
    frame["return_reason"] = np.where(frame["is_return"], "too small", None)
    rng = np.random.default_rng(0)
    talks = pd.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "channel": ["call", "chat", "mail"] * 100,
            "occurred_at": frame["ordered_at"],
            "text": [f"words {i} and {i * 7}" for i in rng.integers(0, 9999, 300)],
        }
    )
    talks.loc[talks["channel"] == "call", "text"] = None

    assert finding(audit(frame, interactions=talks), "DQ-M-01")["status"] == "passed"
    talks.loc[1, "text"] = None
    assert audit(frame, interactions=talks).rows("DQ-M-01").to_numpy().tolist() == [
        ["interactions", 1]
    ]


def test_readiness_recommends_rules_below_ten_thousand() -> None:
    """Few customers or a dead month call for rule-based segments; plenty and steady do not."""
    few = quality.readiness(from_frames(transactions=lines()), as_of="2024-07-01")
    assert (few.recommendation, few.ready) == ("rule-based segments", False)
    assert few.facts()["data_points"] == 400

    n = 60_000
    rng = np.random.default_rng(0)
    many = lines(n).assign(customer_id=np.arange(n) % 12_000,
                           ordered_at=pd.Timestamp("2023-01-01")
                           + pd.to_timedelta(rng.integers(0, 540, n), unit="D"))  # fmt: skip
    assert (
        quality.readiness(from_frames(transactions=many), as_of="2024-07-01").recommendation
        == "models"
    )
    gap = many[~many["ordered_at"].dt.strftime("%Y-%m").isin(["2023-06"])]
    ready = quality.readiness(from_frames(transactions=gap), as_of="2024-07-01")
    assert ready.recommendation == "rule-based segments"
    assert "quarter of the usual flow" in ready.reason


def test_missing_income_is_compared_on_held_out_customers() -> None:
    """Where risk depends on debt, the layer without income tells it; nothing is filled in."""
    rng = np.random.default_rng(5)
    n = 3000
    ids = np.array([f"c{i:05d}" for i in range(n)])
    debt = rng.beta(2, 3, n)
    income = np.exp(rng.normal(8, 0.5, n)).round()
    lost = rng.random(n) < 1 / (1 + np.exp(-(8 * debt - 4)))
    orders = rng.integers(2, 6, n)
    row = np.repeat(np.arange(n), orders)
    day = rng.integers(0, 270, row.size)
    log = pd.DataFrame(
        {
            "customer_id": ids[row],
            "ordered_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D"),
            "amount": rng.gamma(2, 20, row.size).round(2),
        }
    )
    stay = np.flatnonzero(~lost)
    late = pd.DataFrame(
        {"customer_id": ids[stay], "ordered_at": pd.Timestamp("2024-11-10"), "amount": 9.0}
    )
    known = np.where(rng.random(n) < 0.3, np.nan, income)
    people = pd.DataFrame({"customer_id": ids, "income": known,
                           "debt_ratio": debt, "account_activity": rng.gamma(2, 5, n)})  # fmt: skip
    given = from_frames(transactions=pd.concat([log, late]), customers=people)
    result = quality.missing_income(given, as_of="2025-01-01")

    assert result.status == "compared"
    hidden = result.scores[result.scores["group"] == "income missing"].set_index("method")
    assert set(hidden.index) == {"layered", "mean imputation", "native missing", "without income"}
    assert hidden.loc["layered", "low"] > 0.6
    assert hidden.loc["layered", "auc"] >= hidden.loc["mean imputation", "auc"] - 0.03
    assert (
        result.risk["layer"].value_counts()["behaviour, debt and activity"]
        == people["income"].isna().sum()
    )
    assert people["income"].isna().sum() == given.customers["income"].isna().sum()


@pytest.mark.parametrize(
    "tables", [{}, {"customers": pd.DataFrame({"customer_id": ["a"], "income": [1.0]})}]
)
def test_missing_income_says_when_it_cannot(tables: dict) -> None:
    """No incomes, or too few: an answer, not a crash."""
    result = quality.missing_income(from_frames(transactions=lines(), **tables), as_of="2024-07-01")

    assert result.scores.empty
    assert result.status.startswith(("not applicable", "not enough data"))


def test_daylight_saving_needs_fewer_rows_at_a_switch() -> None:
    """A month one hour late from the last Sunday of March is found; no month, no alarm."""
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(19_358, 19_358 + 300), 12)  # from 2023-01-01
    hours = rng.choice(24, len(days), p=np.eye(24)[9:17].mean(0))
    when = (days * 86_400 + hours * 3600).astype("datetime64[s]")
    month = (days >= 19_442) & (days < 19_472)  # 26 March to 24 April
    late = np.where(month, when + np.timedelta64(3600, "s"), when)

    found = switch_shifts(late, np.arange(len(late)), 5e-4)

    assert [f.hours for f in found] == [1]
    assert np.isin(np.flatnonzero(month), found[0].rows).mean() > 0.9
    assert len(found[0].rows) == pytest.approx(month.sum(), rel=0.1)
    assert switch_shifts(when, np.arange(len(when)), 5e-4) == []


def test_switch_days_of_2023() -> None:
    """Sundays by the calendar of 2023: 12 and 26 March, 2 April, 24 September, 1 and 29 October."""
    days = switch_days(np.arange(19_358, 19_358 + 365))
    sundays = [str(d) for d in days.astype("datetime64[D]") if (int(d.astype(int)) + 3) % 7 == 6]

    wanted = ["03-12", "03-26", "04-02", "09-24", "10-01", "10-29", "11-05"]
    assert {f"2023-{d}" for d in wanted} <= set(sundays)


def test_frozen_rate_counts_the_rows_where_it_happens_to_be_right() -> None:
    """A rate frozen for 40 days while the fair one falls by 8 %: all 40 rows, not the last ones."""
    days = pd.date_range("2024-01-01", periods=120, freq="D")
    fair = pd.Series(np.linspace(1.2, 0.96, 120), index=days)
    used = fair.to_numpy().copy()
    used[40:80] = used[40]
    lines = pd.DataFrame({
        "customer_id": [f"c{k % 30}" for k in range(120)], "ordered_at": days, "quantity": 1,
        "unit_price": 100.0, "currency": ["EUR", "USD"] * 60, "rate": np.where(
            np.arange(120) % 2, 1.0, used), "order_id": [f"o{k}" for k in range(120)],
    })  # fmt: skip
    lines["amount"] = (lines["unit_price"] * lines["rate"]).round(2)
    rates = pd.DataFrame({"date": days, "name": "fx_eur_usd", "value": fair.to_numpy()})

    report = quality.audit(
        from_frames(transactions=lines, external=rates), as_of="2024-06-01",
        only=["DQ-T-03"],
    )  # fmt: skip

    assert sorted(report.rows("DQ-T-03")["row"]) == list(range(40, 80, 2))


def test_price_in_pence_is_found_where_most_orders_are_of_three_pieces() -> None:
    """A price per piece is no total, however alike the orders are."""
    rng = np.random.default_rng(1)
    n = 1000
    quantity = np.where(rng.random(n) < 0.8, 3, rng.integers(1, 9, n))
    item = rng.integers(0, 20, n)
    price = np.round(5 + item + rng.normal(0, 0.3, n), 2)
    price[:30] *= 100
    lines = pd.DataFrame({
        "customer_id": rng.integers(0, 100, n).astype(str), "ordered_at": "2024-01-05",
        "product_id": [f"p{k}" for k in item], "quantity": quantity, "unit_price": price,
        "amount": np.round(quantity * np.where(np.arange(n) < 30, price / 100, price), 2),
    })  # fmt: skip

    report = quality.audit(from_frames(transactions=lines), as_of="2024-06-01", only=["DQ-G-08"])

    found = report.findings.set_index("code").loc["DQ-G-08"]
    assert (found["status"], found["column"], found["n_rows"]) == ("failed", "unit_price", 30)


def test_one_late_region_of_three_is_named_alone() -> None:
    """Weather of one region two days late: the other two agree and are left alone."""
    rng = np.random.default_rng(2)
    days = pd.date_range("2023-01-01", periods=400, freq="D")
    sky = rng.gamma(1.0, 8.0, 402)
    late = {"north": 0, "south": 0, "east": 2}
    parts = [
        pd.DataFrame({"date": days, "name": "rain", "region": region,
                      "value": sky[2 - lag : 402 - lag] * rng.lognormal(0, 0.2, 400)})
        for region, lag in late.items()
    ]  # fmt: skip
    lines = pd.DataFrame({"customer_id": ["a"], "ordered_at": ["2023-03-01"], "amount": [1.0]})

    report = quality.audit(
        from_frames(transactions=lines, external=pd.concat(parts, ignore_index=True)),
        as_of="2024-06-01", only=["DQ-X-02"],
    )  # fmt: skip

    assert sorted(report.rows("DQ-X-02")["row"]) == list(range(800, 1200))


def test_a_summer_one_hour_late_is_found_whole() -> None:
    """26 March to 28 October of one year in two, six orders a day: named within ten days."""
    rng = np.random.default_rng(1)
    days = np.repeat(np.arange(19_358, 19_358 + 731), 6)  # two years from 2023-01-01
    bell = np.exp(-(((np.arange(24) - 14) / 4.0) ** 2))
    seconds = rng.choice(24, len(days), p=bell / bell.sum()) * 3600
    summer = (days >= 19_442) & (days < 19_659)
    when = (days * 86_400 + seconds + 3600 * summer).astype("datetime64[s]")

    found = switch_shifts(when, np.arange(len(when)), 5e-4)

    assert [f.hours for f in found] == [1]
    moved = np.unique(days[found[0].rows])
    assert max(abs(moved[0] - 19_442), abs(moved[-1] - 19_658)) <= 10


def test_a_clock_nine_hours_off_is_not_called_daylight_saving() -> None:
    """Three days nine hours late in October: DQ-B-02 names them, DQ-B-10 leaves them alone."""
    rng = np.random.default_rng(3)
    days = np.repeat(np.arange(19_358, 19_358 + 365), 40)
    bell = np.exp(-(((np.arange(24) - 13) / 3.0) ** 2))
    late = (days >= 19_636) & (days < 19_639)
    seconds = rng.choice(24, len(days), p=bell / bell.sum()) * 3600 + 9 * 3600 * late
    order = np.argsort(days * 86_400 + seconds, kind="stable")
    lines = pd.DataFrame({
        "customer_id": "a", "order_id": np.arange(len(days)), "amount": 1.0,
        "ordered_at": (days * 86_400 + seconds)[order].astype("datetime64[s]"),
    })  # fmt: skip

    report = quality.audit(
        from_frames(transactions=lines), as_of="2024-06-01", only=["DQ-B-02", "DQ-B-10"]
    )

    status = report.findings.set_index("code")["status"]
    assert (status["DQ-B-02"], status["DQ-B-10"]) == ("failed", "passed")
    assert report.findings.set_index("code").loc["DQ-B-02", "n_rows"] == pytest.approx(120, abs=12)
