"""Two studies: exports that are killed again and again, and a million rows."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.export.server import FAULTS, TOKEN, Crm, serving
from segwork.export.crm import COLUMNS
from segwork.export.sending import CLIENTS

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS_OF_A_JOB = 1_000  # small jobs, so that there are many moments to be killed in
MOST_LIVES = 30
DATES = ("valid_from", "review_date")


def made_up(customers: int, *, seed: int, version: int = 1) -> pd.DataFrame:
    """Return rows of an export; from version to version about a third of them change.

    Parameters
    ----------
    customers : int
    seed : int
    version : int
        The later run; one customer in ten has no consent, and one in fifty withdraws after
        version 1.
    """
    rng = np.random.default_rng(seed)
    segment = rng.integers(0, 5, customers)
    moved = rng.random(customers) < 0.3
    segment = np.where(moved & (version > 1), (segment + version) % 5, segment)
    u = rng.random(customers)
    why = np.where(u < 0.1, "no consent", np.where((u > 0.98) & (version > 1), "withdrawn", ""))
    names = np.array(["Champions", "Loyal", "Promising", "At risk", "Lost"])
    today = date(2026, 7, 1) + timedelta(days=31 * (version - 1))
    frame = {
        "customer_id": [f"C{number:07d}" for number in range(customers)],
        "segment": pd.Categorical.from_codes(segment, [f"S0{n}" for n in range(1, 6)]),
        "segment_name": pd.Categorical.from_codes(segment, names),
        "confidence": np.round(rng.random(customers), 2),
        "valid_from": pd.Categorical([str(today)] * customers),
        "review_date": pd.Categorical([str(today + timedelta(days=91))] * customers),
        "lifecycle": pd.Categorical(np.where(segment < 3, "loyal", "at risk")),
        "action": pd.Categorical(np.where(segment < 3, "thank", "call")),
        "suppressed": pd.Categorical(why),
    }
    return pd.DataFrame(frame)


def kill_and_resume(
    to: str,
    folder: Path,
    *,
    seed: int,
    customers: int = 10_000,
    kills: int = 5,
    fault_share: float = 0.2,
) -> dict[str, Any]:
    """Export to a CRM that fails by seed, kill the process at random, resume, and look at the CRM.

    Version 1 of the rows goes first, and the rows of a next run after two kills, or where a process
    had nothing left to be killed for. A process dies while the CRM holds its call: before it acts,
    or after it acted and before the answer leaves.

    Returns
    -------
    dict
        ``exact``: every allowed customer is one record with the last values and everybody else
        none; ``repeated``: rows the CRM was sent although it had taken them; ``reconciled``;
        ``kills``, ``faults``, ``calls`` and ``lives``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance, versions = random.Random(f"{to} {seed}"), [made_up(customers, seed=seed)]
    killed = lives = code = 0
    with serving(seed=seed, fault_share=fault_share, faults=FAULTS, slow=0.4) as crm:
        while lives < MOST_LIVES and (killed < kills or code):
            if (killed >= 2 and len(versions) == 1) or (lives and not code):
                versions.append(made_up(customers, seed=seed, version=len(versions) + 1))
            versions[-1].to_parquet(folder / "rows.parquet")
            lives += 1
            at = chance.randint(2, 12) if killed < kills else 0
            code = _live(crm, to, folder, kill_at=at, when=chance.choice(("before", "after")))
            killed += code == -signal.SIGKILL
        told = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        return {
            "exact": is_exact(crm, to, versions),
            "repeated": crm.repeated,
            "reconciled": bool(told["reconciled"]) and told["rows"] == customers,
            "failed_rows": told["failed"],
            "kills": killed,
            "lives": lives,
            "faults": sum(crm.failed.values()),
            "calls": sum(crm.calls.values()),
        }


def _live(crm: Crm, to: str, folder: Path, *, kill_at: int, when: str) -> int:
    """Run one process; the CRM kills it during the call of that number. Return its exit code."""
    size = ROWS_OF_A_JOB if to == "salesforce" else CLIENTS[to].size
    words = [to, crm.url, folder / "rows.parquet", folder / "journal.sqlite", size]
    words.append(folder / "result.json")
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.export.client", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **tokens()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = 0

    def on_call(moment: str) -> None:
        nonlocal seen
        seen += moment == "before"
        if seen == kill_at and moment == when:
            process.kill()
            process.wait()

    crm.on_call = on_call
    said = process.communicate(timeout=300)[1]
    crm.on_call = None
    if process.returncode not in (0, 1, -signal.SIGKILL):
        raise RuntimeError(said)
    return process.returncode


def tokens() -> dict[str, str]:
    """Return the environment with the CRM's token."""
    return {f"SEGWORK_{to.upper()}_TOKEN": TOKEN for to in ("hubspot", "salesforce")}


def is_exact(crm: Crm, to: str, versions: list[pd.DataFrame]) -> bool:
    """Tell whether the CRM holds the last version, and nothing of who must not be there.

    A customer in whom nothing changed from one version to the next keeps the earlier dates.
    Worked out without the package.
    """
    pattern = CLIENTS[to].pattern
    found = {
        one: {name: values.get(pattern.format(name), "") for name in COLUMNS}
        for one, values in crm.records.items()
    }
    found = {one: values for one, values in found.items() if any(values.values())}
    held = pd.DataFrame.from_dict(found, orient="index", columns=list(COLUMNS)).sort_index()
    texts = [allowed(version) for version in versions]
    last = texts[-1]
    if not held.index.equals(last.index):
        return False
    same = pd.Series(False, index=last.index)
    for text in texts:
        earlier = text.reindex(last.index)
        equal = (earlier.drop(columns=[*DATES]) == last.drop(columns=[*DATES])).all(axis=1)
        same |= equal & (held == earlier).all(axis=1)
    return bool(same.all())


def allowed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return who may be sent, by customer, every value as text."""
    kept = rows[rows["suppressed"].astype(str) == ""].set_index("customer_id")
    return kept[list(COLUMNS)].astype(str).rename_axis(None).sort_index()


def million(to: str, folder: Path, *, customers: int) -> dict[str, Any]:
    """Export many rows once, with the client's own batch sizes and pace, on simulated time.

    Returns
    -------
    dict
        Counts, ``peak_gib`` and ``cpu_seconds`` of the client, ``calls``, ``largest`` batch (rows)
        or upload (bytes), ``jobs`` and ``simulated_seconds``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "rows.parquet"
    made_up(customers, seed=0).to_parquet(file)
    with serving() as crm:
        words = [to, crm.url, file, folder / "journal.sqlite", 0, folder / "result.json"]
        subprocess.run(
            [sys.executable, "-m", "benchmarks.export.client", *map(str, words)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **tokens()},
            check=True,
        )
        told = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        exact = is_exact(crm, to, [pd.read_parquet(file)])
        return told | {"largest": crm.largest, "jobs": len(crm.jobs), "exact": exact}
