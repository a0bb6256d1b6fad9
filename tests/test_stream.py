"""The stream: every event is applied or has a reason, and the last word on a day is the batch's."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from test_scoring import customers

from segwork import cli, features, sample, scoring, tables
from segwork.clustering import SegmentModel, compare
from segwork.clustering.prepare import BEHAVIOUR
from segwork.errors import UsageError
from segwork.privacy.consent import consented, states
from segwork.scoring import standing, stream
from segwork.scoring.consent import Consent
from segwork.scoring.events import TIMES, Malformed, read

pytest.importorskip("pyspark", reason="pyspark is not installed (pip install 'segwork[stream]')")
pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
from segwork.scoring.buckets import Buckets

DUPLICATE = "duplicate: its event_id was there before"
COLUMNS = ["orders", "spend_total", "days_since_last"]
WRITTEN = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp() * 1000)
GOOD = {
    "event_id": "1",
    "table": "transactions",
    "customer_id": "c",
    "order_id": "o",
    "ordered_at": "2026-06-01T10:00:00",
    "amount": 5.0,
}
CONTACT = {
    "event_id": "2",
    "table": "interactions",
    "customer_id": "c",
    "occurred_at": "2026-06-01T23:30:00-02:00",
    "channel": "Call",
    "kind": "Complaint",
}


def events(data: tables.Tables) -> list[tuple[pd.Timestamp, str]]:
    """Return the rows of transactions and interactions with their times as JSON, oldest first."""
    told = []
    for name, time in TIMES.items():
        frame = getattr(data, name, None)
        rows = (
            [] if frame is None else frame.drop(columns="text", errors="ignore").to_dict("records")
        )
        for number, row in enumerate(rows):
            known = {k: None if pd.isna(value) else value for k, value in row.items()}
            known |= {time: str(row[time]), "event_id": f"{name}{number}", "table": name}
            told.append((row[time], json.dumps(known)))
    return sorted(told, key=lambda one: one[0])


@pytest.fixture(scope="module")
def model() -> SegmentModel:
    """Fit K-Means on three columns, with the rule's own segment of one-time buyers."""
    frame = customers(600)[COLUMNS]
    found = compare(frame, methods=("kmeans",), n_clusters=4, draws=0, copies=0)
    return found.model("kmeans")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"table": "refunds"}, "table is none of transactions, interactions, clock, customers"),
        ({"table": None}, "table is none of transactions, interactions, clock, customers"),
        ({"event_id": None}, "no event_id"),
        ({"event_id": 1.5}, "event_id is no text"),
        ({"customer_id": "  "}, "no customer_id"),
        ({"customer_id": True}, "customer_id is no text"),
        ({"ordered_at": None}, "ordered_at is no time"),
        ({"ordered_at": "yesterday"}, "ordered_at is no time"),
        ({"ordered_at": "2026-07-02T00:00:01"}, "ordered_at is after the record"),
        ({"ordered_at": "1970-01-01"}, "ordered_at is before 1980"),
        ({"amount": "5"}, "amount is no number"),
        ({"amount": float("nan")}, "amount is no number"),
        ({"amount": 10**400}, "amount is no number"),
        ({"quantity": False}, "quantity is no number"),
        ({"is_return": "no"}, "is_return is neither true nor false"),
        ({"ordered_at": "9999-12-31T23:59:59-12:00"}, "ordered_at is no time"),
        ({"ordered_at": "0001-01-01"}, "ordered_at is before 1980"),
        ({"order_id": {"id": 1}}, "order_id is no text"),
        ({"customer_id": "c" * 501}, "customer_id is longer than 500 characters"),
        ({"order_id": "\ud800"}, "order_id is no text"),
    ],
)
def test_what_is_no_event_has_a_reason(change: dict[str, object], reason: str) -> None:
    """One field spoilt, one reason, which holds nothing of the data."""
    assert read(json.dumps(GOOD), WRITTEN)[0] == "c"
    with pytest.raises(Malformed, match=f"^{reason}$"):
        read(json.dumps({**GOOD, **change}), WRITTEN)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"x"', "[" * 100_000])
def test_what_is_no_object_is_said_so(text: str) -> None:
    """Nesting without end is no JSON either."""
    with pytest.raises(Malformed, match="no JSON object"):
        read(text, WRITTEN)


