"""Consent at the door, look-alikes, unicity and attacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import segwork.run
from segwork import privacy, tables
from segwork.disclosure import suppressed
from segwork.errors import DataError, UsageError
from segwork.privacy import attacks

NaT = pd.NaT
PEOPLE = pd.DataFrame(
    [
        # id, consent, given at, withdrawn at           what is right on 2026-07-01
        ("yes", True, "2026-01-01", NaT),  # kept
        ("no", False, "2026-01-01", NaT),  # no consent
        ("gap", None, "2026-01-01", NaT),  # no consent
        ("late", True, "2026-07-01", NaT),  # consent on the day of the cut is too late
        ("undated", True, NaT, NaT),  # cannot be shown
        ("gone", True, "2026-01-01", "2026-05-01"),  # withdrawn
        ("gone after", True, "2026-01-01", "2026-07-20"),  # withdrawn, whenever it was
        ("back", True, "2026-06-01", "2026-05-01"),  # consented again
        ("twice", True, "2026-01-01", NaT),  # rows that disagree count against use
        ("twice", False, "2026-01-01", NaT),
    ],
    columns=["customer_id", "consent_profiling", "consent_profiling_at", "withdrawn_at"],
)
LINES = pd.DataFrame(
    {
        "customer_id": [*PEOPLE["customer_id"].unique(), "stranger", None, "yes"],
        "ordered_at": "2026-03-01",
        "amount": range(12),
    }
)


def frames(native: str, **more: pd.DataFrame) -> tables.Tables:
    """Return the small company as frames of an engine."""
    given = {"transactions": LINES, "customers": PEOPLE, **more}
    if native == "pandas":
        return tables.from_frames(**given)
    if native == "polars":
        import polars as pl

        return tables.from_frames(**{name: pl.from_pandas(f) for name, f in given.items()})
    import duckdb

    connection = duckdb.connect()
    return tables.from_frames(**{name: connection.from_df(f) for name, f in given.items()})


def ids(frame: Any) -> list[str | None]:
    """Return the customer ids of any frame, in its order."""
    import narwhals as nw

    values = nw.from_native(frame).lazy().select("customer_id").collect()["customer_id"].to_list()
    return [value if isinstance(value, str) else None for value in values]


@pytest.mark.parametrize("native", ["pandas", "polars", "duckdb"])
def test_only_standing_consent_comes_through(native: str) -> None:
    """Every kind of record is decided as written beside it, in every table and on every engine."""
    found = privacy.consented(frames(native), purpose="profiling", as_of="2026-07-01")

    assert ids(found.tables.customers) == ["yes", "back"]
    assert ids(found.tables.transactions) == ["yes", "back", "yes"]
    assert ids(found.tables.source("transactions")) == ["yes", "back", "yes"]
    counts = found.counts.set_index("step")
    assert counts.loc["customers"].tolist()[:4] == [9, 2, 5, 2]
    assert counts.loc["transactions"].tolist() == [10, 2, 6, 2, 12, 3, 1]
    assert counts.loc["all tables"].tolist()[:4] == [10, 2, 6, 2]
    assert found.status == "passed"


def test_everybody_is_accounted_for() -> None:
    """Customers in are customers kept, without consent or withdrawn, at every step."""
    counts = privacy.consented(frames("pandas"), purpose="profiling", as_of="2026-07-01").counts

    assert list(counts)[:5] == ["step", "customers_in", "kept", "no_consent", "withdrawn"]
    assert (counts["customers_in"] == counts[["kept", "no_consent", "withdrawn"]].sum(axis=1)).all()


def test_nothing_given_is_changed_and_external_stays() -> None:
    """The tables given keep their rows; what is about nobody comes through whole."""
    rates = pd.DataFrame({"date": ["2026-01-01"], "name": "fx_usd_idr", "value": 16_000.0})
    before = frames("pandas", external=rates)

    after = privacy.consented(before, purpose="profiling", as_of="2026-07-01").tables

    assert len(before.transactions) == 12
    assert len(after.external) == 1
    assert after.fingerprint == before.fingerprint


def test_rows_without_a_customer_stay_for_the_audit_only() -> None:
    """They name nobody: left out unless asked for, and counted either way."""
    asked = {"purpose": "profiling", "as_of": "2026-07-01"}

    kept = privacy.consented(frames("pandas"), unnamed=True, **asked)

    assert ids(kept.tables.transactions) == ["yes", "back", None, "yes"]
    assert kept.counts.set_index("step").loc["transactions", "rows_unnamed"] == 1


def test_a_table_may_need_a_further_consent() -> None:
    """Tracking behaviour is a purpose of its own; the other tables do not ask for it."""
    people = PEOPLE.assign(consent_tracking=PEOPLE["customer_id"] == "yes")
    visits = pd.DataFrame(
        {"customer_id": ["yes", "back"], "event": "view", "occurred_at": "2026-03-01"}
    )
    data = frames("pandas", customers=people, behaviour=visits)

    found = privacy.consented(
        data, purpose="profiling", as_of="2026-07-01", also={"behaviour": "tracking"}
    )

    assert ids(found.tables.behaviour) == ["yes"]
    assert ids(found.tables.transactions) == ["yes", "back", "yes"]


@pytest.mark.parametrize(
    "customers",
    [None, pd.DataFrame({"customer_id": ["yes", "gone"], "gender": "f"})],
    ids=["no customers", "no consent columns"],
)
def test_without_records_consent_is_not_declared(customers: pd.DataFrame | None) -> None:
    """Nothing is left out, and the answer is not 'passed'."""
    given = tables.from_frames(transactions=LINES, customers=customers)

    found = privacy.consented(given, purpose="profiling", as_of="2026-07-01")

    assert found.status == "not declared"
    assert len(found.tables.transactions) == 12
    assert found.facts()["consent_status"] == "not declared"


def test_a_withdrawal_counts_where_nothing_else_is_recorded() -> None:
    """Who withdrew is out, even where nobody wrote down who agreed."""
    people = PEOPLE[["customer_id", "withdrawn_at"]]

    found = privacy.consented(
        frames("pandas", customers=people), purpose="profiling", as_of="2026-07-01"
    )

    assert found.status == "not declared"
    assert set(ids(found.tables.transactions)) & {"gone", "gone after", "back"} == set()
    assert found.counts.set_index("step").loc["all tables", "withdrawn"] == 3


def test_an_unknown_purpose_is_refused() -> None:
    """A misspelt purpose must not open the door to everybody."""
    with pytest.raises(UsageError, match="did you mean 'profiling'"):
        privacy.consented(frames("pandas"), purpose="profilling", as_of="2026-07-01")


def test_the_door_asks_for_profiling_where_nothing_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An undeclared run still respects recorded consent, and does not pass."""
    monkeypatch.setenv("SEGWORK_ROOT", str(tmp_path))
    PEOPLE.to_csv(tmp_path / "people.csv", index=False)
    LINES.to_csv(tmp_path / "lines.csv", index=False)
    sources = {"customers": {"path": str(tmp_path / "people.csv")}}
    sources["transactions"] = {"path": str(tmp_path / "lines.csv")}

    def through(**more: Any) -> Any:
        config = {"as_of": "2026-07-01", "tables": sources, **more}
        return privacy.door(segwork.run.start("n", config=config))

    undeclared, declared = through(), through(purpose="profiling")

    assert undeclared.status == "not declared"
    assert declared.status == "passed"
    for found in (undeclared, declared):
        assert found.counts.set_index("step").loc["all tables", "kept"] == 2
        assert not set(ids(found.tables.transactions)) & set(LINES["customer_id"].dropna())


