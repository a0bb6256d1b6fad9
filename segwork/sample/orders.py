"""What they bought: order times from each customer's rate and the calendar, then order lines."""

from __future__ import annotations

import numpy as np

from segwork.sample import words
from segwork.sample.calendar import (
    AS_OF,
    DAY,
    DAYS,
    OPENED_SECOND,
    day_of,
    demand,
    second_of,
    seconds,
)
from segwork.sample.population import (
    BARGAIN,
    BIG,
    BREADTH,
    LINES,
    NEW,
    PIECES,
    TASTE,
    People,
    generator,
)

QUARTER = 91
RULE_ENDS = DAYS - 4 * QUARTER
FRIDAY_IF_BACK, FRIDAY_IF_LOST, FRIDAY_LATER = 0.02, 0.45, 0.10
REGULAR = 2
ORDERS_PER_CHUNK = 5_000_000


def order_days(people: People, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw (customer position, day) of every order, sorted by customer, then day.

    Gaps are Erlang-2 in each customer's own operational time: the calendar's demand times the
    factor of the piece of life. The first order is on the first day.
    """
    n = people.start.size
    clock = demand()[(people.segment == BARGAIN).astype(int)]
    reach = np.take_along_axis(clock, people.bounds.T, axis=1).T
    gain = np.diff(reach, axis=0) * people.factors * people.rate / 7
    total = np.cumsum(gain, axis=0)
    drawn = rng.poisson(REGULAR * total[-1])
    who = np.repeat(np.arange(n), drawn)
    inner = np.sort(who + rng.random(who.size) * 0.999_999) - who
    nth = np.arange(who.size) - np.repeat(np.cumsum(drawn) - drawn, drawn)
    keep = (nth + rng.integers(0, REGULAR, n)[who]) % REGULAR == 0
    who, own = who[keep], (inner * total[-1][who])[keep]
    piece = (own[None, :] >= total[:2, who]).sum(axis=0)
    before = np.where(piece > 0, total[np.maximum(piece - 1, 0), who], 0.0)
    weeks = (own - before) / np.maximum(people.factors[piece, who] * people.rate[who] / 7, 1e-12)
    day = _day_at(reach[piece, who] + weeks, clock_of=(people.segment[who] == BARGAIN))
    bought = np.bincount(who, minlength=n)
    again = (people.segment == NEW) & (bought == 0)
    second = people.start + 1 + (rng.random(n) * (DAYS - 1 - people.start)).astype(int)
    who = np.concatenate([np.arange(n), who, np.flatnonzero(again)])
    day = np.concatenate([people.start, day, second[again]])
    order = np.lexsort((day, who))
    return who[order], np.minimum(day[order], DAYS - 1)


def _day_at(reach: np.ndarray, *, clock_of: np.ndarray) -> np.ndarray:
    day = np.empty(reach.size, int)
    for which in (0, 1):
        rows = clock_of == which
        day[rows] = np.searchsorted(demand()[which], reach[rows], side="right") - 1
    return day


def friday_nights(
    who: np.ndarray, day: np.ndarray, people: People, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Move some last orders of a quarter to Friday night of their week.

    Up to ``RULE_ENDS`` (a promotion that drew people who did not come back) mostly those that no
    order follows in the next quarter; afterwards all alike. Returns days and what was moved.
    """
    quarter = (day - DAYS) // QUARTER
    last = np.r_[(who[1:] != who[:-1]) | (quarter[1:] != quarter[:-1]), True]
    spot = np.flatnonzero(last & (quarter < -1))
    following = np.minimum(spot + 1, who.size - 1)
    back = (
        (who[following] == who[spot])
        & (quarter[following] == quarter[spot] + 1)
        & (following > spot)
    )
    early = (quarter[spot] + 1) * QUARTER + DAYS <= RULE_ENDS
    chance = np.where(early, np.where(back, FRIDAY_IF_BACK, FRIDAY_IF_LOST), FRIDAY_LATER)
    friday = day[spot] - (day[spot] % 7) + 4
    previous = np.where(np.r_[-1, who[:-1]] == who, np.r_[0, day[:-1]], 0)[spot]
    stops = np.where(people.change == 1, people.bounds[1], DAYS)[who[spot]]
    fits = (friday >= previous) & (friday >= people.start[who[spot]]) & (friday < stops)
    fits &= (friday - DAYS) // QUARTER == quarter[spot]
    chosen = fits & (rng.random(spot.size) < chance)
    day, night = day.copy(), np.zeros(who.size, bool)
    day[spot[chosen]] = friday[chosen]
    night[spot[chosen]] = True
    return day, night


def lines(people: People, fx: np.ndarray, *, seed: int, chunk: int) -> dict[str, np.ndarray]:
    """Draw the order lines and returns of a chunk; ``who`` is the position of the customer.

    ``fx`` has shape (3, DAYS): IDR for one IDR, USD and EUR by day.
    """
    rng = generator(seed, chunk, 1)
    who, day = order_days(people, rng)
    day, night = friday_nights(who, day, people, rng)
    second = seconds(rng, who.size)
    second = np.where(night, 18 * 3600 + rng.integers(0, 5 * 3600, who.size), second)
    sold_at = second_of(day, second)
    order = chunk * ORDERS_PER_CHUNK + np.arange(who.size)
    segment = people.segment[who]
    count = 1 + np.minimum(rng.poisson(LINES[segment]), 40)
    row = np.repeat(np.arange(who.size), count)
    table = _goods(people, who[row], day[row], rng)
    once = np.unique(row * len(words.catalogue()["name"]) + table["product"], return_index=True)[1]
    row, table = row[once], {name: values[once] for name, values in table.items()}
    payment = _payment(rng, segment, people.foreign[who] > 0)
    table |= {"who": who[row], "at": sold_at[row], "order": order[row], "payment": payment[row]}
    table |= {"is_return": np.zeros(row.size, bool), "reason": np.full(row.size, -1)}
    sent_back = _returns(table, people, rng, first_free=order[-1] + 1)
    table = {name: np.concatenate([table[name], sent_back[name]]) for name in table}
    return _in_money(table, people, fx)


def _goods(
    people: People, who: np.ndarray, day: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Choose category, product, pieces and price of every line."""
    segment, n = people.segment[who], who.size
    home = home_category(people)
    categories = len(words.CATEGORIES)
    category = (home[who] + (BREADTH[segment] * rng.random(n) ** 1.4).astype(int) * 5) % categories
    taste = TASTE[segment] + 0.45 * people.wealth[who] + 0.6 * rng.normal(0, 1, n)
    place = np.clip((words.PER_CATEGORY / (1 + np.exp(-1.5 * taste))).astype(int), 0, 19)
    product = category * words.PER_CATEGORY + place
    offer = (segment == BARGAIN) & (rng.random(n) < 0.6)
    full = words.catalogue()["price"][product] * (1 + 0.03 * day / 365)
    price = full * np.select([offer, segment == BIG], [0.72, 0.76], 1.0)
    return {
        "product": product,
        "quantity": 1 + np.minimum(rng.poisson(PIECES[segment]), 60),
        "unit_price": np.round(price / 100) * 100,
        "unit_cost": np.round(full * words.catalogue()["cost"][product] / 100) * 100,
    }


def home_category(people: People) -> np.ndarray:
    """Return each customer's home category, fixed by the household rather than by a new draw."""
    return (people.columns["household_size"] * 5 + people.start) % len(words.CATEGORIES)


def _payment(rng: np.random.Generator, segment: np.ndarray, foreign: np.ndarray) -> np.ndarray:
    shares = [15, 25, 30, 15, 5, 10], [5, 5, 40, 15, 25, 10], [65, 20, 2, 3, 0, 10]
    mix = np.array(shares) / 100
    kind = np.select([segment == 1, segment == 2], [1, 2], 0)
    draw = (rng.random(segment.size)[:, None] > np.cumsum(mix, axis=1)[kind]).sum(axis=1)
    return np.where(foreign, 1, np.minimum(draw, len(words.PAYMENTS) - 1))


def _returns(table: dict, people: People, rng: np.random.Generator, *, first_free: int) -> dict:
    """Send some lines back 2 to 20 days later, under an order id of their own."""
    share = np.where(people.segment[table["who"]] == BARGAIN, 0.10, 0.025)
    later = table["at"] + DAY * rng.integers(2, 20, share.size) + rng.integers(0, 3600, share.size)
    back = (rng.random(share.size) < share) & (later < OPENED_SECOND + day_of(AS_OF) * DAY)
    sent = {name: values[back] for name, values in table.items()}
    n = int(back.sum())
    sent |= {"at": later[back], "order": first_free + np.arange(n), "quantity": -sent["quantity"]}
    mix = [0.30, 0.28, 0.12, 0.20, 0.10]
    return sent | {"is_return": np.ones(n, bool), "reason": rng.choice(5, size=n, p=mix)}


def _in_money(table: dict, people: People, fx: np.ndarray) -> dict[str, np.ndarray]:
    """Add amount in IDR, currency, the amount in that currency, and the rate of the day."""
    foreign = people.foreign[table["who"]]
    currency = np.array([0] + [1 + (code == "EUR") for _, code in words.ABROAD])[foreign]
    day = (table["at"] - OPENED_SECOND) // DAY
    rate = fx[currency, day]
    abroad = currency > 0
    local = np.where(abroad, np.round(table["unit_price"] / rate, 2), table["unit_price"])
    price = np.where(abroad, np.round(local * rate, 2), local)
    return table | {
        "unit_price": price,
        "amount": np.round(table["quantity"] * price, 2),
        "currency": currency,
        "amount_local": np.round(table["quantity"] * local, 2),
        "fx_rate": rate,
    }


def friday_rule(sold: dict[str, np.ndarray]) -> np.ndarray:
    """Count the planted rule by period, shape (2, 4): customers, Friday night, lost, both.

    A case is a customer with an order in a quarter; lost means none in the next quarter, and
    the rule looks at the last order of the quarter. Quarters are 91 days, counted from the cut.
    """
    sale = np.flatnonzero(~sold["is_return"])
    who, at = sold["who"][sale], sold["at"][sale]
    day = (at - OPENED_SECOND) // DAY
    quarter = (day - DAYS) // QUARTER + DAYS // QUARTER + 1
    cell = who * 16 + quarter
    order = np.lexsort((at, cell))
    last = order[np.r_[cell[order][1:] != cell[order][:-1], True]]
    night = (day[last] % 7 == 4) & ((at[last] - OPENED_SECOND) % DAY >= 18 * 3600)
    lost = ~np.isin(cell[last] + 1, cell[last])
    ends = (quarter[last] - DAYS // QUARTER) * QUARTER + DAYS
    counts = np.zeros((2, 4), np.int64)
    for period, case in enumerate((ends <= RULE_ENDS, (ends > RULE_ENDS) & (ends < DAYS))):
        counts[period] = [
            case.sum(),
            (case & night).sum(),
            (case & lost).sum(),
            (case & night & lost).sum(),
        ]
    return counts
