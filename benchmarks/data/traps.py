"""Honest oddities that look like faults; the audit must stay silent about each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.data.worlds import WORLDS, World
from segwork import quality
from segwork.progress import unwatched

Frames = dict[str, pd.DataFrame]


def bulk_order(f: Frames, rng: np.random.Generator) -> None:
    """One buyer orders four hundred times the usual pieces, rightly priced."""
    lines = f["transactions"]
    row = int(rng.choice(np.flatnonzero(lines["quantity"] > 1)))
    total = [c for c in ("amount", "price_paid_local", "invoiced") if c in lines]
    lines["quantity"] = lines["quantity"].mask(lines.index == row, lines["quantity"] * 400)
    for column in total:
        lines[column] = lines[column].mask(lines.index == row, lines[column] * 400)


def cancellation_pairs(f: Frames, rng: np.random.Generator) -> None:
    """Thirty orders are sent back in full an hour later, marked as returns."""
    lines = f["transactions"]
    sold = lines[(lines["quantity"] > 0)].sample(30, random_state=int(rng.integers(10**6))).copy()
    sold["ordered_at"] += pd.Timedelta(hours=1)
    for column in ("quantity", "amount", "price_paid_local", "invoiced"):
        if column in sold:
            sold[column] = -sold[column]
    number = pd.Series(range(60_000, 60_030), index=sold.index)
    text = not pd.api.types.is_numeric_dtype(lines["order_id"])
    sold["order_id"] = "V" + number.astype(str) if text else number
    if "is_return" in sold:
        sold["is_return"] = True
    sold["return_reason"] = lines["return_reason"].dropna().iloc[0]
    f["transactions"] = pd.concat([lines, sold], ignore_index=True).sort_values(
        "ordered_at", kind="stable", ignore_index=True
    )


def rare_category(f: Frames, rng: np.random.Generator) -> None:
    """Three customers come from a region nobody else comes from."""
    people = f["customers"]
    rows = rng.choice(len(people), 3, replace=False)
    people["region"] = people["region"].mask(people.index.isin(rows), "Outer Isles")


def promotion(f: Frames, rng: np.random.Generator) -> None:
    """One day sells eight times as much, at the usual hours."""
    lines = f["transactions"]
    day = lines["ordered_at"].dt.floor("D")
    promoted = day.iloc[len(lines) // 3]
    others = lines[day != promoted]  # a copy within the day would be a real duplicate
    extra = others.sample(len(lines) // 60, random_state=int(rng.integers(10**6))).copy()
    extra["ordered_at"] = promoted + (extra["ordered_at"] - extra["ordered_at"].dt.floor("D"))
    number = pd.Series(np.arange(len(extra)) + 810_000, index=extra.index)
    text = not pd.api.types.is_numeric_dtype(lines["order_id"])
    extra["order_id"] = (
        lines["order_id"].astype(str).str[0].iloc[0] + number.astype(str) if text else number
    )
    home = lines["currency"].value_counts().index[0]
    keep = (extra["quantity"] > 0) & (extra["currency"] == home)  # rates are of their own day
    f["transactions"] = pd.concat([lines, extra[keep]], ignore_index=True).sort_values(
        "ordered_at", kind="stable", ignore_index=True
    )


def round_incomes(f: Frames, rng: np.random.Generator) -> None:
    """Half of the people give their income to the next five hundred."""
    people = f["customers"]
    step = 10 ** np.floor(np.log10(people["income"].median())) / 2
    rough = rng.random(len(people)) < 0.5
    people["income"] = people["income"].mask(rough, (people["income"] / step).round() * step)


def twins(f: Frames, rng: np.random.Generator) -> None:
    """Ten pairs of twins live together: same age and region, other incomes."""
    people = f["customers"]
    rows = rng.choice(len(people), 20, replace=False)
    for column in ("age", "birth_year", "region", "signed_up_at", "town"):
        if column in people:
            values = people[column].to_numpy(copy=True)
            values[rows[10:]] = values[rows[:10]]
            people[column] = values


def pegged_currency(f: Frames, rng: np.random.Generator) -> None:
    """Put a fifth of the home lines in a currency pegged to the home currency."""
    lines = f["transactions"]
    home = lines["currency"].value_counts().index[0]
    chosen = (lines["currency"] == home) & (rng.random(len(lines)) < 0.2)
    lines["currency"] = lines["currency"].mask(chosen, "BND")


def fixed_ratio(f: Frames, rng: np.random.Generator) -> None:
    """Add a column of tax, a fifth of the amount."""
    _ = rng
    f["transactions"]["tax"] = (f["transactions"]["amount"] * 0.2).round(2)


def identifier(f: Frames, rng: np.random.Generator) -> None:
    """Every line has a number of its own, and a till."""
    lines = f["transactions"]
    lines["line_id"] = rng.permutation(len(lines)) + 10**6
    lines["till"] = rng.integers(1, 9, len(lines))


def shuffled(f: Frames, rng: np.random.Generator) -> None:
    """Put the rows of every table in no order."""
    for name, frame in f.items():
        f[name] = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)


def closed_days(f: Frames, rng: np.random.Generator) -> None:
    """Close the shop on Mondays, at Christmas and on New Year's Day."""
    _ = rng
    lines = f["transactions"]
    when = lines["ordered_at"]
    feast = when.dt.strftime("%m-%d").isin(["12-25", "12-26", "01-01"])
    f["transactions"] = lines[~feast & (when.dt.day_of_week != 0)].reset_index(drop=True)


