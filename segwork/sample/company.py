"""One chunk of the company: truth, five tables as Arrow, and its part of the answer key."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from segwork.sample import contacts, external, faults, orders, population, words
from segwork.sample.calendar import DAY, DAYS, OPENED_SECOND, WINDOW_DAYS, date_of
from segwork.sample.population import CHANGES, SEGMENTS, YOUNG_LOGIT, People, generator, ids

CHUNK = 10_000
MEAN_INCOME = 7_300_000.0
STATES = ("loyal", "new", "at risk", "lost")


class Maker:
    """Makes the chunks of one company; what all chunks share is drawn once."""

    def __init__(self, *, seed: int, with_faults: bool) -> None:
        self.seed = seed
        self.with_faults = with_faults
        self.fx = external.exchange_rates(seed=seed)

    def outside(self) -> tuple[pa.Table, dict[str, int]]:
        """Return the external table, which no customer touches."""
        table = external.table(seed=self.seed, fx=self.fx)
        table |= {"at": OPENED_SECOND + table["day"] * DAY}
        plant = faults.Planter(table, generator(self.seed, external.CHUNK_OF_THE_WORLD, 9))
        if self.with_faults:
            plant = faults.in_external(table, plant.rng)
        t = plant.table
        columns = {
            "date": pa.array([date_of(day) for day in t["day"]], pa.date32()),
            "name": pa.array(t["name"]),
            "value": pa.array(t["value"]),
            "region": pa.array(t["region"], pa.string()),
            "published_at": _stamp(t["published"]),
        }
        return _with_helpers(columns, t), plant.removed

    def chunk(self, number: int, first: int, n: int) -> tuple[dict[str, pa.Table], dict, dict]:
        """Return tables, answer key and counts of removed rows of one chunk."""
        people = population.draw(seed=self.seed, chunk=number, first=first, n=n)
        sold = orders.lines(people, self.fx, seed=self.seed, chunk=number)
        margin = _yearly(sold, sold["amount"] - sold["quantity"] * sold["unit_cost"], n)
        seen = contacts.behaviour(
            people, sold, seed=self.seed, chunk=number, robots=self.with_faults
        )
        told = contacts.interactions(people, margin, seed=self.seed, chunk=number)
        key = _key(people, sold, told, margin)
        removed: dict[str, int] = {}
        plants = []
        for topic, (table, plant) in enumerate(
            (
                (
                    _customers(people, sold, first),
                    lambda t, r: faults.in_customers(t, r, mean_income=MEAN_INCOME),
                ),
                (_sold(sold, people), faults.in_transactions),
                (seen, faults.in_behaviour),
                (told, faults.in_interactions),
            )
        ):
            table = {**table, "shown": table["at"].copy()}
            rng = generator(self.seed, number, 20 + topic)
            planted = plant(table, rng) if self.with_faults else faults.Planter(table, rng)
            removed |= planted.removed
            plants.append(planted.table)
        spell = self._spelling(people)
        tables = {
            "customers": _customers_arrow(plants[0], self.seed),
            "transactions": _transactions_arrow(plants[1], spell, self.seed),
            "behaviour": _behaviour_arrow(plants[2], spell, self.seed),
            "interactions": _interactions_arrow(plants[3], spell),
        }
        return tables, key, removed

    def _spelling(self, people: People):
        names = pa.array(people.ids)

        def spell(who: np.ndarray) -> pa.Array:
            known = names.take(pa.array(np.maximum(who, 0), mask=who == -1))
            orphans = np.flatnonzero(who < -1)
            if not orphans.size:
                return known
            listed = known.to_pylist()
            strange = ids("C", faults.ORPHAN_IDS - who[orphans], seed=self.seed)
            for row, name in zip(orphans, strange, strict=True):
                listed[row] = str(name)
            return pa.array(listed, pa.string())

        return spell


def _yearly(sold: dict, values: np.ndarray, n: int) -> np.ndarray:
    """Sum values per customer over the window that ends at the cut."""
    recent = sold["at"] >= OPENED_SECOND + (DAYS - WINDOW_DAYS) * DAY
    return np.bincount(sold["who"][recent], weights=values[recent], minlength=n)


def _stamp(at: np.ndarray) -> pa.Array:
    return pa.array((np.round(np.asarray(at) * 1000).astype(np.int64)) * 1000, pa.timestamp("us"))


def _words(vocabulary, codes: np.ndarray) -> pa.Array:
    """Spell codes; a negative code is a null."""
    codes = np.asarray(codes)
    place = {word: number for number, word in enumerate(dict.fromkeys(vocabulary))}
    places = np.array([place[word] for word in vocabulary], np.int16)
    indices = pa.array(places[np.maximum(codes, 0)], mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(place), pa.string()))


def _with_helpers(columns: dict, table: dict) -> pa.Table:
    return pa.table(
        columns | {"_at": pa.array(table["at"], pa.float64()), "_fault": table["fault"]}
    )


def _customers(people: People, sold: dict, first: int) -> dict[str, np.ndarray]:
    c = people.columns
    n = people.start.size
    first_order = np.full(n, np.inf)
    np.minimum.at(first_order, sold["who"], sold["at"])
    rest = 60 + (people.start * 7919 + np.arange(n) * 104_729) % 1740
    signed = np.maximum(first_order - rest, OPENED_SECOND)
    age = np.floor(c["age_exact"]).astype(int)
    table = {
        "at": signed.astype(np.int64),
        "number": first + np.arange(n),
        "age": age,
        "birth_year": np.floor(2026.497 - c["age_exact"]).astype(int),
    }
    return (
        table
        | {name: c[name] for name in c if name not in ("age_exact", "wealth", "foreign")}
        | {
            "lifestyle": c["lifestyle"].astype(object),
            "region": c["region"].astype(object),
        }
    )


def _customers_arrow(t: dict, seed: int) -> pa.Table:
    plain = (
        "age", "birth_year", "gender", "region", "post_code", "country", "customer_type", "income",
        "debt_ratio", "account_activity", "late_payments", "household_size", "lifestyle",
        "app_share", "channel", "consent_marketing", "consent_profiling",
    )  # fmt: skip
    insurance = (
        "insured", "insurance_premium", "driving_incidents", "annual_km", "claims", "risk_label",
    )  # fmt: skip
    columns = {
        "customer_id": pa.array(ids("C", t["number"], seed=seed)),
        "signed_up_at": _stamp(t["at"]),
    }
    columns |= {name: pa.array(t[name], from_pandas=True) for name in plain}
    gone = t["withdrawn_day"]
    columns["withdrawn_at"] = pa.array(
        (OPENED_SECOND + np.maximum(gone, 0) * DAY + 36_000) * 10**6,
        pa.timestamp("us"),
        mask=gone < 0,
    )
    columns |= {name: pa.array(t[name], from_pandas=True) for name in insurance}
    return _with_helpers(columns, t)


def _sold(sold: dict, people: People) -> dict[str, np.ndarray]:
    country = people.foreign[sold["who"]]
    zero = np.zeros(country.size, int)
    return {**sold, "country": country, "country_form": zero, "description": sold["product"].copy()}


def _transactions_arrow(t: dict, spell, seed: int) -> pa.Table:
    goods = words.catalogue()
    names = [str(name) for name in goods["name"]]
    broken = [name.encode("utf-8").decode("latin-1") for name in names]
    reasons = [
        *words.REASONS,
        *(
            form
            for form in (
                r.title() if i % 2 else r.upper() + " " for i, r in enumerate(words.REASONS)
            )
        ),
    ]
    places = ["Indonesia", *(name for name, _ in words.ABROAD)]
    numbers, place = np.unique(t["order"], return_inverse=True)
    columns = {
        "order_id": pa.array(ids("O", numbers, seed=seed)).take(pa.array(place)),
        "ordered_at": _stamp(t["shown"]),
        "customer_id": spell(t["who"]),
        "product_id": _words(
            [f"P{(37 * i + 11) % 997:03d}" for i in range(len(names))], t["product"]
        ),
        "product_description": _words(names + broken, t["description"]),
        "product_category": _words([str(c) for c in goods["category"]], t["product"]),
        "quantity": pa.array(t["quantity"]),
        "unit_price": pa.array(t["unit_price"]),
        "amount": pa.array(t["amount"]),
        "currency": _words(("IDR", "USD", "EUR"), t["currency"]),
        "amount_local": pa.array(t["amount_local"]),
        "fx_rate": pa.array(t["fx_rate"]),
        "unit_cost": pa.array(t["unit_cost"]),
        "payment_method": _words(words.PAYMENTS, t["payment"]),
        "country": _words(
            places + [p.upper() for p in places] + [p + " " for p in places],
            t["country"] + t["country_form"] * len(places),
        ),
        "is_return": pa.array(t["is_return"]),
        "return_reason": _words(reasons, t["reason"]),
    }
    return _with_helpers(columns, t)


def _behaviour_arrow(t: dict, spell, seed: int) -> pa.Table:
    agents = [*words.AGENTS.values(), "PriceCrawler/2.1 (+http://example.com/bot)"]
    numbers, place = np.unique(t["session"], return_inverse=True)
    agent = np.where(t["agent"] < 3, np.array([0, 1, 2, 3])[t["agent"]], 3)
    columns = {
        "session_id": pa.array(ids("S", numbers, seed=seed)).take(pa.array(place)),
        "occurred_at": _stamp(t["shown"]),
        "customer_id": spell(t["who"]),
        "event": _words(words.EVENTS, t["event"]),
        "user_agent": _words(agents, agent),
    }
    return _with_helpers(columns, t)


def _interactions_arrow(t: dict, spell) -> pa.Table:
    columns = {
        "occurred_at": _stamp(t["shown"]),
        "customer_id": spell(t["who"]),
        "channel": _words(words.CHANNELS, t["channel"]),
        "kind": _words(words.KINDS, t["kind"]),
        "text": pa.array(t["text"], pa.string()),
        "sentiment": _words(words.SENTIMENTS, t["sentiment"]),
        "sentiment_by_hand": _words(words.SENTIMENTS, t["by_hand"]),
        "handling_minutes": pa.array(t["minutes"]),
        "cost": pa.array(t["cost"]),
    }
    return _with_helpers(columns, t)


def day(days: np.ndarray, known: np.ndarray) -> pa.Array:
    """Return the midnights that begin the days, null where not known."""
    return pa.array((OPENED_SECOND + days * DAY) * 10**6, pa.timestamp("us"), mask=~known)


def _key(people: People, sold: dict, told: dict, margin: np.ndarray) -> dict[str, pa.Table]:
    """Return this chunk's part of the answer key, one table per truth."""
    n = people.start.size
    name = pa.array(people.ids)
    changed = people.change > 0
    factor = people.factors[1]
    lost = people.change == 1
    risk = (
        (people.change == 2) | (people.change == 4) & (people.bounds[2] > DAYS) | (people.mood > 0)
    )
    state = np.select(
        [lost, risk, people.segment == population.NEW, people.segment == population.ONCE],
        [3, 2, 1, -1],
        0,
    )
    revenue = _yearly(sold, sold["amount"], n)
    serve = np.bincount(told["who"], weights=told["cost"], minlength=n)
    insured = people.columns["insured"]
    young = people.columns["age_exact"] < population.YOUNG
    sure = np.arange(n)[insured]
    return {
        "rules": orders.friday_rule(sold),
        "segments": pa.table({
            "customer_id": name,
            "segment": _words(SEGMENTS, people.segment),
            "started_at": day(people.start, np.ones(n, bool)),
        }),
        "change_points": pa.table({
            "customer_id": name,
            "changed_at": day(people.bounds[1], changed),
            "kind": _words(CHANGES, people.change),
            "until": day(people.bounds[2], people.change == 4),
            "rate_before": pa.array(people.rate, mask=~changed),
            "rate_after": pa.array(people.rate * factor, mask=~changed),
        }),
        "lifecycle": pa.table({
            "customer_id": name,
            "state": _words((*STATES, "one-time"), np.where(state < 0, 4, state)),
            "trouble": _words(("none", "risky but loyal", "angry"), people.mood),
        }),
        "profitability": pa.table({
            "customer_id": name,
            "revenue": revenue,
            "cost_of_goods": revenue - margin,
            "cost_to_serve": serve,
            "profit": margin - serve,
            "heavy_caller": people.heavy_caller,
        }),
        "income": pa.table({
            "customer_id": name,
            "income": people.columns["income_true"],
            "missing": np.isnan(people.columns["income"]),
        }),
        "fairness": pa.table({
            "customer_id": name.take(pa.array(sure)),
            "under_25": young[sure],
            "true_risk": 1 / (1 + np.exp(-people.risk[sure])),
            "labelled_risk": 1 / (1 + np.exp(-(people.risk + YOUNG_LOGIT * young)[sure])),
        }),
    }  # fmt: skip
