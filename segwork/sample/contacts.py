"""What they do besides buying: visits on site and in the app, calls, mails, chats, posts."""

from __future__ import annotations

import numpy as np

from segwork.sample import words
from segwork.sample.calendar import DAY, DAYS, OPENED_SECOND, WINDOW_DAYS, second_of, seconds
from segwork.sample.population import DORMANT, ONCE, People, generator

LOG_DAYS = 180
VISITS_PER_WEEK = np.array([0.30, 0.55, 0.08, 0.60, 0.30, 0.02, 0.0])
CONTACTS_PER_YEAR = np.array([1.6, 1.8, 1.6, 3.0, 1.4, 0.6, 0.0])
MINUTE_COST, CALL_COST = 6_000, 5_000
CALL_MINUTES = 12.0
PER_CALL = CALL_COST + MINUTE_COST * CALL_MINUTES * np.exp(0.5 * 0.6**2)
MOST_MARGIN = 100 * PER_CALL
ROBOT_FAST, ROBOT_SLOW = 0.0012, 0.0012
SESSIONS_PER_CHUNK = 5_000_000


def behaviour(people: People, sold: dict, *, seed: int, chunk: int, robots: bool) -> dict:
    """Draw the events of the last ``LOG_DAYS`` days, one session per order and the other visits."""
    rng = generator(seed, chunk, 2)
    who, at, buys = _visits(people, sold, rng)
    session = chunk * SESSIONS_PER_CHUNK + np.arange(who.size)
    hits = 1 + buys + np.minimum(rng.geometric(np.where(buys, 0.5, 0.34)), 25)
    table = _events(who, at, buys, session, hits, rng)
    agent = people.device[table["who"]]
    table |= {"agent": agent, "robot": np.zeros(agent.size, np.int8)}
    if not robots:
        return table
    extra = _robots(who, at, session, generator(seed, chunk, 12))
    return {name: np.concatenate([table[name], extra[name]]) for name in table}