def test_fields_mean_what_the_contract_says() -> None:
    """A further field changes nothing; money may be quantity × price; zones are moved to UTC."""
    _, plain = read(json.dumps(GOOD), WRITTEN)
    assert read(json.dumps({**GOOD, "coupon": {"code": [1]}}), WRITTEN)[1] == plain

    priced = {**GOOD, "quantity": 3, "unit_price": 2.5}
    del priced["amount"]
    assert read(json.dumps(priced), WRITTEN)[1].adds == {"_lines": 1, "_spend": 7.5, "_pieces": 3}
    del priced["quantity"]
    with pytest.raises(Malformed, match="no amount, nor quantity and unit_price"):
        read(json.dumps(priced), WRITTEN)

    customer, contact = read(json.dumps({**CONTACT, "customer_id": 7}), WRITTEN)
    assert customer == "7"
    assert contact.day == (datetime(2026, 6, 2) - datetime(1970, 1, 1)).days
    assert contact.adds == {"contacts": 1, "handling_minutes": 0, "calls": 1, "complaints": 1}


def _who(text: str) -> str:
    """Return the customer as Spark finds it."""
    try:
        return str(json.loads(text).get("customer_id") or "")
    except (ValueError, AttributeError):
        return ""


class Bucket:
    """A bucket in memory, by Spark's own tester: records in, rows by kind out."""

    def __init__(self, model: SegmentModel, consent: Consent | None = None) -> None:
        from pyspark.sql.streaming.tws_tester import TwsTester

        self.spark = TwsTester(
            # Nothing is dropped unseen: the stream hides the time from Spark, and says itself
            # what is late.
            Buckets(model, "m", consent or Consent()),
            timeMode="EventTime",
            eventTimeExtractor=lambda _: 1 << 62,
        )
        self.changes: list[dict[str, Any]] = []
        self.dead: list[dict[str, Any]] = []
        self.applied = 0

    def take(self, texts: list[str], written: str = "2026-07-01") -> list[dict[str, Any]]:
        """Take a batch and return its changes."""
        at = int(pd.Timestamp(written).timestamp() * 1000)
        ids = [_who(text) for text in texts]
        rows = [(t, 0, n, at, who) for n, (t, who) in enumerate(zip(texts, ids, strict=True))]
        names = ["value", "partition", "offset", "written", "who"]
        return self._keep(self.spark.testInPandas(0, pd.DataFrame(rows, columns=names)))

    def pass_midnight_before(self, day: str) -> list[dict[str, Any]]:
        """Let the watermark come to the beginning of a day and return the changes."""
        return self._keep(self.spark.setWatermark(int(pd.Timestamp(day).timestamp() * 1000)))

    def _keep(self, rows: Any) -> list[dict[str, Any]]:
        new = [json.loads(v) for v in rows["value"][rows["kind"] == "change"]] if len(rows) else []
        self.changes += new
        if len(rows):
            self.dead += [json.loads(v) for v in rows["value"][rows["kind"] == "dead"]]
            self.applied += rows["value"][rows["kind"] == "applied"].astype(int).sum()
        return new

    def state(self) -> list[tuple[str, standing.Standing]]:
        """Return what is kept of each customer."""
        rows = self.spark.peekMapState("customers", 0).items()
        return [(who[0], standing.Standing.of(what)) for who, what in rows]

    def customers(self) -> set[str]:
        """Return of whom something is kept."""
        return {who for who, _ in self.state()}

    def segments(self, as_of: str) -> dict[str, str]:
        """Return the last word on the end of the day before a date, as a reader would find it."""
        known = sorted(
            (c["as_of"], c["number"], c["customer_id"], c["segment"]) for c in self.changes
        )
        last = {who: segment for day, _, who, segment in known if day <= as_of}
        return {who: segment for who, segment in last.items() if segment is not None}