def test_no_notebook_goes_round_the_door(project: Path) -> None:
    """Notebooks and the template get their tables from the door, never from tables.load."""
    paths = [*(project / "notebooks").glob("*.ipynb"), project / "docs" / "notebook_template.ipynb"]

    assert len(paths) > 6
    for path in paths:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
        assert "tables.load" not in code, path.name
        assert "read_parquet" not in code, path.name
        if path.stem != "90_activation":  # writes to people: segwork.export asks by another purpose
            assert "privacy.tables_of(run)" in code or "privacy.door(run)" in code, path.name


# --- look-alikes ---------------------------------------------------------------------------------

ADULT = ["age", "education", "occupation", "relationship", "sex", "native_country"]


@pytest.fixture(scope="module")
def adult(public_data: Path) -> pd.DataFrame:
    """Return Adult as pyCANON reads it: a question mark for what is missing, all as text."""
    raw = pd.read_parquet(public_data / "adult_train.parquet")[[*ADULT, "income"]].astype(object)
    return raw.where(raw.notna(), "?").astype(str)


@pytest.mark.parametrize(("k", "characters"), [(3, 1_365_568), (10, 884_646), (20, 678_164)])
def test_prepared_adult_files_of_pycanon(adult: pd.DataFrame, k: int, characters: int) -> None:
    """The published k (3, 10, 20), and l and t, of pyCANON's prepared files.

    The files hold Adult's training rows, those in classes under k with stars; made again here,
    they have the published ones' length to the character. pyCANON 1.3.6 gives l = 1 and
    t = 0.7591904425539756 for all three.
    """
    size = adult.groupby(ADULT)["age"].transform("size")
    prepared = adult.copy()
    prepared.loc[size < k, ADULT] = "*"
    header = {"native_country": "native-country", "income": "salary-class"}
    assert len(prepared.rename(columns=header).to_csv(index=False)) == characters
    asked = {"quasi_identifiers": ADULT, "sensitive": "income"}

    assert privacy.k_anonymity(prepared, quasi_identifiers=ADULT).k == k
    assert privacy.l_diversity(prepared, **asked).l == 1
    assert privacy.t_closeness(prepared, **asked).t == pytest.approx(0.7591904425539756, abs=1e-12)


