"""One chunk of the company: five tables as Arrow with their faults, and its part of the key."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from segwork import packaged
from segwork.sample import contacts, external, faults, orders, population, truth, words
from segwork.sample.calendar import DAY, OPENED_SECOND
from segwork.sample.population import People, generator, ids

CHUNK = 10_000


class Maker:
    """Makes the chunks of one company; what all chunks share is drawn once."""

    def __init__(self, *, seed: int, customers: int, with_faults: bool) -> None:
        first = population.draw(seed=seed, chunk=0, first=0, n=min(CHUNK, customers))
        self.mean_income = float(np.round(np.nanmean(first.columns["income"])))
        self.seed = seed
        self.with_faults = with_faults
        self.fx = external.exchange_rates(seed=seed)

    def outside(self) -> tuple[pa.Table, dict[str, int]]:
        """Return the external table, which no customer touches, and counts of removed rows."""
        table = external.table(seed=self.seed, fx=self.fx)
        planted = self._planted("external", table, chunk=external.CHUNK_OF_THE_WORLD)
        return _arrow("external", planted.table, None, self.seed), planted.removed

    def chunk(self, number: int, first: int, n: int) -> tuple[dict[str, pa.Table], dict, dict]:
        """Return tables, answer key and counts of removed rows of one chunk."""
        people = population.draw(seed=self.seed, chunk=number, first=first, n=n)
        sold = orders.lines(people, self.fx, seed=self.seed, chunk=number)
        margin = truth.of_the_year(sold, sold["amount"] - sold["quantity"] * sold["unit_cost"], n)
        heavy = people.heavy_caller & (margin < contacts.MOST_MARGIN)
        seed = {"seed": self.seed, "chunk": number}
        drawn = {
            "customers": _customers(people, sold, first),
            "transactions": _with_vocabulary(sold, people),
            "behaviour": contacts.behaviour(people, sold, **seed, robots=self.with_faults),
            "interactions": contacts.interactions(people, margin, heavy, **seed),
        }
        key = truth.key(people, sold, drawn["interactions"], margin, heavy)
        tables, removed = {}, {}
        for name, table in drawn.items():
            planted = self._planted(name, table, chunk=number)
            removed |= planted.removed
            tables[name] = _arrow(name, planted.table, people, self.seed)
        return tables, key, removed

    def _planted(self, name: str, table: dict, *, chunk: int) -> faults.Planter:
        rng = generator(self.seed, chunk, 20 + list(faults.PLANT).index(name))
        shown = {"shown": table["at"].copy()}
        plant = faults.Planter(table | shown, rng, mean_income=self.mean_income)
        if self.with_faults:
            faults.PLANT[name](plant)
        return plant


def _customers(people: People, sold: dict, first: int) -> dict[str, np.ndarray]:
    """Add sign-up shortly before the first order, age and birth year to the drawn columns."""
    n = people.start.size
    first_order = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first_order, sold["who"], sold["at"])
    before = 60 + (people.start * 7919 + np.arange(n) * 104_729) % 1740
    age = people.columns["age_exact"]
    gone = people.columns["withdrawn_day"]
    return people.columns | {
        "at": np.maximum(first_order - before, OPENED_SECOND),
        "number": first + np.arange(n),
        "age": np.floor(age).astype(int),
        "birth_year": np.floor(2026.497 - age).astype(int),
        "withdrawn_at": np.where(gone < 0, -1, OPENED_SECOND + gone * DAY + 36_000),
    }


def _with_vocabulary(sold: dict, people: People) -> dict[str, np.ndarray]:
    return sold | {"country": people.foreign[sold["who"]], "description": sold["product"].copy()}


@cache
def _columns() -> dict[str, dict[str, list[str]]]:
    """Return for each column of each table what is drawn for it and how it is spelled."""
    return packaged.values("sample/columns.toml")


@cache
def _vocabularies() -> dict[str, tuple | list]:
    goods, simple = words.catalogue(), "agents events channels kinds sentiments currencies payments"
    names = [str(name) for name in goods["name"]]
    countries = ["Indonesia", *(name for name, _ in words.ABROAD)]
    return {
        **{name: getattr(words, name.upper()) for name in simple.split()},
        "products": [f"P{(37 * i + 11) % 997:03d}" for i in range(len(names))],
        "descriptions": names + [_misread(name) for name in names],
        "categories": [str(name) for name in goods["category"]],
        "countries": [*countries, *map(str.upper, countries), *map("{} ".format, countries)],
        "reasons": words.REASONS + words.REASON_FORMS,
    }


def _arrow(name: str, table: dict, people: People | None, seed: int) -> pa.Table:
    """Spell a table's codes; two helper columns carry the true time and the fault."""
    columns = {
        column: _who(table[source], people, seed)
        if how == "who"
        else _spelled(table[source], how, seed)
        for column, (source, how) in _columns()[name].items()
    }
    return pa.table(columns | {"_at": table["at"].astype(float), "_fault": table["fault"]})


def _spelled(values: np.ndarray, how: str, seed: int) -> pa.Array:
    """Spell one column; a negative code or time is a null."""
    if how == "as is":
        return pa.array(values, from_pandas=True)
    if how == "date":
        return pa.array((values // DAY).astype(np.int32)).cast(pa.date32())
    if how == "time":
        micro = np.round(np.asarray(values) * 1000).astype(np.int64) * 1000
        return pa.array(micro, pa.timestamp("us"), mask=values < 0)
    if vocabulary := _vocabularies().get(how):
        return truth.words_of(vocabulary, values)
    numbers, place = np.unique(values, return_inverse=True)
    return pa.array(ids(how, numbers, seed=seed)).take(pa.array(place))


def _who(who: np.ndarray, people: People, seed: int) -> pa.Array:
    """Spell customer ids: -1 is a lost one, anything below an id that no customer has."""
    numbers, place = np.unique(who, return_inverse=True)
    strange = ids("C", faults.ORPHAN_IDS - np.minimum(numbers, 0), seed=seed)
    names = pa.array(
        np.where(numbers < 0, strange, people.ids[np.maximum(numbers, 0)]), mask=numbers == -1
    )
    return names.take(pa.array(place))


def _misread(name: str) -> str:
    return name.encode("utf-8").decode("latin-1")