def _visits(
    people: People, sold: dict, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return customer, first second and "ends in an order" of every visit."""
    since = DAYS - LOG_DAYS
    begin = np.maximum(people.start, since)
    end = np.where(people.change == 1, np.maximum(people.bounds[1], begin), DAYS)
    quiet = np.isin(people.segment, (DORMANT,))
    weeks = np.where(quiet, 0, end - begin) / 7
    visits = rng.poisson(weeks * VISITS_PER_WEEK[people.segment])
    who = np.repeat(np.arange(begin.size), visits)
    day = begin[who] + (rng.random(who.size) * (end - begin)[who]).astype(int)
    browse = second_of(day, seconds(rng, who.size))
    _, first_line = np.unique(sold["order"], return_index=True)
    bought = first_line[~sold["is_return"][first_line]]
    bought = bought[sold["at"][bought] >= OPENED_SECOND + since * DAY]
    buys = np.r_[np.zeros(who.size, int), np.ones(bought.size, int)]
    return np.r_[who, sold["who"][bought]], np.r_[browse, sold["at"][bought] - 600], buys


def _events(
    who: np.ndarray,
    at: np.ndarray,
    buys: np.ndarray,
    session: np.ndarray,
    hits: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Lay out the hits of every session: gaps of half a minute, the last one the checkout."""
    row = np.repeat(np.arange(who.size), hits)
    nth = np.arange(row.size) - np.repeat(np.cumsum(hits) - hits, hits)
    gap = np.clip(np.exp(rng.normal(3.3, 0.9, row.size)), 2, 1500) * (nth > 0)
    run = np.cumsum(gap)
    since = run - np.repeat(run[np.cumsum(hits) - hits], hits)
    event = rng.choice(4, size=row.size, p=[0.70, 0.14, 0.12, 0.04])
    left = hits[row] - 1 - nth
    event = np.where((buys[row] == 1) & (left == 0), 4, event)
    event = np.where((buys[row] == 1) & (left == 1), 2, event)
    event = np.where((nth == 0) & (left > 1) & (rng.random(row.size) < 0.25), 5, event)
    seen = at[row] + np.floor(since)
    inside = seen < OPENED_SECOND + DAYS * DAY
    columns = {"who": who[row], "at": seen, "event": event, "session": session[row]}
    return {name: values[inside] for name, values in columns.items()}


def _robots(
    who: np.ndarray, at: np.ndarray, session: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Add scrapers on some customers' accounts: fast (200 hits in 90 s) and slow (every 30 s)."""
    kind = np.r_[
        np.full(rng.poisson(ROBOT_FAST * who.size), 1),
        np.full(rng.poisson(ROBOT_SLOW * who.size), 2),
    ].astype(np.int8)
    host = rng.integers(0, max(who.size, 1), kind.size)
    hits = np.where(kind == 1, rng.integers(150, 250, kind.size), rng.integers(40, 90, kind.size))
    row = np.repeat(np.arange(kind.size), hits)
    nth = np.arange(row.size) - np.repeat(np.cumsum(hits) - hits, hits)
    step = np.where(kind == 1, 90 / np.maximum(hits, 1), 30)[row] * nth
    start = at[host] - 3 * 3600
    declared = rng.random(kind.size) < 0.3
    return {
        "who": who[host][row],
        "at": start[row] + np.round(step, 2),
        "event": np.zeros(row.size, int),
        "session": (session[-1] if session.size else 0) + 1 + row,
        "agent": np.where(declared, 3, 2)[row],
        "robot": kind[row],
    }


def interactions(
    people: People, margin: np.ndarray, heavy_caller: np.ndarray, *, seed: int, chunk: int
) -> dict[str, np.ndarray]:
    """Draw the contacts of the last year; heavy callers cost more than their ``margin`` (IDR)."""
    rng = generator(seed, chunk, 3)
    since = DAYS - WINDOW_DAYS
    begin = np.maximum(people.start, since)
    end = np.where(people.change == 1, np.clip(people.bounds[1] + 20, begin, DAYS), DAYS)
    end = np.where(people.segment == ONCE, np.minimum(begin + 60, DAYS), end)
    usual = CONTACTS_PER_YEAR[people.segment] * np.maximum(end - begin, 0) / 365
    heavy = np.where(heavy_caller, 8 + 1.4 * np.maximum(margin, 0) / PER_CALL, 0.0) * (end > begin)
    plain, calls = rng.poisson(usual), rng.poisson(heavy)
    who = np.repeat(np.tile(np.arange(begin.size), 2), np.r_[plain, calls])
    calling = np.arange(who.size) >= plain.sum()
    day = begin[who] + (rng.random(who.size) * (end - begin)[who]).astype(int)
    channel = np.where(calling, 0, rng.choice(4, size=who.size, p=[0.3, 0.3, 0.3, 0.1]))
    kind = rng.choice(4, size=who.size, p=[0.22, 0.34, 0.34, 0.10])
    kind = np.where(calling, rng.choice(3, size=who.size, p=[0.35, 0.40, 0.25]), kind)
    kind = np.where(channel == 3, np.where(rng.random(who.size) < 0.7, 4, kind), kind)
    table = {"who": who, "day": day, "channel": channel, "kind": kind}
    trouble = _troubled(people, rng)
    table = {name: np.concatenate([table[name], trouble[name]]) for name in table}
    return _told(table, rng)


def _troubled(people: People, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Give the troubled five to eight calls and three to five complaints in the last 30 days."""
    troubled = np.flatnonzero(people.mood > 0)
    calls = rng.integers(5, 9, troubled.size)
    who = np.repeat(troubled, calls)
    nth = np.arange(who.size) - np.repeat(np.cumsum(calls) - calls, calls)
    complaints = np.repeat(rng.integers(3, 6, troubled.size), calls)
    engaged = np.repeat(np.flatnonzero(people.mood == 1), 2)
    return {
        "who": np.r_[who, engaged],
        "day": np.r_[
            DAYS - 1 - rng.integers(0, 29, who.size), DAYS - 1 - rng.integers(0, 6, engaged.size)
        ],
        "channel": np.r_[np.zeros(who.size, int), np.full(engaged.size, 3)],
        "kind": np.r_[np.where(nth < complaints, 0, 1), np.full(engaged.size, 4)],
    }


def _told(table: dict, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Add the time, the words, the feeling read by the classifier and by hand, minutes and cost."""
    n = table["who"].size
    kind = table["kind"]
    truth = np.array([words.FEELING[name] for name in words.KINDS])[kind]
    wrong = rng.random(n) < 0.06
    spoken = np.isin(table["channel"], (0, 2))
    minutes = np.where(table["channel"] == 0, CALL_MINUTES, 6.0) * np.exp(rng.normal(0, 0.6, n))
    minutes = np.where(spoken, np.round(minutes, 1), np.where(table["channel"] == 1, 5.0, 1.0))
    return table | {
        "at": second_of(table["day"], seconds(rng, n)),
        "text": _sentences(kind, rng),
        "sentiment": np.where(wrong, (truth + rng.integers(1, 3, n)) % 3, truth),
        "by_hand": np.where(rng.random(n) < 0.03, truth, -1),
        "minutes": minutes,
        "cost": np.round(np.where(spoken, CALL_COST, 1_000) + MINUTE_COST * minutes),
    }


def _sentences(kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put opening, sentence with a product and closing together."""
    goods = np.array(
        [name.split(" ")[0].lower() for names in words.NOUNS.values() for name in names]
    )
    text = np.empty(kind.size, object)
    for code, name in enumerate(words.KINDS):
        rows = np.flatnonzero(kind == code)
        ready = np.array(
            [sentence.format(good) for sentence in words.SENTENCES[name] for good in goods], object
        )
        text[rows] = ready[rng.integers(0, ready.size, rows.size)]
    opening = np.array(words.OPENINGS, object)[rng.integers(0, len(words.OPENINGS), kind.size)]
    closing = np.array(words.CLOSINGS, object)[rng.integers(0, len(words.CLOSINGS), kind.size)]
    return opening + text + closing