def company(n: int = 60, seed: int = 2) -> tables.Tables:
    """Return lines of thirty days with everything a line may be, and contacts."""
    rng = np.random.default_rng(seed)
    lines, start = 12 * n, pd.Timestamp("2026-05-01")
    order = rng.integers(0, 4 * n, lines)
    money = rng.lognormal(3, 1, lines).round(2)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number % n}" for number in order],
            "ordered_at": start + pd.to_timedelta(rng.integers(0, 30, lines), "D"),
            "order_id": [None if o % 9 == 0 else f"o{o}" for o in order],
            "amount": np.where(rng.random(lines) < 0.1, np.nan, money),
            "quantity": rng.choice([1.0, 1, 1, 1, 2, 2, 5, 0, -1, np.nan], lines),
            "product_id": rng.choice(["p1", "p2", "p3", None], lines),
            "product_category": rng.choice(["a", "b", None], lines),
            "is_return": rng.choice([True, False, None], lines, p=[0.05, 0.9, 0.05]),
        }
    )
    contacts = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in rng.integers(0, n + 5, 3 * n)],
            "occurred_at": start + pd.to_timedelta(rng.integers(0, 30, 3 * n), "D"),
            "channel": rng.choice(["call", "Phone", "chat"], 3 * n),
            "kind": rng.choice(["complaint", "question", None], 3 * n),
            "handling_minutes": rng.choice([1.5, 20.0, np.nan], 3 * n),
        }
    )
    return tables.from_frames(transactions=frame, interactions=contacts)


def test_what_is_kept_makes_the_features_of_the_batch(model: SegmentModel) -> None:
    """Sums that grew in any order within a day give every feature the definition gives."""
    data = company()
    every = ("orders", "products", "categories")
    told = [read(text, WRITTEN) for _, text in events(data)]
    random.Random(3).shuffle(told)
    kept: dict[str, standing.Standing] = {}
    for customer, event in told:
        kept.setdefault(customer, standing.Standing()).waiting.append(event)
    for day in (20_578, 20_580, 20_602):  # three days are closed one after another
        for customer in kept:
            packed = kept[customer].until(day, every).row()
            kept[customer] = standing.Standing.of(json.loads(json.dumps(packed, default=list)))
        as_of = pd.Timestamp(0) + pd.Timedelta(days=day + 1)
        expected = features.customer_features(data, as_of=as_of).set_index("customer_id")
        sums = np.array([kept[c].sums for c in expected.index])
        found = standing.evaluated(sums, day).set_index(expected.index)
        known = [c for c in found if c in expected and not c.endswith("_window")]
        assert len(known) == 19
        pd.testing.assert_frame_equal(found[known], expected[known], check_dtype=False, rtol=1e-12)


def test_the_end_of_each_day_is_the_batch_on_the_sample_company(
    model: SegmentModel, tmp_path: Path
) -> None:
    """The sample company replayed: every evening the same customers, the same segments.

    A fortnight at a time, in two batches, out of order, three events twice.
    """
    lines = pd.read_parquet(sample.write(tmp_path, customers=1_000) / "transactions.parquet")
    days = pd.date_range("2024-01-01", periods=12, freq="14D")
    data = tables.from_frames(transactions=lines[lines["ordered_at"] < days[-1]])
    told, bucket, chance = events(data), Bucket(model), random.Random(5)
    for end in days[1:]:
        start = end - pd.Timedelta(days=14)
        period = [text for moment, text in told if start <= moment < end]
        chance.shuffle(period)
        half = len(period) // 2
        bucket.take(period[:half])
        bucket.take(period[half:] + period[:3])
        bucket.pass_midnight_before(str(end.date()))

    assert {letter["reason"] for letter in bucket.dead} == {"no customer_id", DUPLICATE}
    compared = 0
    for as_of in pd.date_range("2024-01-20", days[-1], freq="9D"):
        known = features.customer_features(data, as_of=as_of)
        batch = scoring.assign(model, known).set_index("customer_id")["segment"].to_dict()
        assert bucket.segments(str(as_of.date())) == batch
        compared += len(batch)
    assert compared > 800
    numbers = Counter(change["change_id"] for change in bucket.changes)
    assert set(numbers.values()) == {1}
    print(f"{len(bucket.changes)} changes, {compared} customers on {len(days)} evenings, all equal")


def order(who: str, day: str, number: int, amount: float = 20.0, **more: object) -> str:
    """Return an order as JSON; the number is that of the event."""
    named = {"event_id": f"e{number}", "customer_id": who, "order_id": f"o{number}"}
    return json.dumps({**GOOD, **named, "ordered_at": f"{day}T12:00:00", "amount": amount, **more})


