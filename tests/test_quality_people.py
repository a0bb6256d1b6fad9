"""Who is who, and what is empty: inputs that were once read in silence, and their siblings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segwork import checks, tables
from segwork.errors import DataError
from segwork.quality.customer_ids import fold_customer
from segwork.quality.sources import source_tables
from segwork.tables import from_frames


def lines(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Draw order lines of forty customers."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "order_id": [f"R{100_000 + i}" for i in range(n)],
        "customer_id": (20_000 + rng.integers(0, 40, n)).astype(str),
        "ordered_at": pd.Timestamp("2023-01-01") + pd.to_timedelta(np.arange(n) * 33_000, unit="s"),
        "amount": rng.lognormal(3, 0.6, n).round(2),
    })  # fmt: skip


def finding(code: str, given: pd.DataFrame | tables.Tables) -> tuple[str, str, int, str]:
    """Return status, columns, count and message of one check."""
    given = given if isinstance(given, tables.Tables) else from_frames(transactions=given)
    table = checks.run("DQ", source_tables(given, as_of="2024-01-01"), only=[code]).table
    row = table.set_index("code").loc[code]
    return row["status"], row["column"], int(row["n_rows"]), row["message"]


def case(public_data: Path, number: str, monkeypatch: pytest.MonkeyPatch) -> tables.Tables:
    """Load an input that once failed."""
    folder = next((public_data / "cases").glob(f"{number}-*"))
    monkeypatch.chdir(folder)
    return tables.load("segwork.toml")


def test_a_null_mark_is_no_customer(public_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    r"""Case 09: 48 of 240 lines are of a customer called ``\N``."""
    status, column, n, _ = finding("DQ-M-02", case(public_data, "09", monkeypatch))

    assert (status, column, n) == ("failed", "customer_id", 48)


@pytest.mark.parametrize(
    "mark", [r"\N", "(null)", "[NULL]", "<null>", "-", "?", "#NULL!", "Null", "N/A", "nan"]
)
def test_marks_of_other_programs_are_no_customers(mark: str) -> None:
    """Each mark is counted, however many rows have it."""
    for share in (4, 2):
        table = lines()
        table.loc[table.index % share == 0, "customer_id"] = mark
        status, column, n, _ = finding("DQ-M-02", table)
        assert (status, column, n) == ("failed", "customer_id", 240 // share)


def test_one_customer_in_two_spellings(public_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 10: the second half writes 20013.0 for 20013; the finding names the two spellings."""
    status, column, n, message = finding("DQ-G-18", case(public_data, "10", monkeypatch))

    assert (status, column) == ("failed", "customer_id")
    assert n == pytest.approx(120, abs=3)
    assert ".0' for '200" in message


@pytest.mark.parametrize(
    "other", ["{}.0", " {}", "{} ", "{}\u00a0", "\u200b{}", "000{}", "'{}", "{}\ufeff"]
)
def test_spellings_of_numbers(other: str) -> None:
    """Blanks, marks nobody sees, zeros in front, an apostrophe of a spreadsheet."""
    table = lines()
    table.loc[::3, "customer_id"] = table.loc[::3, "customer_id"].map(other.format)

    assert finding("DQ-G-18", table)[:3] == ("failed", "customer_id", 80)


@pytest.mark.parametrize(
    ("one", "other"),
    [("o'neill-7", "o\u2019neill-7"), ("Ana-3", "ANA-3"), ("jos\u00e9-1", "jose\u0301-1"),
     ("K0042", "K42"), ("KL 12", "KL12")],
)  # fmt: skip
def test_spellings_of_names(one: str, other: str) -> None:
    """Case, accents in two encodings, apostrophes, zeros behind a letter, a blank inside."""
    assert fold_customer(one) == fold_customer(other)
    assert fold_customer(one) != fold_customer(one + "1")


