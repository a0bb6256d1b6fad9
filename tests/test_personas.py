"""Names, personas and their acid test: unique, stable, refutable, and each line recounted."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from segwork import features, personas, sample, tables, value
from segwork.errors import DataError, UsageError
from segwork.personas.definitions import LANGUAGES, definition, words
from segwork.personas.display import day, shown
from segwork.personas.lines import Line, from_table

AS_OF = "2026-07-01"
SEED = 32


@pytest.fixture(scope="module")
def company() -> sample.SampleCompany:
    """Return a small sample company without faults, so that recounting needs no rules of repair."""
    return sample.make(customers=2_000, seed=SEED, faults=False)


@pytest.fixture(scope="module")
def table(company: sample.SampleCompany) -> pd.DataFrame:
    """Return the features of its customers."""
    return features.customer_features(company.tables, as_of=AS_OF)


@pytest.fixture(scope="module")
def label(company: sample.SampleCompany) -> pd.Series:
    """Return its planted segments."""
    return company.key.segments.set_index("customer_id")["segment"].astype(str)


@pytest.fixture(scope="module")
def earned(company: sample.SampleCompany, label: pd.Series) -> value.profit.Profit:
    """Return what each customer earned."""
    return value.profit(company.tables, label, as_of=AS_OF, costs={})


@pytest.fixture(scope="module")
def book(
    company: sample.SampleCompany, table: pd.DataFrame, label: pd.Series, earned: object
) -> personas.PersonaBook:
    """Return the personas of the planted segments."""
    return personas.build(table, label, tables=company.tables, value=earned, as_of=AS_OF)


def test_names_are_unique_and_say_what_sets_apart(table: pd.DataFrame, label: pd.Series) -> None:
    """One name a segment; the big baskets are named by their size, newcomers by their time."""
    told = personas.names(table, label)
    assert told.index.tolist() == sorted(set(label))
    assert told.is_unique
    assert "large orders" in told["big baskets"]
    assert told["newcomers"] == "Bought lately, few orders"
    assert not told.str.contains(r"\d").any()


def test_names_survive_other_customers_ids_and_codes(table: pd.DataFrame, label: pd.Series) -> None:
    """On halves 19 of 20 names stay; ids, order of rows and codes play no part at all."""
    told = personas.names(table, label)
    rng = np.random.default_rng(0)
    same = [
        (personas.names(table.sample(frac=0.5, random_state=int(s)), label) == told).mean()
        for s in rng.integers(0, 10_000, 10)
    ]
    assert np.mean(same) >= 0.95
    new_ids = {old: f"X{n}" for n, old in enumerate(table["customer_id"][::-1])}
    shuffled = table.assign(customer_id=table["customer_id"].map(new_ids)).iloc[::-1]
    codes = {name: f"S{n:02d}" for n, name in enumerate(sorted(set(label))[::-1])}
    again = personas.names(shuffled, label.map(codes).rename(index=new_ids))
    assert again.rename({code: name for name, code in codes.items()}).to_dict() == told.to_dict()


def test_segments_that_nothing_tells_apart_still_have_a_name_of_their_own() -> None:
    """Equal segments are numbered; one segment alone is like all."""
    people = pd.DataFrame({"orders": [1, 2, 1, 2]}, index=list("abcd"))
    told = personas.names(people, pd.Series(list("xxyy"), index=list("abcd")))
    assert told.is_unique
    assert told.str.startswith("Like all the others").all()
    assert personas.names(people, pd.Series("x", index=list("abcd")))["x"] == "Like all the others"


def test_description_worked_by_hand() -> None:
    """Medians of the segment and of the rest, with units, in both languages."""
    people = pd.DataFrame({"days_since_last": [1, 3] * 20 + [100, 300] * 20, "orders": 1})
    mine = pd.Series(list("x" * 40 + "y" * 40))
    assert personas.describe(people, mine)["description"].tolist() == [
        "Since the last order: typically 2 days (the others 200 days).",
        "Since the last order: typically 200 days (the others 2 days).",
    ]
    told = personas.describe(people, mine, language="id")["description"][0]
    assert told == "Sejak pesanan terakhir: biasanya 2 hari (yang lain 200 hari)."


def test_own_columns_are_named_by_their_name_and_protected_ones_never() -> None:
    """A table of the user's own columns is told as it is; who people are names no segment."""
    people = pd.DataFrame({"clicks_on_ads": [9, 8, 1, 0], "age": [20, 22, 70, 71]})
    told = personas.names(people, pd.Series(list("xxyy")))
    assert told.tolist() == ["Much clicks on ads", "Little clicks on ads"]