def test_raw_adult_has_unique_people(public_data: Path) -> None:
    """The example columns of pyCANON on the raw file: k 1, 10,154 unique, 58.8 % under five."""
    raw = pd.read_parquet(public_data / "adult_train.parquet")

    found = privacy.k_anonymity(raw, quasi_identifiers=ADULT)

    assert found.k == 1
    assert round(found.share_below(2) * len(raw)) == 10_154
    assert found.share_below(5) == pytest.approx(0.588, abs=5e-4)


@pytest.mark.parametrize(
    ("known", "sensitive", "different", "t"),
    [
        (["sex", "race", "relationship"], "hours_per_week", 1, 0.14395643842012987),
        (["sex", "race", "relationship"], "age", 1, 0.22144392389854758),
        (["sex", "race", "relationship"], "education", 1, 0.8355394490341206),
        (["sex", "race"], "education", 13, 0.22386185759546526),
        (["sex", "race"], "age", None, 0.09585315381236459),
    ],
)
def test_values_of_pycanon_on_adult(
    public_data: Path,
    known: list[str],
    sensitive: str,
    different: int | None,
    t: float,
) -> None:
    """Numbers and words as sensitive column: what pyCANON 1.3.6 gives for the same table."""
    raw = pd.read_parquet(public_data / "adult_train.parquet")
    asked = {"quasi_identifiers": known, "sensitive": sensitive}

    assert privacy.t_closeness(raw, **asked).t == pytest.approx(t, abs=1e-12)
    if different is not None:
        assert privacy.l_diversity(raw, **asked).l == different