KINDS = {
    "number": lambda n: str(40_211 + 7 * n), "mail": lambda n: f"ana.user{n}@example.com",
    "letter": lambda n: f"C-{n + 100}", "name": lambda n: f"Jos\u00e9 N\u00fa\u00f1ez {n}",
    "uuid": lambda n: f"{n * 7919:08x}-aaaa-4bbb-8ccc-{n * 104_729:012x}",
}  # fmt: skip
WAYS = {
    '"{}"': "number mail letter name uuid", "<{}>": "mail", "mailto:{}": "mail",
    "{{{}}}": "number uuid", "#{}": "number letter", "+{}": "number", "{}.": "number name",
    "b'{}'": "number mail uuid", "CUST{}": "number", "{},0": "number letter", "{}.0": "uuid name",
    "{}\t": "number mail", "\u202a{}\u202c": "mail name",
}  # fmt: skip
OTHERS = {
    "thousands": ("number", lambda w: f"{int(w):,}"),
    "dots": ("number", lambda w: f"{w[:2]}.{w[2:]}"),
    "no hyphens": ("uuid letter", lambda w: w.replace("-", "")),
    "dash": ("uuid letter", lambda w: w.replace("-", "\u2013")),
    "capitals": ("mail uuid", str.upper),
    "no accents": ("name", lambda w: w.replace("\u00e9", "e").replace("\u00fa\u00f1", "un")),
    "wrong alphabet": ("name", lambda w: w.encode().decode("cp1252")),
    "entities": ("name", lambda w: w.replace("\u00e9", "&eacute;")),
    "lookalikes": ("letter", lambda w: w.replace("C", "\u0421")),
    "tag": ("mail", lambda w: w.replace("@", "+shop@")),
    "wide": ("number", lambda w: "".join(chr(ord(c) + 0xFEE0) for c in w)),
}  # fmt: skip
SPELT = [(kind, way.format) for way, kinds in WAYS.items() for kind in kinds.split()]
SPELT += [(kind, other) for kinds, other in OTHERS.values() for kind in kinds.split()]


@pytest.mark.parametrize(("kind", "other"), SPELT)
def test_the_second_half_in_another_spelling(kind: str, other: Callable[[str], str]) -> None:
    """Two exports put together: every row of the second is counted, whatever the ids look like."""
    table = lines()
    ids = (table["customer_id"].astype(int) - 20_000).map(KINDS[kind])
    table["customer_id"] = ids.where(table.index < 120, ids.map(other))
    status, column, n, _ = finding("DQ-G-18", table)

    assert (status, column) == ("failed", "customer_id")
    assert n == pytest.approx(120, abs=4)


def test_ids_of_two_systems_are_no_spellings() -> None:
    """Numbers of the web and of the shop; shop and number; random keys that mix cases."""
    who = lines()["customer_id"].astype(int) - 20_000
    rng = np.random.default_rng(2)
    letters = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    keys = ["".join(rng.choice(letters, 2)) for _ in range(40)]
    for ids in (
        who.map(lambda n: f"W{n + 100}" if n % 2 else str(n + 100)),
        who.map(lambda n: f"{n % 9 + 1}-{n + 1}"), who.map(lambda n: f"{40_000 + 13 * n}-{n % 3}"),
        who.map(lambda n: keys[n]), who.map(lambda n: f"+62 812-{1000 + n}"),
    ):  # fmt: skip
        assert finding("DQ-G-18", lines().assign(customer_id=ids))[0] == "passed"


def test_ids_rounded_to_fifteen_digits() -> None:
    """Sixteen digits that all end in zero are no chance; those of a bank do not."""
    who = lines()["customer_id"].astype(int)
    whole = who.map(lambda n: str(8_880_000_000_000_001 + 7_919 * n))
    assert finding("DQ-G-18", lines().assign(customer_id=whole))[0] == "passed"
    cut = whole.str[:15] + "0"
    assert finding("DQ-G-18", lines().assign(customer_id=cut))[:3] == ("failed", "customer_id", 240)


@pytest.mark.parametrize("mark", [
    "#REF!", "{null}", "$null$", "(not set)", "undefined", "DBNull", "\u2014", "k.A.", "tidak ada",
    "null null", "\u200bNULL", "\u200b", "Guest", "Walk-In", "UMUM", "~", "0", "-1", "webshop",
    "00000000-0000-0000-0000-000000000000",
])  # fmt: skip
def test_who_stands_for_nobody(mark: str) -> None:
    """Marks in other brackets and languages, tills' words, lone numbers, a word among numbers."""
    table = lines()
    table.loc[table.index % 5 == 0, "customer_id"] = mark
    status, column, n, _ = finding("DQ-M-02", table)

    assert (status, column, n) == ("failed", "customer_id", 48)


def test_customers_who_only_look_like_nobody() -> None:
    """Ids from 0 on, 9999 among its neighbours, one firm by name, people by name."""
    who = lines()["customer_id"].astype(int) - 20_000
    for ids in (
        who, who + 9_980, who.map(lambda n: "ACME" if n == 3 else str(500 + 7 * n)),
        who.map(lambda n: f"nulla{'abcdefghij'[n % 10]}{'abcd'[n // 10]}"),
    ):  # fmt: skip
        assert finding("DQ-M-02", lines().assign(customer_id=ids.astype(str)))[0] == "passed"