@pytest.mark.parametrize("max_personas", [0, -1, True])
def test_bad_input_is_named(table: pd.DataFrame, label: pd.Series, max_personas: object) -> None:
    """No persona at all, an unknown language, segments of other customers."""
    with pytest.raises(UsageError, match="max_personas"):
        personas.build(table, label, max_personas=max_personas)
    with pytest.raises(UsageError, match="language"):
        personas.build(table, label, language="nl")
    with pytest.raises(DataError, match="no customer of the features"):
        personas.build(table, pd.Series({"nobody": "x"}))


def test_at_most_so_many_and_nobody_lost(book: personas.PersonaBook, label: pd.Series) -> None:
    """Five cards of seven segments; the others are named with their customers and the reason."""
    cards = [card.segment for card in book.cards]
    assert len(cards) == len(set(cards)) == 5
    assert set(cards) | set(book.left_out["segment"]) == set(label)
    shares = book.lines.loc[book.lines["key"] == "share", "n"].sum()
    assert shares + book.left_out["customers"].sum() == len(label)
    assert book.facts()["fewest_behind_a_line"] >= 30


def test_segments_of_a_few_have_no_card() -> None:
    """Twenty-nine customers are too few, thirty are enough; noise is no segment."""
    people = pd.DataFrame({"orders": np.r_[np.full(29, 3), np.full(30, 9), np.full(40, 1)]})
    mine = pd.Series(["few"] * 29 + ["enough"] * 30 + ["noise"] * 40)
    book = personas.build(people, mine)
    assert [card.segment for card in book.cards] == ["enough"]
    assert book.left_out.to_numpy().tolist() == [["few", 29, "too few customers"]]


def test_the_samples_own_personas_pass(book: personas.PersonaBook) -> None:
    """Every planted segment's story picks its own held-out customers."""
    assert book.acid_test["passed"].all()
    assert (book.acid_test["low"] > book.acid_test["chance"]).all()


def test_shuffled_segments_fail(table: pd.DataFrame, label: pd.Series) -> None:
    """Of five books of shuffled segments not one has a persona that passes."""
    some = table.iloc[::4]
    for number in range(5):
        lots = np.random.default_rng(number).permutation(label.to_numpy())
        found = personas.build(some, pd.Series(lots, label.index), seed=number).acid_test
        assert not found["passed"].any()


def test_a_story_of_noise_is_at_chance_with_an_honest_interval() -> None:
    """With few customers a story of chance is told, and 99 of 100 intervals hold one half."""
    from segwork.personas.acid import acid_test

    rng = np.random.default_rng(5)
    shares, outside = [], 0
    for number in range(30):
        frame = pd.DataFrame(rng.normal(size=(120, 4)), columns=list("abcd"))
        found = acid_test(frame, pd.Series(rng.permutation(["x", "y"] * 60)), seed=number)
        shares += found["own_share"].tolist()
        outside += ((found["low"] > 0.5) | (found["high"] < 0.5)).any()
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert outside <= 2


def test_share_of_pairs_is_that_of_all_pairs() -> None:
    """Counted pair by pair, ties half."""
    from segwork.personas.acid import acid_test

    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"orders": rng.integers(0, 9, 160)})
    mine = pd.Series(np.where(frame["orders"] + rng.normal(0, 2, 160) > 4, "x", "y"))
    found = acid_test(frame, mine, seed=3).set_index("segment")
    from segwork.personas.acid import _half

    held = ~_half(mine, 3)
    ranks = frame["orders"].rank(pct=True)
    middle = ranks[~held & (mine == "x")].median()
    own, other = ((ranks - middle).abs()[held & (mine == s)].to_numpy() for s in "xy")
    wins = [(b > a) + (b == a) / 2 for a in own for b in other]
    assert found.loc["x", "own_share"] == pytest.approx(np.mean(wins))


