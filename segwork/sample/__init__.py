"""The sample company: a retailer in Indonesia with everything planted and an answer key.

Five tables of one coherent story: archetypes with known segments, change points, lifecycle,
customers who cost more than they bring, an unfair risk label, incomes the rich hide, faults with
their rows. ``make`` returns it, ``write`` streams it to Parquet, ``ensure`` writes it where a
config asks for it and it is missing. ``faults=False`` gives the clean twin of the same customers.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segwork.errors import UsageError
from segwork.runs.files import Json

if TYPE_CHECKING:
    import pandas as pd

    from segwork.config import Config
    from segwork.tables import Tables

SMALLEST, LARGEST = 1_000, 10_000_000
VERSION = 2
SETTINGS = "settings.json"
TABLES = ("customers", "transactions", "behaviour", "interactions", "external")


@dataclass(frozen=True)
class AnswerKey:
    """What was planted; every frame is also a Parquet file in ``answer_key/``.

    Attributes
    ----------
    segments : DataFrame
        ``customer_id, segment, started_at``: one row per customer, as the next four.
    change_points : DataFrame
        ``customer_id, changed_at, kind, until, rate_before, rate_after``: kind is none, stop,
        fall, rise or temporary (back to ``rate_before`` at ``until``); rates in orders per week.
    lifecycle : DataFrame
        ``customer_id, state, stage, trouble``: state is loyal, new, at risk, lost or one-time;
        stage brings it on new, active, loyal, at risk and lost; trouble is none, risky but loyal,
        or angry.
    profitability : DataFrame
        ``customer_id, revenue, cost_of_goods, cost_to_serve, profit, heavy_caller``: IDR, over
        the 365 days before the cut, returns taken off.
    income : DataFrame
        ``customer_id, income, missing``: true income in IDR per month, and where it is hidden.
    fairness : DataFrame
        ``customer_id, under_25, true_risk, labelled_risk``: one row per insured customer; the
        probability of a high-risk label without and with the age penalty.
    rules : DataFrame
        ``period, customers, friday, lost, friday_lost, lift``: customers with an order in a
        quarter, whose last one was on Friday night (from 18 h), who had none in the next quarter.
    faults : DataFrame
        ``fault, code, table, column, n_rows, removed, what``: one row per planted fault.
    fault_rows : DataFrame
        ``fault, table, row``: 0-based position of every row a fault hit.
    constants : dict
        The planted numbers: age penalty in logit, premium factor, dates of outage and shift ….
    """

    segments: pd.DataFrame
    change_points: pd.DataFrame
    lifecycle: pd.DataFrame
    profitability: pd.DataFrame
    income: pd.DataFrame
    fairness: pd.DataFrame
    rules: pd.DataFrame
    faults: pd.DataFrame
    fault_rows: pd.DataFrame
    constants: Json

    def rows(self, fault: str) -> pd.DataFrame:
        """Return table and row of every row hit by the fault of that name."""
        if fault not in set(self.faults["fault"]):
            raise UsageError.unknown("fault", fault, self.faults["fault"], where="the answer key")
        return self.fault_rows.loc[self.fault_rows["fault"] == fault, ["table", "row"]]

    def facts(self) -> dict[str, float | int | str]:
        """Return counts of what was planted."""
        return {
            "customers": len(self.segments),
            "segments": int(self.segments["segment"].nunique()),
            "changed": int((self.change_points["kind"] != "none").sum()),
            "heavy_callers": int(self.profitability["heavy_caller"].sum()),
            "hidden_incomes": int(self.income["missing"].sum()),
            "insured": len(self.fairness),
            "faults": len(self.faults),
            "faulty_rows": len(self.fault_rows),
        }


@dataclass(frozen=True)
class SampleCompany:
    """The five tables as pandas frames, and the answer key."""

    tables: Tables
    key: AnswerKey


def make(*, customers: int = 20_000, seed: int = 7, faults: bool = True) -> SampleCompany:
    """Make the sample company in memory.

    Parameters
    ----------
    customers : int, default 20,000
        1,000 to 10,000,000; above 200,000 ``write`` is the better choice.
    seed : int, default 7
    faults : bool, default True
        False leaves the data clean; customers and truth stay the same.

    Raises
    ------
    UsageError
        The size or the seed is out of range.

    Examples
    --------
    >>> company = make(customers=1_000)
    >>> company.key.segments["segment"].nunique()
    7
    """
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "sample", customers=customers, seed=seed, faults=faults)
        return read(Path(folder) / "sample")


def read(folder: str | Path) -> SampleCompany:
    """Read a company written by :func:`write`, with its key."""
    import pandas as pd

    from segwork.tables import from_frames

    folder = Path(folder)
    if not (folder / SETTINGS).is_file():
        raise UsageError(f"no sample company in '{folder}'", hint="segwork sample DIR writes one")
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    return SampleCompany(from_frames(**frames), read_key(folder))


def read_key(folder: str | Path) -> AnswerKey:
    """Read the answer key that lies beside the tables."""
    import pandas as pd

    place = Path(folder) / "answer_key"
    frames = {path.stem: pd.read_parquet(path) for path in sorted(place.glob("*.parquet"))}
    constants = json.loads((place / "constants.json").read_text(encoding="utf-8"))
    return AnswerKey(**frames, constants=constants)


def write(
    folder: str | Path, *, customers: int = 20_000, seed: int = 7, faults: bool = True
) -> Path:
    """Stream the company to Parquet in bounded memory; the folder appears only when complete.

    The tables are ``<folder>/<table>.parquet``, the key lies in ``<folder>/answer_key/``.

    Raises
    ------
    UsageError
        The size or the seed is out of range, or the folder holds something else.
    """
    _check(customers, seed)
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / SETTINGS).is_file():
        raise UsageError(f"'{folder}' holds other files", accepted="a new or empty folder")
    from segwork.sample.store import fill

    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fill(part, customers=customers, seed=seed, with_faults=faults)
        settings = _settings(customers, seed, faults)
        (part / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        part.chmod(0o755)
        _put_in_place(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def ensure(config: Config) -> Path | None:
    """Write the sample company a config asks for where it is missing or has other settings.

    Returns the folder, or None where the config has no ``[sample]``.
    """
    if not config.sample.folder:
        return None
    folder = config.resolve(config.sample.folder)
    wanted = _settings(config.sample.customers, config.sample.seed, True)
    try:
        found = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    complete = all((folder / f"{name}.parquet").is_file() for name in TABLES)
    if found == wanted and complete:
        return folder
    return write(folder, customers=config.sample.customers, seed=config.sample.seed)


def _settings(customers: int, seed: int, faults: bool) -> Json:
    return {"version": VERSION, "customers": customers, "seed": seed, "faults": faults}


def _check(customers: int, seed: int) -> None:
    for name, value, low, high in (
        ("customers", customers, SMALLEST, LARGEST),
        ("seed", seed, 0, 2**32 - 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UsageError(
                f"{name} is {value!r} for the sample company",
                accepted=f"a whole number from {low:,} to {high:,}",
            )


def _put_in_place(part: Path, folder: Path) -> None:
    """Swap the finished folder in; an older one is moved away first and then deleted."""
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        os.replace(folder, old)
        shutil.rmtree(old)
    os.replace(part, folder)
