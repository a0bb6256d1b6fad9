"""What the sample company sells, where its customers live, and what they write: ``words.toml``."""

from __future__ import annotations

from functools import cache

import numpy as np

from segwork import packaged

_SAID = packaged.values("sample/words.toml")

REGIONS, _share, POST_CODE = map(tuple, zip(*_SAID["regions"], strict=True))
REGION_SHARE = np.array(_share) / 100
ABROAD = tuple(map(tuple, _SAID["abroad"]))
# Name of a category to its median price in IDR and the share of the price that is cost.
CATEGORIES = {name: tuple(row[:2]) for name, row in _SAID["categories"].items()}
NOUNS = {name: tuple(row[2:]) for name, row in _SAID["categories"].items()}
SIZES = tuple(_SAID["sizes"])
HOSTILE = {int(place): text for place, text in _SAID["hostile"].items()}
PER_CATEGORY = 20
PAYMENTS, REASONS, REASON_FORMS, CURRENCIES = (
    tuple(_SAID[name]) for name in ("payments", "reasons", "reason_forms", "currencies")
)
AGENTS, EVENTS, CHANNELS = (tuple(_SAID[name]) for name in ("agents", "events", "channels"))
OPENINGS, CLOSINGS = tuple(_SAID["openings"]), tuple(_SAID["closings"])
SENTIMENTS, KINDS = tuple(_SAID["sentiments"]), tuple(_SAID["kinds"])
SENTENCES = {kind: tuple(said["sentences"]) for kind, said in _SAID["kinds"].items()}
FEELING = {kind: SENTIMENTS.index(said["feeling"]) for kind, said in _SAID["kinds"].items()}


@cache
def catalogue() -> dict[str, np.ndarray]:
    """Return the 240 products by category and rising price: name, category, price, cost share."""
    quantile = (np.arange(PER_CATEGORY) + 0.5) / PER_CATEGORY
    spread = np.exp(1.1 * np.log(quantile / (1 - quantile)) / 1.7)
    names = [f"{n} {size}" for own in NOUNS.values() for size in SIZES for n in own]
    for place, text in HOSTILE.items():
        names[place] = text
    median, cost = np.array(list(CATEGORIES.values())).T
    price = np.maximum(np.round(median[:, None] * spread / 500) * 500, 2_000)
    return {
        "name": np.array(names),
        "category": np.repeat(list(CATEGORIES), PER_CATEGORY),
        "price": price.ravel(),
        "cost": np.repeat(cost, PER_CATEGORY),
    }