def test_ids_cut_by_a_spreadsheet_are_named() -> None:
    """1.2E+12 is what is left of many ids: every such row counts, a twin or not."""
    table = lines()
    table.loc[::4, "customer_id"] = "1.2E+12"
    status, _, n, message = finding("DQ-G-18", table)

    assert (status, n) == ("failed", 60)
    assert "cut to a power of ten" in message


def test_ids_that_only_look_alike_are_left_alone() -> None:
    """Ten digits for everybody, floats of a column with gaps, letters that tell people apart."""
    table = lines()
    for ids in (
        table["customer_id"].str.zfill(10),
        table["customer_id"].astype(float).where(table.index % 9 > 0),
        "a" + table["customer_id"] + "b",
    ):
        assert finding("DQ-G-18", table.assign(customer_id=ids))[0] == "passed"


def test_amounts_empty_fail(public_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 11: every amount is empty and nothing else says what was spent: it is not even read."""
    with pytest.raises(DataError, match="no value of 'amount': all are missing"):
        case(public_data, "11", monkeypatch)


RANK = {"passed": 0, "inconclusive": 0, "warned": 1, "failed": 2}


SHARES = (0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.8, 0.9, 0.95, 1.0)


def spoilt(kind: str, share: float) -> tuple[str, tables.Tables]:
    """Return the check that must speak, and tables with a fault in a share of the rows."""
    rng = np.random.default_rng(3)
    table = lines(600, seed=1).assign(shelf=rng.integers(1, 99, 600))
    rows = rng.permutation(600) < share * 600
    if kind == "mean":
        income = pd.Series(np.exp(rng.normal(8, 0.5, 600)).round()).mask(rows)
        filled = income.fillna(round(income.mean(), 2) if share < 1 else 3000.0)
        people = pd.DataFrame({"customer_id": range(600), "income": filled})
        return "DQ-M-03", from_frames(transactions=table, customers=people)
    column, value = {"amount": ("amount", np.nan), "extra": ("shelf", np.nan),
                     "null mark": ("customer_id", r"\N")}[kind]  # fmt: skip
    table[column] = table[column].mask(rows, value)
    return "DQ-M-02" if kind == "null mark" else "DQ-M-01", from_frames(transactions=table)


def loudness(kind: str, share: float) -> tuple[int, int]:
    """Return how loud the answer is; tables that are refused are louder than any finding."""
    try:
        status, _, n, _ = finding(*spoilt(kind, share))
    except DataError:
        return 3, 600
    return RANK[status], n


@pytest.mark.parametrize("kind", ["amount", "extra", "null mark", "mean"])
def test_an_alarm_never_falls_as_its_fault_grows(kind: str) -> None:
    """From 5 to 100 % of the rows the status only rises, and so does the count."""
    told = [loudness(kind, share) for share in SHARES]

    assert told[0][0] > 0
    assert told == sorted(told), told


def test_a_country_by_code_and_by_name() -> None:
    """Spain, ES and Spanien are one; Austria and Australia, Niger and Nigeria are two."""
    names = np.array(
        ["Spain", "Spain", "ES", "Spanien", "Austria", "Australia", "Niger", "Nigeria"]
    )
    found = finding("DQ-G-05", lines().assign(country=names[np.arange(240) % 8]))
    assert found[:3] == ("warned", "country", 60)
    other = np.array(
        ["Spain", "Austria", "Australia", "Niger", "Nigeria", "EIRE", "RSA", "Georgia"]
    )
    assert finding("DQ-G-05", lines().assign(country=other[np.arange(240) % 8]))[0] == "passed"


def test_zeros_before_ids_that_begin_with_zeros() -> None:
    """Five digits for everybody, 000 before a third: also of those who come once."""
    ids = pd.Series([f"{n:05d}" for n in np.random.default_rng(3).integers(0, 60_000, 240)])
    odd = ids.index % 3 == 0
    assert finding("DQ-G-18", lines().assign(customer_id=ids))[0] == "passed"
    twice = pd.concat([lines().assign(customer_id=ids)] * 2, ignore_index=True)
    odd = np.append(odd, np.zeros(240, bool))
    odd[300:330] = True  # and of some whose first order is not
    twice["customer_id"] = ("000" + twice["customer_id"]).where(odd, twice["customer_id"])
    assert finding("DQ-G-18", twice)[2] == odd.sum()