def test_a_story_tells_what_sets_apart_from_the_neighbour() -> None:
    """Two segments alike beside the rest differ in one column: it is told, and the test passed."""
    rng = np.random.default_rng(3)
    orders = np.r_[rng.normal(100, 20, 200), rng.normal(10, 8, 600)]
    silent = np.r_[rng.normal(4, 2, 100), rng.normal(150, 9, 100), rng.uniform(0, 300, 600)]
    people = pd.DataFrame({"orders": orders, "days_since_last": silent})
    people = people.assign(spend_total=orders * 20, basket_value=orders + rng.normal(0, 9, 800))
    mine = pd.Series(["here"] * 100 + ["gone"] * 100 + ["few"] * 600)
    book = personas.build(people, mine)
    assert book.acid_test["passed"].all()
    assert "better than one of here · Bought lately" in book.html()
    told = book.lines[(book.lines["segment"] == "gone") & (book.lines["section"] == "story")]
    assert "days_since_last" in set(told["column"])
    for number in range(10):
        lots = pd.Series(np.random.default_rng(number).permutation(mine))
        assert not personas.build(people, lots, seed=number).acid_test["passed"].any()


def test_a_story_tells_no_difference_that_nobody_sees() -> None:
    """Of a number that is four for nearly all, typically 4 beside the others' 4 is no story."""
    people = pd.DataFrame({"orders": [2, 3] * 40 + [30, 40] * 40})
    people["categories"] = [4, 4, 4, 3] * 20 + [4] * 80
    people["products"] = [1, 7, 4, 4, 4, 4, 4, 9] * 10 + [4] * 80  # in the middle, and so are most
    book = personas.build(people, ["a"] * 80 + ["b"] * 80)
    assert set(book.lines.loc[book.lines["section"] == "story", "column"]) == {"orders"}


# ---- segments and features as people hand them in --------------------------------------------

TWO = pd.DataFrame({"orders": [2, 3] * 40 + [30, 40] * 40})
TWO = TWO.assign(customer_id=[str(n) for n in range(160)], calls=0, returns=np.nan)


@pytest.mark.parametrize("kind", ["int", "float", "text", "category", "table", "list", "polars"])
def test_segments_come_back_as_they_were_given(kind: str) -> None:
    """Whole numbers stay numbers, ids may be numbers, minus one is noise; a name can be mapped."""
    number = pd.Series([0] * 80 + [1] * 80)
    number[:40] = -1
    table = TWO[["customer_id"]].assign(segment=number)
    given = {
        "int": number, "float": number.astype(float), "text": number.astype(str),
        "category": number.astype("category"), "table": table, "list": number.tolist(),
        "polars": pl.from_pandas(table),
    }[kind]  # fmt: skip
    told = personas.names(pl.from_pandas(TWO) if kind == "polars" else TWO, given)
    assert told.tolist() == ["Few orders", "Many orders"]
    expected = ["0", "1"] if kind == "text" else [0, 1]
    assert told.index.tolist() == expected
    book = personas.build(TWO, given)
    assert sorted(book.acid_test["segment"]) == expected
    assert sorted(card.segment for card in book.cards) == ["0", "1"]


def test_names_of_many_segments_are_unique_whatever_the_case() -> None:
    """Columns that differ by case; and equal segments are numbered each for itself."""
    people = pd.DataFrame({"Spend": [9, 8] * 40 + [1, 2] * 40, "spend": [1, 2] * 40 + [8, 9] * 40})
    told = personas.names(people[["Spend"]].rename(columns={"Spend": 0}), ["a"] * 80 + ["b"] * 80)
    assert told.tolist() == ["Much 0", "Little 0"]
    four = personas.names(people, (["a"] * 40 + ["b"] * 40) + (["c"] * 40 + ["d"] * 40))
    assert sorted(name[-3:] for name in four) == ["(1)", "(1)", "(2)", "(2)"]
    facts = personas.build(people, ["a"] * 80 + ["b"] * 80).facts()
    assert (facts["a_typical_spend"], facts["a_typical_spend_2"]) == (8.5, 1.5)


