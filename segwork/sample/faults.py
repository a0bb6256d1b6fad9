"""Faults planted on purpose: which, where, how many; the rows they hit go into the answer key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from segwork import packaged
from segwork.sample import words
from segwork.sample.calendar import DAY, OPENED_SECOND, day_of, second_of

OUTAGE = date(2026, 2, 4)
SHIFTED = (date(2025, 10, 6), date(2025, 10, 8))
SPAM = (date(2026, 5, 11), date(2026, 5, 13))
LATE = ("Jawa Timur", date(2026, 1, 10), date(2026, 2, 20))
STUCK = ("Bali", date(2025, 11, 3), date(2025, 11, 16))
GAP = ("Banten", date(2026, 4, 6), date(2026, 4, 10))


@dataclass(frozen=True)
class Fault:
    """One planted fault: catalogue id, table, column, share of the rows it may hit, description."""

    name: str
    code: str
    table: str
    column: str
    share: float
    what: str


_DAYS = {"outage": OUTAGE, "late": LATE[0], "stuck": STUCK[0], "gap": GAP[0]}
FAULTS = tuple(
    Fault(*row, what.format(**_DAYS))
    for *row, what in packaged.values("sample/faults.toml")["faults"]
)
SECOND_IDS, ORPHAN_IDS = 5 * 10**10, 6 * 10**10
SPAM_TEXT = (
    "Congratulations!!! You won a voucher of 5.000.000, click http://example.com/win now",
    "Pinjaman cepat tanpa jaminan, bunga 0 %, hubungi kami sekarang juga http://example.com/kta",
)
PERSONAL = (
    " My card is 4111 1111 1111 1111, number {}.",
    " Hubungi saya di 0812-5550-{}.",
    " Write to buyer{}@example.com please.",
)
NUMBER = {fault.name: place + 1 for place, fault in enumerate(FAULTS)}
SHARE = {fault.name: fault.share for fault in FAULTS}
REMOVED = ("outage", "event outage", "missing days")


class Planter:
    """Hits rows that carry no fault yet and notes which; one per chunk and table."""

    def __init__(
        self, table: dict[str, np.ndarray], rng: np.random.Generator, *, mean_income: float
    ) -> None:
        self.mean_income = mean_income
        self.table = {name: values.copy() for name, values in table.items()}
        self.rng = rng
        self.table["fault"] = np.zeros(table["at"].size, np.int8)
        self.removed: dict[str, int] = {}

    def hit(self, name: str, eligible: np.ndarray | None = None) -> np.ndarray:
        """Choose and mark the rows of a fault; return their positions."""
        fault = self.table["fault"]
        chosen = (fault == 0) & (self.rng.random(fault.size) < SHARE[name])
        if eligible is not None:
            chosen &= eligible
        fault[chosen] = NUMBER[name]
        return np.flatnonzero(chosen)

    def copy(self, name: str) -> np.ndarray:
        """Append copies of rows of a fault and return where the copies stand."""
        source = self.hit(name)
        n = self.table["fault"].size
        for column, values in self.table.items():
            self.table[column] = np.concatenate([values, values[source]])
        self.table["fault"][source] = 0
        return np.arange(n, n + source.size)

    def drop(self, name: str, gone: np.ndarray) -> None:
        """Remove rows and count them."""
        self.removed[name] = int(gone.sum())
        self.table = {column: values[~gone] for column, values in self.table.items()}

    def between(self, first: date, last: date) -> np.ndarray:
        """Mark the rows of some days."""
        day = (self.table["at"] - OPENED_SECOND) // DAY
        return (day >= day_of(first)) & (day <= day_of(last))


def _transactions(plant: Planter) -> None:
    """Plant the faults of order lines."""
    rng = plant.rng
    plant.drop("outage", plant.between(OUTAGE, OUTAGE))
    t = plant.table
    t["shown"][plant.hit("clock shift", plant.between(*SHIFTED))] += 9 * 3600
    sale = ~t["is_return"]
    left = plant.hit("unconverted currency", t["currency"] > 0)
    t["unit_price"][left] = np.round(t["unit_price"][left] / t["fx_rate"][left], 2)
    t["amount"][left] = np.round(t["unit_price"][left] * t["quantity"][left], 2)
    t["reason"][plant.hit("reason variant", ~sale)] += len(words.REASONS)
    accents = np.array([not name.isascii() for name in words.catalogue()["name"]])
    t["description"][plant.hit("mis-decoded text", accents[t["product"]])] += accents.size
    t["who"][plant.hit("missing customer")] = -1
    lost = plant.hit("orphan customer")
    t["who"][lost] = -2 - t["who"][lost]
    turned = plant.hit("negative quantity", sale)
    for column in ("quantity", "amount", "amount_local"):
        t[column][turned] *= -1
    free = plant.hit("zero price", sale)
    for column in ("unit_price", "amount", "amount_local"):
        t[column][free] = 0
    t["shown"][plant.hit("date 1970")] = 0
    t["shown"][plant.hit("date 2099")] = 4_102_358_400
    variant = plant.hit("country variant")
    t["country"][variant] += (1 + len(words.ABROAD)) * rng.integers(1, 3, variant.size)
    t["reason"][plant.hit("reason without return", sale)] = 0
    wrong = plant.hit("amount identity", sale)
    t["amount"][wrong] = np.round(t["amount"][wrong] * 1.1)
    small = plant.hit("price in thousands", sale & (t["currency"] == 0))
    for column in ("unit_price", "amount", "amount_local"):
        t[column][small] /= 1000
    plant.copy("exact duplicate")
    again = plant.copy("re-keyed duplicate")
    t = plant.table
    delay = rng.integers(5, 41, again.size)
    t["at"][again] += delay
    t["shown"][again] += delay
    t["order"][again] = t["order"].max() + 1 + np.arange(again.size)


def _customers(plant: Planter) -> None:
    """Plant the faults of customers."""
    rng = plant.rng
    t = plant.table
    t["age"][plant.hit("sentinel age")] = 999
    t["income"][plant.hit("mean-imputed income", np.isnan(t["income"]))] = plant.mean_income
    t["income"][plant.hit("income in thousands", ~np.isnan(t["income"]))] /= 1000
    empty = plant.hit("placeholder word")
    t["lifestyle"][empty] = np.array(["n/a", "unknown", "-"], object)[
        rng.integers(0, 3, empty.size)
    ]
    variant = plant.hit("region variant")
    form = rng.integers(0, 2, variant.size)
    for row, upper in zip(variant, form, strict=True):
        name = t["region"][row]
        t["region"][row] = name.upper() if upper else name + " "
    again = plant.copy("second id")
    plant.table["number"][again] += SECOND_IDS


def _behaviour(plant: Planter) -> None:
    """Plant the faults of events; the robots are there already and are only marked."""
    plant.drop("event outage", plant.between(OUTAGE, OUTAGE))
    t = plant.table
    t["fault"][t["robot"] == 1] = NUMBER["fast robot"]
    t["fault"][t["robot"] == 2] = NUMBER["slow robot"]
    ordered = np.r_[t["session"][1:] != t["session"][:-1], True]
    inner = np.r_[False, t["session"][1:] == t["session"][:-1]]
    t["shown"][plant.hit("long gap", ordered & inner)] += 13 * 3600
    t["shown"][plant.hit("backward step", inner & ~ordered)] -= 3600


def _interactions(plant: Planter) -> None:
    """Plant the faults of contacts."""
    rng = plant.rng
    t = plant.table
    for row in plant.hit("personal data"):
        t["text"][row] += PERSONAL[rng.integers(0, len(PERSONAL))].format(rng.integers(1000, 9999))
    written = t["channel"] == 1
    for row in plant.hit("markup", written | (t["channel"] == 2)):
        t["text"][row] = f"<p>{t['text'][row]}</p><br>-- <br>Sent from my phone"
    t["text"][plant.hit("empty text")] = ""
    flipped = plant.hit("flipped sentiment", written & (t["sentiment"] != 1))
    t["sentiment"][flipped] = 2 - t["sentiment"][flipped]
    spam = plant.copy("spam wave")
    t, first = plant.table, day_of(SPAM[0])
    day = rng.integers(first, day_of(SPAM[1]) + 1, spam.size)
    t["at"][spam] = t["shown"][spam] = second_of(day, rng.integers(0, DAY, spam.size))
    t["text"][spam] = np.array(SPAM_TEXT, object)[rng.integers(0, len(SPAM_TEXT), spam.size)]
    t["channel"][spam], t["kind"][spam], t["sentiment"][spam], t["by_hand"][spam] = 1, 1, 2, -1
    t["minutes"][spam], t["cost"][spam] = 0.0, 0.0


def _external(plant: Planter) -> None:
    """Plant the faults of outside values: a late station, a stuck sensor, missing days."""
    t = plant.table
    region, first, last = LATE
    rain = (t["region"] == region) & (t["name"] == "rain_mm")
    late = plant.hit("late station", rain & plant.between(first, last))
    days = np.flatnonzero(rain)
    t["value"][late] = t["value"][days[np.searchsorted(days, late) - 2]]
    region, first, last = STUCK
    warm = (t["region"] == region) & (t["name"] == "temperature_c") & plant.between(first, last)
    stuck = plant.hit("stuck sensor", warm)
    t["value"][stuck] = t["value"][stuck[:1]]
    region, first, last = GAP
    plant.drop("missing days", (t["region"] == region) & plant.between(first, last))


PLANT = {
    "customers": _customers,
    "transactions": _transactions,
    "behaviour": _behaviour,
    "interactions": _interactions,
    "external": _external,
}