def test_odd_events_have_counted_answers(model: SegmentModel) -> None:
    """Late, doubled, out of order, malformed, of nobody known before, with one more field."""
    bucket = Bucket(model)
    bucket.take([order("a", "2026-06-01", 1), order("a", "2026-06-03", 3)])
    bucket.pass_midnight_before("2026-06-02")
    bucket.take(
        [
            order("a", "2026-06-02", 2),  # out of order: its day is still open
            order("a", "2026-06-01", 4),  # late
            order("a", "2026-06-03", 3, amount=99.0),  # doubled, even if it says something else
            order("b", "2026-06-03", 5, coupon=["x"]),  # a customer nobody knew; one more field
            json.dumps({**CONTACT, "customer_id": "z", "occurred_at": "2026-06-03"}),
            json.dumps({"table": "clock", "occurred_at": "2026-06-04"}),
            "{" * 1_000_000,
        ]
    )
    assert Counter(letter["reason"] for letter in bucket.dead) == {
        "late: its day is closed": 1,
        DUPLICATE: 1,
        "no JSON object": 1,
    }
    assert [letter["offset"] for letter in bucket.dead] == [1, 2, 6]
    assert len(bucket.dead[2]["event"]) == 100_000  # the letter is no longer than a record may be
    assert bucket.applied == 6
    bucket.pass_midnight_before("2026-06-05")
    kept = [("a", f"2026-06-0{day}", day) for day in (1, 2, 3)] + [("b", "2026-06-03", 5)]
    frame = pd.DataFrame([json.loads(order(*one)) for one in kept])
    for as_of in ("2026-06-02", "2026-06-03", "2026-06-04", "2026-06-05"):
        known = features.customer_features(tables.from_frames(transactions=frame), as_of=as_of)
        batch = scoring.assign(model, known).set_index("customer_id")["segment"].to_dict()
        assert bucket.segments(as_of) == batch


def test_a_change_says_what_it_was_and_why(model: SegmentModel) -> None:
    """The event that moved a customer is named; at a day's end there is none."""
    bucket = Bucket(model)
    first = bucket.take([order("a", "2026-01-01", 1)])
    assert first == [
        {
            "change_id": "a-1",
            "customer_id": "a",
            "as_of": "2026-01-02",
            "number": 1,
            "segment": model.ids[-1],
            "before": None,
            "why": None,
            "event_id": "e1",
        }
    ]
    (second,) = bucket.take([order("a", "2026-01-01", 2)])
    assert (second["change_id"], second["before"], second["event_id"]) == (
        "a-2",
        model.ids[-1],
        "e2",
    )
    later = bucket.pass_midnight_before("2026-04-15")
    assert [change["event_id"] for change in later] == [None] * len(later) != []
    assert [change["number"] for change in bucket.changes] == list(range(1, len(later) + 3))
    assert all(
        c["before"] == b["segment"]
        for b, c in zip(bucket.changes, later, strict=False)
        if b["number"] == c["number"] - 1
    )


def test_an_open_day_is_said_anew_when_the_day_before_is_closed(model: SegmentModel) -> None:
    """Whoever bought after midnight is judged as of that day, not as of the day that closes."""
    bucket = Bucket(model)
    bucket.take([order("a", "2026-06-01", 1), order("a", "2026-06-02", 2)])
    bucket.pass_midnight_before("2026-06-02")
    bucket.take([order("a", "2026-06-01", 9)])
    assert [c["as_of"] for c in bucket.changes] == ["2026-06-02", "2026-06-03"]
    assert len(bucket.dead) == 1


def asking(folder: Path, people: dict[Any, list[Any]]) -> Consent:
    """Return who agreed by the customers table of a config."""
    for name, frame in {
        "lines": [json.loads(order("a", "2026-01-01", 1))],
        "people": people,
    }.items():
        pd.DataFrame(frame).to_csv(folder / f"{name}.csv", index=False)
    tables = "".join(
        f'[tables.{table}]\npath = "{name}.csv"\n'
        for table, name in {"transactions": "lines", "customers": "people"}.items()
    )
    (folder / "shop.toml").write_text(f'as_of = 2026-01-01\npurpose = "profiling"\n{tables}')
    return Consent.of(str(folder / "shop.toml"))


def said_of(who: str, **more: object) -> str:
    """Return a row of the customers table as an event."""
    return json.dumps({"table": "customers", "customer_id": who, **more})


NOBODY = "no consent, or withdrawn"


def test_who_did_not_agree_is_not_segmented(model: SegmentModel, tmp_path: Path) -> None:
    """No change, no state, each event a counted letter: refused, withdrawn, or in no row."""
    people = {"customer_id": ["yes", "no", "gone"], "consent_profiling": [True, False, True]}
    consent = asking(tmp_path, people | {"withdrawn_at": [None, None, "2026-02-01"]})
    bucket = Bucket(model, consent)
    everybody = ("yes", "no", "gone", "unknown")
    bucket.take([order(who, "2026-06-01", n) for n, who in enumerate(everybody)])
    bucket.pass_midnight_before("2026-07-01")

    assert {change["customer_id"] for change in bucket.changes} == {"yes"}
    assert Counter(letter["reason"] for letter in bucket.dead) == {NOBODY: 3}
    assert bucket.applied == 1
    assert bucket.customers() == {"yes"}