@pytest.mark.parametrize(
    ("features", "segments", "more", "message"),
    [
        (pd.concat([TWO, TWO[:3]]), ["x"] * 163, {}, "3 rows of the features repeat"),
        (TWO, pd.Series("x", index=["1", "1"]), {}, "1 rows of the segments repeat"),
        (TWO, pd.DataFrame({"customer_id": ["1"], "label": 1}), {}, "customer_id, segment"),
        (TWO, "x", {}, "tell no customer"),
        (TWO.assign(orders="many"), ["x"] * 160, {}, "features.orders holds words"),
        (5, ["x"] * 160, {}, "features are a int"),
        (TWO, ["x"] * 160, {"max_personas": 2.5}, "max_personas is 2.5"),
        (TWO, ["x"] * 160, {"max_personas": "3"}, "whole number"),
        (TWO, ["x"] * 160, {"max_personas": None}, "whole number"),
        (TWO, ["x"] * 160, {"language": None}, "accepted: en, id"),
        (TWO, ["x"] * 160, {"language": ["en"]}, "accepted: en, id"),
        (TWO, ["x"] * 160, {"tables": TWO}, "where all tables are meant"),
        (TWO, ["x"] * 160, {"value": 5}, "values are a int"),
    ],
)
def test_wrong_input_is_one_sentence(
    features: object, segments: object, more: dict, message: str
) -> None:
    """Whatever is handed in by mistake, the error says what and what is right."""
    with pytest.raises((UsageError, DataError), match=message):
        personas.build(features, segments, **more)


def test_values_without_end_are_not_known() -> None:
    """An infinite figure is none, so that no fact is infinite."""
    people = TWO.assign(orders=TWO["orders"].astype(float).where(TWO["orders"] != 3, np.inf))
    facts = personas.build(people, ["a"] * 80 + ["b"] * 80).facts()
    assert all(np.isfinite(v) for v in facts.values() if isinstance(v, float))
    assert facts["a_typical_orders_n"] == 40


def test_nobody_shows_through_the_others() -> None:
    """Beside one customer no figure of the others is told, on no card and in no description."""
    people = pd.DataFrame({"orders": [2, 4] * 50 + [777], "spend_total": 1.0})
    mine = ["most"] * 100 + ["one"]
    book = personas.build(people, mine)
    known = book.lines[book.lines["status"] == "known"]
    assert known["rest"].isna().all()
    page = book.html() + book.html("id")
    assert "777" not in page
    assert "the others" not in page
    told = personas.describe(people, mine).set_index("segment")["description"]
    assert told["most"] == "Orders: typically 3."
    assert told["one"] == "1 customers: too few to tell of."
    alone = personas.build(people, ["all"] * 101)
    assert alone.acid_test.empty
    assert "no two segments" in alone.meaning()
    none = personas.build(people, ["a"] * 10 + ["b"] * 20 + [None] * 71)
    assert (none.cards, len(none.left_out)) == ([], 2)
    assert "No segment has enough customers" in none.html()


def test_words_that_differ_by_case_are_one_and_goods_keep_their_names() -> None:
    """Cash and CASH count together, as the commonest; a product called phone stays one."""
    n = 80
    lines = pd.DataFrame({"customer_id": [str(i) for i in range(160)]}).assign(
        ordered_at=pd.Timestamp("2024-12-01"), amount=5.0,
        payment_method=["Cash", "CASH", " cash", "Cash"] * 40,
        product_category=["phone"] * n + ["user"] * n,
    )  # fmt: skip
    contacts = lines[["customer_id"]].assign(
        channel=["E-Mail", "e-mail"] * n, kind=["complaint", "Complaint"] * n,
        occurred_at=pd.Timestamp("2024-12-02"),
    )  # fmt: skip
    data = tables.from_frames(transactions=lines, interactions=contacts)
    book = personas.build(TWO, ["a"] * n + ["b"] * n, tables=data, as_of="2025-01-01")
    lines = book.lines[book.lines["segment"] == "a"].set_index("key")
    assert (lines.loc["pays", "what"], lines.loc["pays", "value"]) == ("Cash", 1.0)
    assert lines.loc["complains", ["value", "n", "share"]].tolist() == [80, 80, 1.0]
    card = {card.segment: card for card in personas.build(
        TWO, ["a"] * n + ["b"] * n, tables=data, as_of="2025-01-01", language="id"
    ).cards}["a"]  # fmt: skip
    told = " ".join(text for _, text, _ in card.lines)
    assert "Phone: 100%" in told
    assert "Keluhan: 80 kontak dari 80 orang, 100% dari segmen." in told