def test_k_equals_a_plain_group_by() -> None:
    """On tables drawn at random k and the shares are those of a dictionary of tuples."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        table = pd.DataFrame(rng.integers(0, 4, (60, 3)), columns=list("abc")).astype(object)
        table = table.mask(rng.random(table.shape) < 0.1)
        seen: dict[tuple[str, ...], int] = {}
        for row in table.astype(str).itertuples(index=False):
            seen[tuple(row)] = seen.get(tuple(row), 0) + 1

        found = privacy.k_anonymity(table, quasi_identifiers=list("abc"))

        assert found.k == min(seen.values())
        assert len(found.classes) == len(seen)
        assert found.share_below(3) == pytest.approx(sum(n for n in seen.values() if n < 3) / 60)


def test_empty_categories_are_no_classes() -> None:
    """A category nobody has would be a class of nobody and k = 0."""
    towns = pd.Categorical(["A", "A", "B", "B"], categories=["A", "B", "C"])

    assert privacy.k_anonymity(pd.DataFrame({"t": towns}), quasi_identifiers=["t"]).k == 2


def test_published_example_of_t_closeness() -> None:
    """Li et al. 2007, section 5: salaries 3, 4, 5 thousand in a table of 3 to 11 are 0.375 away."""
    salaries = [3, 4, 5, 6, 11, 8, 7, 9, 10]
    table = pd.DataFrame({"class": [1, 1, 1, 2, 2, 2, 3, 3, 3], "salary": salaries})
    asked = {"quasi_identifiers": ["class"], "sensitive": "salary"}

    assert privacy.t_closeness(table, **asked).t == pytest.approx(0.375)
    assert privacy.t_closeness(table[table["class"] != 1], **asked).t < 0.375
    assert privacy.l_diversity(table, **asked).l == 3


@pytest.mark.parametrize(
    ("table", "columns", "error", "said"),
    [
        (pd.DataFrame({"a": [1]}), ["b"], UsageError, "unknown column 'b'"),
        (pd.DataFrame({"a": [1]}), [], UsageError, "no column is named"),
        (pd.DataFrame({"a": []}), ["a"], DataError, "has no rows"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    table: pd.DataFrame, columns: list[str], error: type[Exception], said: str
) -> None:
    """A wrong column and an empty table get a sentence, not a zero."""
    with pytest.raises(error, match=said):
        privacy.k_anonymity(table, quasi_identifiers=columns)


# --- unicity -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(public_data: Path) -> pd.DataFrame:
    """Return the purchases of Online Retail: with a customer, a quantity and a price."""
    lines = pd.read_parquet(public_data / "online_retail.parquet").dropna(subset=["CustomerID"])
    bought = lines[(lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]
    return bought.assign(
        day=bought["InvoiceDate"].dt.normalize(), amount=bought["Quantity"] * bought["UnitPrice"]
    )


def test_two_product_days_single_out_93_per_cent(shop: pd.DataFrame) -> None:
    """Online Retail: 93 % of the customers by two product-days, 99.7 % by four."""
    events = shop[["CustomerID", "StockCode", "day"]]
    table = privacy.unicity(events, points=(1, 2, 4), customer_id="CustomerID").table
    found = table.set_index("points")

    assert found.loc[2, "low"] < 0.93 < found.loc[2, "high"]
    assert found.loc[4, "low"] < 0.997 < found.loc[4, "high"]
    assert found.loc[1, "share"] < 0.45


def test_recency_frequency_and_spend_name_997_of_a_thousand(shop: pd.DataFrame) -> None:
    """Online Retail: 99.7 % unique by last day, orders and spend to the pound; 12.5 % without."""
    habits = shop.groupby("CustomerID").agg(
        last=("day", "max"), orders=("InvoiceNo", "nunique"), spend=("amount", "sum")
    )
    habits["spend"] = habits["spend"].round()

    whole = privacy.k_anonymity(habits, quasi_identifiers=["last", "orders", "spend"])
    part = privacy.k_anonymity(habits, quasi_identifiers=["last", "orders"])

    assert whole.share_below(2) == pytest.approx(0.997, abs=5e-4)
    assert part.share_below(2) == pytest.approx(0.125, abs=5e-4)


def test_unicity_of_a_small_town_by_hand() -> None:
    """A and B share one shop; the other shop of A is theirs alone, C is like nobody."""
    visits = pd.DataFrame(
        {"customer_id": ["A", "A", "B", "C", "C", None], "shop": ["x", "y", "x", "z", "z", "y"]}
    )

    one = privacy.unicity(visits, points=1, samples=400, seed=3).table.iloc[0]
    two = privacy.unicity(visits, points=2).table.iloc[0]

    assert one["n"] == 3
    assert one["share"] in (1 / 3, 2 / 3)  # B never, C always, A by the shop that is drawn
    assert (two["share"], two["n"]) == (1.0, 1)


def test_unicity_does_not_depend_on_ids_or_rows_sent_twice() -> None:
    """Other names for the same customers, and repeated rows, change nothing."""
    rng = np.random.default_rng(0)
    visits = pd.DataFrame(
        {"customer_id": rng.integers(0, 50, 400), "shop": rng.integers(0, 30, 400)}
    )
    other = pd.concat([visits, visits]).assign(
        customer_id=lambda t: "k" + t["customer_id"].astype(str)
    )

    first, second = (privacy.unicity(v, points=(1, 2), seed=5).table for v in (visits, other))

    pd.testing.assert_frame_equal(first, second)


def test_too_many_points_are_refused() -> None:
    """Nobody has ten points: an error, not a share of nothing."""
    with pytest.raises(DataError, match="no customer has 10 different points"):
        privacy.unicity(pd.DataFrame({"customer_id": ["A"], "shop": ["x"]}), points=10)


# --- attacks -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def town() -> pd.DataFrame:
    """Return 600 people of 12 streets, with an illness that goes with the street."""
    rng = np.random.default_rng(2)
    street = rng.integers(0, 12, 600)
    sick = np.where(rng.random(600) < 0.8, street % 3, rng.integers(0, 3, 600))
    return pd.DataFrame(
        {
            "street": street,
            "post_code": 10_000 + np.arange(600),
            "sex": rng.integers(0, 2, 600),
            "illness": sick,
            "coin": rng.integers(0, 3, 600),
        },
        index=pd.Index([f"p{n}" for n in range(600)], name="customer_id"),
    )


def test_a_rare_post_code_is_shown_as_working(town: pd.DataFrame) -> None:
    """A column of its own singles out and links everybody; a common one nobody."""
    for attack in (
        attacks.singling_out(town, known=["post_code"]),
        attacks.linkage(town, town, on=["post_code"]),
    ):
        assert attack["share"].item() == 1.0
        assert attack["works"].item()
    common = attacks.singling_out(town, known=["sex"])
    assert common["share"].item() == 0.0
    assert not common["works"].item()


def test_linkage_succeeds_once_in_a_class(town: pd.DataFrame) -> None:
    """Among 600 people of two sexes the right row is hit once in 300, which guessing nearly is."""
    found = attacks.linkage(town, town.iloc[::-1], on=["sex"], tries=6000).iloc[0]

    assert found["low"] <= 1 / 300 <= found["high"]
    assert found["guessing"] == pytest.approx(1 / 600)


def test_linkage_needs_the_person_in_the_table(town: pd.DataFrame) -> None:
    """Who is not in the released table cannot be found there."""
    found = attacks.linkage(town.iloc[:300], town.iloc[300:], on=["street", "sex"])

    assert found["share"].item() == 0.0


def test_inference_works_only_where_there_is_something_to_infer(town: pd.DataFrame) -> None:
    """The illness of a street is guessed, a coin is not, and nobody votes for themselves."""
    ill = attacks.inference(town, known=["street"], secret="illness").iloc[0]
    coin = attacks.inference(town, known=["street"], secret="coin").iloc[0]
    alone = attacks.inference(town, known=["post_code"], secret="coin").iloc[0]

    assert ill["works"]
    assert ill["share"] == pytest.approx(0.87, abs=0.05)
    assert not coin["works"]
    assert not alone["works"]


def test_a_segment_of_two_people_is_shown_as_working() -> None:
    """One leaves a segment of two: the published means tell their spend; hidden ones do not."""
    rng = np.random.default_rng(0)
    spend = pd.Series(rng.lognormal(5, 1, 40))
    pairs = pd.Series(np.repeat(np.arange(20), 2))

    told = attacks.departure(spend, pairs).iloc[0]
    hidden = attacks.departure(spend, pairs, k=5).iloc[0]
    crowd = attacks.departure(pd.Series(rng.lognormal(5, 1, 4000)), pd.Series(np.zeros(4000))).iloc[
        0
    ]

    assert told["share"] > 0.95
    assert told["works"]
    assert hidden["share"] == 0.0
    assert not crowd["works"]


def test_subtraction_finds_cells_hidden_without_care() -> None:
    """One small cell hidden alone is found; hidden with care it is not."""
    counts = pd.DataFrame([[2, 30, 8], [40, 50, 9], [7, 6, 60]])
    naive = attacks.subtraction(counts, (counts < 5).to_numpy()).iloc[0]
    shown = attacks.subtraction(counts, suppressed(counts).isna().to_numpy()).iloc[0]

    assert (naive["attempts"], naive["successes"]) == (1, 1)
    assert shown["attempts"] >= 4
    assert shown["successes"] == 0


def test_all_attacks_at_once(town: pd.DataFrame) -> None:
    """The table for the page has a row an attack and leaves out what could not be tried."""
    people = town.assign(secret=town["illness"], segment="S01", spend_total=1.0)
    counts = pd.DataFrame({"n": [300, 300]})

    table = attacks.all_of(
        people,
        outside=["sex"],
        habits=["post_code"],
        counts=counts,
        shown=counts * 1.0,
        tries=50,
        seed=0,
    )

    assert len(table) == 6
    assert table["attempts"].eq(50).all()
    assert table["low"].le(table["share"]).all()
    assert table["share"].le(table["high"]).all()