def test_a_withdrawal_in_the_table_clears_what_was_kept(
    model: SegmentModel, tmp_path: Path
) -> None:
    """With the next start, before anything is said, also of who sends nothing any more."""
    yes = {"customer_id": ["a", "b", "c"], "consent_profiling": [True] * 3}
    bucket = Bucket(model, asking(tmp_path, yes))
    bucket.take([order(who, "2026-06-01", n) for n, who in enumerate("abc")])
    before = len(bucket.changes)
    bucket.spark.processor.consent = asking(
        tmp_path, yes | {"consent_profiling": [True, False, True]}
    )
    bucket.take([order("a", "2026-06-01", 9)])
    # Cleared by the event of another; what is left is the number of the last change.
    assert dict(bucket.state())["b"] == standing.Standing(changes=1)
    bucket.take([order("b", "2026-06-01", 10)])
    bucket.pass_midnight_before("2026-09-01")

    assert {"a"} == {change["customer_id"] for change in bucket.changes[before:]}
    assert dict(bucket.state())["c"].sums[0] == 1
    assert dict(bucket.state())["b"] == standing.Standing(changes=1)


def test_a_withdrawal_while_it_runs(model: SegmentModel) -> None:
    """It counts from its event on; a younger consent begins anew, under new numbers."""
    bucket = Bucket(model)
    bucket.take([order("a", "2026-06-01", 1), said_of("a", withdrawn_at="2026-06-01")])
    assert bucket.changes == []  # of one batch only the end is said
    bucket.take([order("b", "2026-06-01", 2)])
    bucket.take([said_of("b", consent_profiling=False), order("b", "2026-06-01", 3)])
    bucket.pass_midnight_before("2026-06-02")
    assert [change["change_id"] for change in bucket.changes] == ["b-1"]
    assert [letter["reason"] for letter in bucket.dead] == [NOBODY]

    again = {"consent_profiling": True, "consent_profiling_at": "2026-06-02"}
    bucket.take([said_of("b", withdrawn_at="2026-06-01", **again), order("b", "2026-06-02", 4)])
    assert bucket.changes[-1]["change_id"] == "b-2"
    assert bucket.changes[-1]["before"] is None
    bucket.take([said_of("b"), said_of("b", consent_profiling="ja"), said_of("", withdrawn_at="x")])
    assert [letter["reason"] for letter in bucket.dead[1:]] == [
        "no consent_profiling, nor withdrawn_at",
        "consent_profiling is neither true nor false",
        "no customer_id",
    ]


def test_the_end_of_a_day_is_the_batch_of_those_who_agreed(
    model: SegmentModel, tmp_path: Path
) -> None:
    """Refused, withdrawn, without a row, without a day: as the door of the batch decides."""
    data, rng = company(), np.random.default_rng(9)
    people = pd.DataFrame({"customer_id": [f"c{n}" for n in range(55)]})
    people["consent_profiling"] = rng.random(55) < 0.8
    people["consent_profiling_at"] = np.where(rng.random(55) < 0.9, "2026-04-01", None)
    people["withdrawn_at"] = np.where(rng.random(55) < 0.2, "2026-04-15", None)
    bucket = Bucket(model, asking(tmp_path, people.to_dict("list")))
    told = events(data)
    bucket.take([text for _, text in told])
    bucket.pass_midnight_before("2026-06-01")

    whole = tables.from_frames(
        transactions=data.transactions, interactions=data.interactions, customers=people
    )
    willing = consented(whole, purpose="profiling", as_of="2026-06-01").tables
    known = features.customer_features(willing, as_of="2026-05-31")
    batch = scoring.assign(model, known).set_index("customer_id")["segment"].to_dict()
    assert bucket.segments("2026-05-31") == batch
    assert 20 < len(batch) < 50
    refused = sum(letter["reason"] == NOBODY for letter in bucket.dead)
    assert bucket.applied + len(bucket.dead) == len(told)
    assert refused > 100