def test_words_of_lots_are_no_trait() -> None:
    """Of thirty regions by lot hardly one book in ten tells a region that is more common."""
    rng, books = np.random.default_rng(8), 0
    for _ in range(20):
        ids = [str(n) for n in range(600)]
        region = rng.choice([f"r{n % 5}" for n in range(30)], 600)
        people = pd.DataFrame({"customer_id": ids, "region": region})
        lines = pd.DataFrame({"customer_id": ids, "ordered_at": "2024-12-01"})
        data = tables.from_frames(transactions=lines, customers=people)
        who = pd.DataFrame({"customer_id": ids, "orders": rng.poisson(5, 600)})
        book = personas.build(who, rng.integers(0, 3, 600).tolist(), tables=data)
        books += bool((book.lines["column"] == "region").any())
    assert books <= 2


def test_who_withdrew_agrees_no_more() -> None:
    """A consent that was withdrawn is none on a card."""
    ids = [str(n) for n in range(160)]
    people = pd.DataFrame({"customer_id": ids, "consent_marketing": True})
    people["withdrawn_at"] = pd.Series(pd.Timestamp("2024-06-01"), range(40))
    lines = pd.DataFrame({"customer_id": ids, "ordered_at": "2024-12-01"})
    data = tables.from_frames(transactions=lines, customers=people)
    book = personas.build(TWO, ["a"] * 80 + ["b"] * 80, tables=data)
    agreed = book.lines[book.lines["key"] == "consents"].set_index("segment")
    assert agreed["value"].to_dict() == {"a": 0.5, "b": 1.0}


# ---- every line is recounted here, slowly and from the tables as they came ------------------


class Recount:
    """Recounts a line from the tables, by the column it says it was counted in."""

    def __init__(
        self, company: sample.SampleCompany, table: pd.DataFrame, label: pd.Series, earned: object
    ) -> None:
        self.label = label
        self.frames = {
            "features": table.set_index("customer_id"),
            "customers": company.tables.customers.set_index("customer_id"),
            "lifecycle": personas.lifecycle(company.tables, as_of=AS_OF).set_index("customer_id"),
            "value": earned.by_customer.set_index("customer_id"),
        }
        lines = company.tables.transactions
        self.back = lines[lines["is_return"].astype(bool)]
        self.sold = lines[~lines["is_return"].astype(bool)]
        self.contacts = company.tables.interactions

    def people(self, segment: str) -> pd.Index:
        """Return the customers of a segment."""
        return self.label.index[self.label == segment]

    def share(self, rows: pd.DataFrame, line: Line, values: pd.Series) -> tuple[float, float, int]:
        """Return share in the segment, share in the rest, customers with the word."""
        inside = rows["customer_id"].isin(self.people(line.segment))
        hit = values.astype(str).str.strip().str.lower() == line.what.lower()
        known = values.notna()
        own = hit[inside & known].mean()
        rest = hit[~inside & known].mean()
        return own, rest, rows.loc[inside & hit, "customer_id"].nunique()

    def __call__(self, line: Line) -> tuple[float, float, int]:
        """Return value, rest and n of a line, worked out anew."""
        mine, nothing = self.people(line.segment), float("nan")
        origin, _, column = line.where.partition(".")
        if line.key == "share":
            return len(mine) / len(self.label), nothing, len(mine)
        if line.key in ("spend_share", "profit_share"):
            whole = self.frames[origin][column].reindex(self.label.index)
            return whole[mine].sum() / whole.sum(), nothing, len(mine)
        if line.key == "consents":
            agreed = self.frames["customers"]["consent_marketing"].reindex(mine).astype(bool)
            return agreed.mean(), nothing, int(agreed.sum())
        if line.key == "typical":
            values = self.frames[origin][column].reindex(self.label.index).astype(float)
            others = values[~values.index.isin(mine)]
            return values[mine].median(), others.median(), int(values[mine].notna().sum())
        if line.key == "most":
            values = (
                self.frames[origin][column].reindex(self.label.index).rename_axis("customer_id")
            )
            rows = values.dropna().reset_index()
            return self.share(rows, line, rows[column])
        if line.key in ("buys", "pays"):
            return self.share(self.sold, line, self.sold[column])
        if line.key in ("hours", "weekday"):
            orders = self.sold.drop_duplicates(["customer_id", "order_id"])
            at = orders["ordered_at"].dt
            part = pd.cut(
                at.hour, [-1, 5, 11, 17, 23], labels=["night", "morning", "afternoon", "evening"]
            )
            week = np.where(at.day_of_week >= 5, "weekend", "weekdays")
            said = part if line.key == "hours" else pd.Series(week, orders.index)
            return self.share(orders, line, pd.Series(np.asarray(said), orders.index))
        if line.key == "reached":
            return self.share(self.contacts, line, self.contacts["channel"])
        rows, name = {
            "asks": (self.contacts, "kind"),
            "complains": (self.contacts, "kind"),
            "sends_back": (self.back, "return_reason"),
        }.get(line.key, (None, ""))
        if rows is not None:
            said = rows[name].astype(str).str.strip().str.lower() == line.what.lower()
            hit = rows[said & rows["customer_id"].isin(mine)]
            return len(hit), nothing, hit["customer_id"].nunique()
        if line.key == "leaves_carts":
            left = self.frames["features"]["carts_left"].reindex(mine)
            return left.sum(), nothing, int((left > 0).sum())
        if line.key == "growth":
            stage = self.frames["lifecycle"]["stage"].reindex(mine)
            spend = self.frames["features"]["spend_total"].reindex(self.label.index)
            worth = spend[mine].sum() / spend.sum() / (len(mine) / len(self.label))
            return stage.isin(["new", "active", "loyal"]).mean(), worth, len(mine)
        raise AssertionError(f"nobody recounts {line.key}")