def structural_nulls(f: Frames, rng: np.random.Generator) -> None:
    """Give calls no text, and a loyalty level only to members."""
    talks, people = f["interactions"], f["customers"]
    first = talks["channel"].iloc[0]
    talks["text"] = talks["text"].mask(talks["channel"] == first)
    talks["sentiment"] = talks["sentiment"].mask(talks["channel"] == first)
    member = rng.random(len(people)) < 0.4
    people["member"] = member
    people["level"] = np.where(member, rng.choice(["gold", "blue"], len(people)), None)


TRAPS: dict[str, Callable[[Frames, np.random.Generator], None]] = {
    trap.__name__: trap
    for trap in (
        bulk_order, cancellation_pairs, rare_category, promotion, round_incomes, twins,
        pegged_currency, fixed_ratio, identifier, shuffled, closed_days, structural_nulls,
    )
}  # fmt: skip


def trapped(world: World, name: str, *, seed: int) -> World:
    """Return the world with the oddity in it; the clean world is not changed."""
    frames = world.copy()
    TRAPS[name](frames, np.random.default_rng([seed, 77]))
    return replace(world, frames=frames)


def run_traps(*, seeds: range = range(1)) -> pd.DataFrame:
    """Audit every trap in both worlds; list alarms its clean twin does not have.

    Returns
    -------
    DataFrame
        world, seed, trap, alarms (codes, empty where silent), failed (number at that level).
    """
    records = []
    for name in WORLDS:
        for seed in tqdm(seeds, desc=f"traps in {name}", disable=unwatched()):
            world = WORLDS[name](seed=9000 + seed)
            before = _loud(world)
            for trap in TRAPS:
                new = {
                    c: s
                    for c, s in _loud(trapped(world, trap, seed=seed)).items()
                    if c not in before
                }
                failed = sum(s == "failed" for s in new.values())
                records.append({"world": name, "seed": seed, "trap": trap,
                                "alarms": ", ".join(new), "failed": failed})  # fmt: skip
    return pd.DataFrame(records)


def _loud(world: World) -> dict[str, str]:
    alarms = quality.audit(world.tables(), as_of=world.as_of).alarms
    return dict(zip(alarms["code"], alarms["status"], strict=True))
