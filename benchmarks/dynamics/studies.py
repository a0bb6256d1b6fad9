"""What ``segwork.dynamics`` makes of worlds whose truth is known: rates, agreements, seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.dynamics import worlds
from segwork import dynamics, evidence
from segwork.dynamics import latent, methods, mobility, panel, score

STRENGTHS = (0.25, 0.5, 1.0)  # standard deviations one column of five moves by
SHOWN = ["stability", "stability_corrected", "label_stability", "noise_floor"]
SHOWN += ["outcome_separation", "recall", "delay", "stay_learnt"]


def compared(trace: dynamics.Trace, truth: pd.DataFrame) -> pd.DataFrame:
    """Return the scoreboard with the agreement to the planted segments."""
    return trace.scoreboard[SHOWN].join(worlds.agreement(trace, truth))


def controls(rng: np.random.Generator, customers: int = 20_000) -> pd.DataFrame:
    """Return moved, by chance and corrected for labellings whose answer is certain."""
    sizes = [0.4, 0.25, 0.15, 0.12, 0.08]
    before = pd.Series(rng.choice(list("ABCDE"), customers, p=sizes))
    other = pd.Series(rng.choice(list("ABCDE"), customers, p=sizes))
    step = pd.Series(rng.integers(1, 5, customers))
    codes = pd.Series(pd.factorize(before, sort=True)[0])
    forty = (
        ((codes + step) % 5)
        .map(dict(enumerate("ABCDE")))
        .where(pd.Series(rng.random(customers) < 0.4), before)
    )
    cases = {
        "random labels": other,
        "equal labels": before,
        "renamed labels": before.map(dict(zip("ABCDE", "vwxyz", strict=True))),
        "names turned": before.map(dict(zip("ABCDE", "BCDEA", strict=True))),
        "40 % moved": forty,
    }
    found = {name: mobility(before, after).facts() for name, after in cases.items()}
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("second labelling")


def customers_of(rng: np.random.Generator, n: int, **changed: float) -> pd.DataFrame:
    """Draw five columns: normal, log-normal, a count, normal, a word; 0.3 correlated."""
    shift, season = changed.get("shift", 0.0), changed.get("season", 0.0)
    z = np.sqrt(0.3) * rng.normal(size=(n, 1)) + np.sqrt(0.7) * rng.normal(size=(n, 4))
    word = rng.choice(["card", "cash", "wallet"], n, p=[0.5, 0.3, 0.2])
    count = rng.poisson(np.exp(0.5 * z[:, 2] + 0.5 + season))
    spend = np.exp(z[:, 1] + season)
    return pd.DataFrame({
        "score": z[:, 0] + shift, "spend": spend, "orders": count, "age": z[:, 3], "pays": word,
    })  # fmt: skip


def drift_rates(runs: int, rows: int, seed: int) -> pd.DataFrame:
    """Return how often each world is called drift, with intervals, and by the rule of thumb.

    Nothing changed; a season alone, with the year before at hand; one column moved by each
    strength, without and with the year before.
    """
    cases: dict[str, tuple[dict[str, float], dict[str, float] | None]] = {
        "nothing changed": ({}, None),
        "season alone, year before known": ({"season": 0.8}, {"season": 0.8}),
        **{f"moved by {s}": ({"shift": s}, None) for s in STRENGTHS},
        "moved by 0.5 in season": ({"shift": 0.5, "season": 0.8}, {"season": 0.8}),
    }
    table = []
    for place, (name, (new, before)) in enumerate(cases.items()):
        called, thumb, moves = 0, 0, 0
        for run in tqdm(range(runs), desc=name, leave=False, disable=None):
            rng = np.random.default_rng([seed, place, run])
            old, now = customers_of(rng, rows), customers_of(rng, rows, **new)
            season = None if before is None else customers_of(rng, rows, **before)
            found = dynamics.drift(old, now, season=season, seed=run)
            called += found.status == "warned"
            thumb += bool((found.columns["psi"] > 0.1).any())
            moves += found.moves_segments
        low, high = (lambda i: (i.low, i.high))(evidence.wilson(called, runs))
        shares = (called / runs, low, high, moves / runs, thumb / runs)
        table.append((name, rows, runs, *shares))
    names = ["world", "rows", "runs", "drift", "low", "high", "moves segments", "PSI > 0.1 alone"]
    return pd.DataFrame(table, columns=names)


def seconds_of(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that a piece of work takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def clock(customers: int, seed: int, periods: int = 8) -> pd.DataFrame:
    """Return processor seconds of each part for a base, fitted on 20,000 of its customers."""
    rng = np.random.default_rng(seed)
    state = worlds.paths(customers, periods, 5, 0.92, rng)
    centres = rng.normal(0, 1, (5, 4)).astype(np.float32)
    X = centres[state] + 0.6 * rng.standard_normal((customers, periods, 4), np.float32)
    ends, present = worlds.ends(periods), np.ones((customers, periods), bool)
    block = panel.Block(pd.RangeIndex(customers), ends, X, present, X)
    sample = block.take(np.arange(min(customers, 20_000)))
    kept: dict[str, object] = {}

    def fit() -> None:
        kept["model"] = methods.time_aware(sample, 5, seed)

    def assign() -> None:
        kept["labels"] = kept["model"](X, present)  # type: ignore[operator]

    def moves() -> None:
        labels = kept["labels"]
        score.steps(labels, block.both, 5)  # type: ignore[arg-type]
        score.stability((labels[:, 1:] != labels[:, :-1]) * 1.0, block.both)  # type: ignore[index]

    def last_step() -> None:
        one, two = (pd.Series(kept["labels"][:, t]) for t in (-2, -1))  # type: ignore[index]
        mobility(one, two)

    parts = {
        "fit on 20,000": fit,
        "assign forward": assign,
        "pair probabilities": lambda: latent.stays(kept["model"], X, present),  # type: ignore[arg-type]
        "all steps counted": moves,
        "mobility() of one step": last_step,
    }
    rows = [(name, seconds_of(work)) for name, work in parts.items()]
    return pd.DataFrame(rows, columns=["part", "seconds"]).assign(customers=customers)