def test_every_line_is_recounted(
    book: personas.PersonaBook, company: sample.SampleCompany, table: pd.DataFrame,
    label: pd.Series, earned: object,
) -> None:  # fmt: skip
    """Each figure of each card, worked out anew from the table and column it names."""
    recount = Recount(company, table, label, earned)
    lines = [x for x in from_table(book.lines) if x.section not in ("head", "fill")]
    assert len(lines) > 100
    assert {x.section for x in lines} >= {"worth", "story", "who", "channel", "goals", "pains"}
    for line in lines:
        assert line.where, line.fact
        found = recount(line)
        assert found[0] == pytest.approx(line.value), line.fact
        assert found[1] == pytest.approx(line.rest, nan_ok=True), line.fact
        assert found[2] == line.n >= 30, line.fact
        if line.key in ("asks", "complains", "sends_back", "leaves_carts"):
            assert line.share == pytest.approx(line.n / len(recount.people(line.segment)))
            assert 0 < line.worth <= 1, line.fact


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_card_traces_to_a_fact(
    book: personas.PersonaBook, language: str
) -> None:
    """A sentence names its fact, and every number in it is a figure of that fact."""
    facts = book.facts()
    lines = {line.fact: line for line in from_table(book.lines) if line.unit}
    html = book.html(language, currency="IDR")
    items = re.findall(r"<li( [^>]*)>(.*?)</li>", html, re.DOTALL)
    traced = 0
    for start, inner in items:
        if 'class="fill"' in start:
            assert words(language)["card"]["fill_in"] in inner
            continue
        fact = re.search(r'data-fact="([^"]+)"', start)
        assert fact is not None, inner
        assert fact[1] in facts, fact[1]
        line, traced = lines[fact[1]], traced + 1
        sentence = inner.partition("<small>")[0].replace("\xa0", " ").replace("&#39;", "'")
        figures = [facts.get(fact[1] + end) for end in ("", "_low", "_high", "_rest")]
        texts = [shown(x, line.unit, language, "IDR") for x in figures if x is not None]
        parts = [facts.get(fact[1] + end) for end in ("_share", "_worth")]
        texts += [shown(x, "share", language) for x in parts if x is not None]
        for text in sorted([*texts, shown(line.n, "count", language)], key=len, reverse=True):
            sentence = sentence.replace(text.replace("\xa0", " "), "")
        rest = sentence.replace(words(language)["data"].get(line.what, line.what), "")
        assert not re.search(r"\d", re.sub(r"\((B2B|B2C)\)", "", rest)), (rest, inner)
    assert traced == sum(
        1 for x in from_table(book.lines) if x.section not in ("head", "fill", "growth")
    )


def test_facts_are_finite_and_name_their_count(book: personas.PersonaBook) -> None:
    """What the run folder keeps: finite figures, each with the number behind it."""
    facts = book.facts()
    assert all(np.isfinite(v) for v in facts.values() if isinstance(v, float))
    assert all(f"{line.fact}_n" in facts for line in from_table(book.lines) if line.n)