def test_an_event_of_consent_means_what_the_table_means() -> None:
    """Every mix of flag, day of consent and withdrawal, as the door of the batch reads it."""
    days = [None, "2026-01-01", "2026-03-01"]
    rows = list(product([True, False, None], days, ["2026-02-01", None]))
    rows = [row for row in rows if row[0] is not None or row[2]]
    names = ["consent_profiling", "consent_profiling_at", "withdrawn_at"]
    frame = pd.DataFrame(rows, columns=names).assign(customer_id=[str(n) for n in range(len(rows))])
    for name in names[1:]:
        frame[name] = pd.to_datetime(frame[name])
    known = states(nw.from_native(frame), {"profiling"}, datetime(2026, 7, 1)).to_native()
    expected = known.set_index("customer_id")["_consent_stays"].to_dict()
    found = {
        str(n): read(said_of(str(n), **dict(zip(names, row, strict=True))), WRITTEN)[1]
        for n, row in enumerate(rows)
    }
    assert found == {who: stays == 1 for who, stays in expected.items()}
    assert set(found.values()) == {True, False}


def test_a_slow_start_of_sparks_python_is_tried_again() -> None:
    """Spark's ten seconds cannot be set; other failures are not repeated."""
    slow = "Query terminated: Python worker failed to connect back. SQLSTATE"
    for ends, last in (
        ([slow, slow, ""], ""),
        (["disk full"], "disk full"),
        ([slow] * stream.STARTS, slow),
    ):
        left, said = list(ends), []
        assert stream.patiently(lambda left=left: left.pop(0), said.append) == last
        assert left == []
        assert len(said) == len(ends) - 1


def test_the_same_batch_gives_the_same_rows(model: SegmentModel) -> None:
    """What Spark runs again after a failure says the same, byte for byte."""
    texts = [text for _, text in events(company(20))]
    rows = []
    for _ in range(2):
        bucket = Bucket(model)
        bucket.take(texts)
        bucket.pass_midnight_before("2026-06-10")
        rows.append(json.dumps([bucket.changes, bucket.dead]))
    assert rows[0] == rows[1]


def test_a_checkpoint_belongs_to_its_model(model: SegmentModel) -> None:
    """Another model would go on from sums it did not ask for."""
    bucket = Bucket(model)
    bucket.take([order("a", "2026-06-01", 1)])
    bucket.spark.processor.made_for = "another"
    with pytest.raises(ValueError, match="the checkpoint was made for m, not another"):
        bucket.take([order("a", "2026-06-01", 2)])


def test_a_model_of_what_is_not_kept_is_refused(model: SegmentModel) -> None:
    """Windows, clicks and attributes are not kept; the columns segments are drawn from are."""
    standing.check(model)
    kept = replace(model, scaling=replace(model.scaling, columns=BEHAVIOUR))
    standing.check(kept)
    for column in ("spend_window", "sessions", "age"):
        other = replace(model.scaling, columns=(*COLUMNS, column))
        with pytest.raises(UsageError, match=f"the stream does not keep {column}"):
            standing.check(replace(model, scaling=other))


def test_wrong_settings_are_one_sentence(tmp_path: Path) -> None:
    """A file that is none, a number that is too small; nothing is started."""
    (tmp_path / "s.toml").write_text("[client]\n'security.protocol' = 'SSL'\n[jdbc]\n")
    words = ["stream", str(tmp_path), "--brokers", "127.0.0.1:1", "--from", "e", "--to", "c"]
    words += ["--checkpoint", str(tmp_path / "cp")]
    for more, said in {
        ("--settings", str(tmp_path / "s.toml")): "has other tables; accepted: [client], [spark]",
        ("--settings", str(tmp_path / "no.toml")): "no.toml",
        ("--partitions", "0"): "partitions is 0; accepted: 1 or more",
        (): "holds no model of its segments",
    }.items():
        found = CliRunner().invoke(cli.main, [*words, *more])
        assert found.exit_code == 2, found.output
        assert said in found.output
    assert not (tmp_path / "cp").exists()


def test_what_a_batch_raises_is_one_line() -> None:
    """Spark's own search through a long text overflows its stack and hides the failure."""

    def broken(frame: object, batch: int) -> None:
        raise ValueError("at java\n" * 9_000 + "ValueError: the checkpoint was made for m, not n\n")

    with pytest.raises(RuntimeError, match=r"^the checkpoint was made for m, not n$") as found:
        stream.briefly(broken)(None, 0)
    assert found.value.__suppress_context__
