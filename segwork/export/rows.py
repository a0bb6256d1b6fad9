"""What a run says about each customer, under the customer's own id again: the one place for that.

Everybody of the source tables and of the run is one row; who must not be sent says why.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd

from segwork import config as _config
from segwork import tables
from segwork.config import Config
from segwork.errors import DataError, UsageError
from segwork.export import pilot
from segwork.privacy.consent import GONE as LEFT
from segwork.privacy.consent import STAYS, states
from segwork.run import Run, pseudonym_key
from segwork.runs.folder import RunFolder
from segwork.runs.origin import Origin
from segwork.tables.engines import pseudonym

NOT_DECLARED = "consent not declared"
NO_CONSENT = "no consent"
WITHDRAWN = "consent withdrawn"
GONE = "not in the source tables"
NOISE = "noise"
SOURCES = ("transactions", "customers")
ANY_DAY = datetime(2262, 1, 1)  # the tables are read as they are today


def rows(run: str | Path | Run, *, config: str | Path | Config | None = None) -> pd.DataFrame:
    """Return one row per customer: what the CRM is to hold, or why it must not.

    Parameters
    ----------
    run : path or Run
        A run folder, or the run of a notebook.
    config : path or Config, optional
        Where the source tables are; by default the config the run was made with.

    Returns
    -------
    DataFrame
        ``customer_id`` of the source (missing for one the sources no longer have), ``segment``,
        ``segment_name``, ``confidence`` (0 to 1: of the customer where the run has it, else how
        well the segments are found again on resampled customers; missing where neither is known),
        ``valid_from``, ``review_date``, ``lifecycle``, ``action``, ``suppressed`` (reason, empty
        for who may be sent) and ``arm`` (pilot, control or empty), in the order of the sources.

    Raises
    ------
    UsageError
        The run left no segments, or does not say which config it came from.
    DataError
        Not one pseudonym of the run belongs to a customer of the sources.

    Examples
    --------
    >>> rows("reports/nowhere")
    Traceback (most recent call last):
        ...
    segwork.errors.UsageError: 'reports/nowhere' left no segments; accepted: ...
    """
    folder = run.folder if isinstance(run, Run) else Path(run)
    if not RunFolder(folder).table("segments").is_file():
        raise UsageError(f"'{folder}' left no segments", accepted="a run with 20_segments")
    ready = _config.load(config) if config else config_of(run)
    key = run.key if isinstance(run, Run) else pseudonym_key(ready)
    people = customers(ready)
    people["pseudonym"] = [pseudonym(one, key) for one in people["customer_id"]]
    segments = _table(folder, "segments").rename(columns={"customer_id": "pseudonym"})
    gone = segments[~segments["pseudonym"].isin(people["pseudonym"])]
    if len(gone) == len(segments):
        raise DataError(
            "no customer of the run is in the source tables",
            hint="was it made with another key than SEGWORK_KEY or .segwork/key?",
        )
    found = people.merge(segments, on="pseudonym", how="left", validate="one_to_one")
    found = pd.concat([found, gone.assign(reason=GONE)], ignore_index=True)
    return _described(found, folder, ready)


def customers(config: Config) -> pd.DataFrame:
    """Return everybody of the source tables: customer_id, region, first_order_at, reason.

    ``reason`` is why the customer must not be sent, empty where nothing speaks against it. The
    sources are read as they are today: a withdrawal counts from the day it is known.
    """
    wanted = {n: s for n, s in tables.table_sources(config).items() if n in SOURCES}
    data = tables.load(replace(config, tables=wanted, engine="duckdb"))
    bought = data.transactions.aggregate("customer_id, min(ordered_at) as first_order_at")
    people = bought.filter("customer_id is not null").order("customer_id").df()
    if data.customers is None:
        return people.assign(region=None, reason=NOT_DECLARED)
    kept = [n for n in data.customers.columns if n in ("customer_id", "region", "withdrawn_at")]
    flags = [n for n in data.customers.columns if n.startswith(f"consent_{config.export.purpose}")]
    known = data.customers.project(", ".join(f'"{name}"' for name in (*kept, *flags))).df()
    known = known[known["customer_id"].notna()]
    why = consent(known, purpose=config.export.purpose)
    known = known.assign(reason=why).drop_duplicates("customer_id").filter([*kept, "reason"])
    others = people[~people["customer_id"].isin(known["customer_id"])]
    none = NO_CONSENT if flags else NOT_DECLARED
    known = known.merge(people, on="customer_id", how="left")
    return pd.concat([known, others.assign(reason=none)], ignore_index=True)


def consent(customers: pd.DataFrame, *, purpose: str) -> pd.Series:
    """Return why a customer must not be contacted for a purpose, empty for who agreed.

    Parameters
    ----------
    customers : DataFrame
        ``customer_id`` and, as far as they are there, ``consent_<purpose>``,
        ``consent_<purpose>_at`` and ``withdrawn_at``. Of a customer with several rows every one
        has to agree, and where days of consent are kept, one without its day counts as none.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["7", "8"], "consent_marketing": [True, False]})
    >>> consent(people, purpose="marketing").tolist()
    ['', 'no consent']
    """
    flag = f"consent_{purpose}"
    if flag not in customers:
        return pd.Series(NOT_DECLARED, index=customers.index)
    known = states(nw.from_native(customers, eager_only=True), {purpose}, ANY_DAY).to_pandas()
    known = known.set_index("customer_id")
    why = pd.Series(np.select([known[LEFT] == 1, known[STAYS] == 0], [WITHDRAWN, NO_CONSENT], ""))
    return customers["customer_id"].map(why.set_axis(known.index))


def _described(found: pd.DataFrame, folder: Path, config: Config) -> pd.DataFrame:
    """Add what the later notebooks of the run left, and the reasons of the run itself."""
    stages = _table(folder, "lifecycle", "customer_id", "stage")
    actions = _table(folder, "actions", "segment", "action")
    named = (_table(folder, table, "segment", "name") for table in ("actions", "segment_names"))
    names = {code: name for table in named for code, name in table.items()}
    segment, review = found["segment"], config.as_of + timedelta(days=config.export.review_days)
    arm = pilot.draw(found, config.pilot) if config.pilot else pd.Series("", index=found.index)
    why = found["reason"]
    if config.pilot:
        why = why.where(why != "", arm.map(pilot.REASONS))
    why = why.where((why != "") | segment.notna(), "not in the run")
    why = why.where((why != "") | (segment != NOISE), "in no segment")
    described = {
        "customer_id": found["customer_id"],
        "segment": segment.astype("category"),
        "segment_name": segment.map(lambda one: names.get(one, one)).astype("category"),
        "confidence": found.get("confidence", _found_again(folder)),
        "valid_from": pd.Categorical([config.as_of.isoformat()] * len(found)),
        "review_date": pd.Categorical([review.isoformat()] * len(found)),
        "lifecycle": found["pseudonym"].map(stages).astype("category"),
        "action": segment.map(actions).astype("category"),
        "suppressed": why.astype("category"),
        "arm": arm.astype("category"),
    }
    return pd.DataFrame(described)


def _found_again(folder: Path) -> float:
    """Return how well the saved segments were found again on resampled customers, if known."""
    facts = RunFolder(folder).recorded("20_segments")["facts"]
    return float(facts.get("saved_found_again", np.nan))


def _table(folder: Path, name: str, key: str = "", value: str = "") -> pd.DataFrame:
    """Read a table of the run; with ``key`` and ``value`` one column by another, empty for none."""
    path = RunFolder(folder).table(name)
    frame = pd.read_parquet(path) if path.is_file() else pd.DataFrame()
    if not key:
        return frame
    if key not in frame or value not in frame:
        return pd.Series(dtype="str")
    return frame.drop_duplicates(key).set_index(key)[value]


def config_of(run: str | Path | Run) -> Config:
    """Return the config a run was made with."""
    if isinstance(run, Run):
        return run.config
    if config := Origin(RunFolder(Path(run))).known().get("config"):
        return _config.load(config)
    raise UsageError(f"'{run}' was not made by this project", accepted="--config with its config")