def test_what_data_cannot_know_is_left_to_be_filled_in(book: personas.PersonaBook) -> None:
    """Motives, quotes, media: an empty field in each card, without figure or evidence."""
    for card in book.cards:
        asked = [text for section, text, proof in card.lines if section == "fill" and not proof]
        assert len(asked) == len(definition("persona")["fill"])
    table = personas.steps(book)
    assert len(table) == 5 * 11
    offer = table[table["step"] == "5 Value proposition"]
    assert (offer["status"] == "to fill in").all()
    assert offer["text"].str.endswith("to fill in.").all()
    facts = book.facts()
    told = [name for names in table["facts"] for name in names.split(", ") if name]
    assert told
    assert set(told) <= set(facts)


def test_both_kinds_of_persona(book: personas.PersonaBook) -> None:
    """Companies decide for others to use: a buyer persona; the others use what they buy."""
    kinds = {card.segment: card.kind for card in book.cards}
    assert kinds["big baskets"] == "Buyer persona"
    assert kinds["loyal regulars"] == "Customer persona"


def test_without_customers_the_personas_are_of_behaviour_alone(
    company: sample.SampleCompany, label: pd.Series
) -> None:
    """No demographic line, no relation, no consent; the story and the acid test stay."""
    data = tables.from_frames(transactions=company.tables.transactions)
    table = features.customer_features(data, as_of=AS_OF)
    book = personas.build(table, label, tables=data, as_of=AS_OF)
    lines = book.lines[book.lines["status"] == "known"]
    assert book.acid_test["passed"].all()
    assert set(lines.loc[lines["section"] == "who", "column"]) == {"stage"}
    assert not lines["where"].str.startswith(("customers", "interactions")).any()
    assert all(card.kind == "Buyer persona" for card in book.cards)


def test_complete_journey_has_households_with_demographics(public_data: Path) -> None:
    """A real shop: age and income bands on the cards, and a plan, from the shared file."""
    lines = pd.read_parquet(public_data / "cj_transactions_sample.parquet")
    names = {"household_id": "customer_id", "basket_id": "order_id", "sales_value": "amount"}
    lines = lines.rename(columns={**names, "transaction_timestamp": "ordered_at"})
    people = pd.read_parquet(public_data / "cj_demographics.parquet")
    people = people.rename(columns={"household_id": "customer_id", "age": "age_band"})
    people = people.rename(columns={"income": "income_band"})
    kept = lines[["customer_id", "order_id", "ordered_at", "amount"]]
    data = tables.from_frames(transactions=kept, customers=people)
    as_of = "2018-01-01"
    table = features.customer_features(data, as_of=as_of)
    groups = pd.qcut(table["orders"].rank(method="first"), 3, labels=["S03", "S02", "S01"])
    label = pd.Series(groups.astype(str).to_numpy(), table["customer_id"])
    book = personas.build(table, label, tables=data, as_of=as_of)
    who = book.lines[book.lines["section"] == "who"]
    assert {"income_band", "stage"} <= set(who["column"])
    assert book.acid_test["passed"].all()
    board = personas.scoreboard(data, as_of=as_of)
    assert board.loc["demographic", "lacking"] == pytest.approx(0.67, abs=0.05)
    assert board["explained"].idxmax() == "behavioural"


def test_scoreboard_finds_what_was_planted() -> None:
    """Where the region decides what is spent, geography beats all; who has no field is counted."""
    rng = np.random.default_rng(4)
    ids = [f"c{n}" for n in range(600)]
    region = rng.choice(["Bali", "Banten"], 600)
    people = pd.DataFrame({"customer_id": ids, "region": region, "age": rng.integers(18, 80, 600)})
    people.loc[:59, ["region", "age"]] = None
    when = pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 366, 6_000), unit="D")
    who = rng.integers(0, 600, 6_000)
    amount = np.where(region[who] == "Bali", 1_000.0, 10.0)
    lines = pd.DataFrame({"customer_id": np.array(ids)[who], "ordered_at": when, "amount": amount})
    data = tables.from_frames(transactions=lines, customers=people)
    learned = pd.DataFrame({"segments": 3, "explained": 0.1, "low": 0.05, "high": 0.2,
                            "found_again": 0.9}, index=["kmeans"])  # fmt: skip
    board = personas.scoreboard(data, as_of="2025-01-01", learned=learned)
    assert board.index.tolist()[0] in ("geographic", "behavioural")
    assert board.loc["geographic", "explained"] > 5 * board.loc["demographic", "explained"]
    assert board.loc["geographic", "lacking"] == pytest.approx(0.1, abs=0.01)
    assert board.loc["kmeans", "kind"] == "learned"
    assert (board["found_again"].dropna() <= 1).all()
    assert "psychographic" not in board.index


def test_plan_says_who_first_and_only_who_agreed(
    company: sample.SampleCompany, table: pd.DataFrame, label: pd.Series, earned: object
) -> None:
    """One action a segment; the audience agreed; who stays silent comes last; both languages."""
    standing = personas.lifecycle(company.tables, as_of=AS_OF)
    consent = personas.consent(company.tables, purpose="marketing", as_of=AS_OF)
    plan, both = personas.plans(table, label, standing, profit=earned, consent=consent)
    assert plan["rank"].tolist() == list(range(1, 8))
    by_segment = plan.set_index("segment")
    assert by_segment["action"]["newcomers"].startswith("Welcome")
    assert by_segment["action"]["loyal regulars"].startswith("Thank")
    assert by_segment["action"]["dormant"].startswith("Write no more")
    assert by_segment["rank"]["dormant"] >= 6
    flags = company.tables.customers.set_index("customer_id")
    agreed = flags.index[flags["consent_marketing"].astype(bool) & flags["withdrawn_at"].isna()]
    assert set(consent.index) == set(agreed)
    new = standing.set_index("customer_id")["stage"].reindex(label.index) == "new"
    mine = new & (label == "newcomers") & label.index.isin(agreed)
    assert by_segment["customers"]["newcomers"] == mine.sum()
    assert both.groupby("language")["segment"].nunique().to_dict() == {"en": 7, "id": 7}
    assert personas.consent(
        tables.from_frames(transactions=company.tables.transactions), purpose="x", as_of=AS_OF
    ) is None  # fmt: skip


def test_a_segment_that_loses_money_is_mended_first(
    company: sample.SampleCompany, table: pd.DataFrame, label: pd.Series
) -> None:
    """With a ruinous cost of an order the plan stops selling."""
    lost = value.profit(company.tables, label, as_of=AS_OF, costs={"order": 1e8})
    standing = personas.lifecycle(company.tables, as_of=AS_OF)
    plan, _ = personas.plans(table, label, standing, profit=lost)
    assert plan.set_index("segment")["action"]["loyal regulars"].startswith("Mend")
    rest = plan["action"].str.startswith("Write no more")
    assert plan.loc[~rest, "audience"].str.contains("not recorded").all()
    assert (plan.loc[rest, "customers"] == 0).all(), "who is left in peace is no audience"


def test_languages_say_the_same_things() -> None:
    """Both files hold the same keys; every definition has a source and a why."""

    def keys(part: object, path: str = "") -> set[str]:
        if not isinstance(part, dict):
            return {path}
        return set().union(*(keys(v, f"{path}/{k}") for k, v in part.items()))

    assert keys(words("en")) == keys(words("id"))
    text = resources.files("segwork.personas").joinpath("definitions.toml").read_text("utf-8")
    for name, body in tomllib.loads(text).items():
        assert name in ("columns", "steps", "lines") or {"source"} <= set(body), name


def test_numbers_and_dates_in_the_readers_form() -> None:
    """CLDR forms of both languages; three digits and no more."""
    when = pd.Timestamp("2027-04-01").date()
    assert day(when, "en") == "April 1, 2027"
    assert day(when, "id") == "1 April 2027"
    assert shown(1234567.0, "money", "id", "IDR") == "Rp1.230.000"
    assert shown(1234567.0, "money", "en", "IDR") == "IDR\xa01,230,000"
    assert shown(0.1234, "share", "id") == "12,3%"
    assert shown(float("nan"), "share", "en") == "–"


def test_hostile_words_stay_text(company: sample.SampleCompany, label: pd.Series) -> None:
    """A product called like a script is a product."""
    lines = company.tables.transactions.assign(product_category="<script>alert(1)</script>")
    own = label[label == "loyal regulars"].index
    lines.loc[~lines["customer_id"].isin(own), "product_category"] = "plain"
    data = tables.from_frames(transactions=lines)
    table = features.customer_features(data, as_of=AS_OF)
    html = personas.build(table, label, tables=data, as_of=AS_OF).html()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
