"""From chunks to tables in order of time, in bounded memory, with the rows each fault hit."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from segwork.progress import unwatched
from segwork.sample import TABLES, contacts, faults, orders, population
from segwork.sample.calendar import AS_OF, DAY, DAYS, OPENED, OPENED_SECOND, WINDOW_DAYS, date_of
from segwork.sample.company import CHUNK, Maker
from segwork.sample.truth import words_of

CUSTOMERS_PER_SLICE = 25_000
MOST_SLICES = 120
ROW_GROUP = 250_000
KEPT_DAYS = {"behaviour": contacts.LOG_DAYS, "interactions": WINDOW_DAYS}


class Spool:
    """Holds tables by slice of time: in memory for one slice, else in temporary Arrow files."""

    def __init__(self, folder: Path, slices: int) -> None:
        self.folder = folder
        self.slices = slices
        self.kept: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
        self.writers: dict[tuple[str, int], pa.ipc.RecordBatchStreamWriter] = {}

    def put(self, name: str, table: pa.Table) -> None:
        """Add the rows of one chunk."""
        if self.slices == 1:
            self.kept[name].append(table)
            return
        begins = DAYS - KEPT_DAYS.get(name, DAYS)
        age = (table["_at"].to_numpy() - OPENED_SECOND) / DAY - begins
        place = (age / (DAYS - begins) * self.slices).clip(0, self.slices - 1).astype(int)
        for part in np.unique(place):
            rows = table.filter(pa.array(place == part)).combine_chunks()
            if (name, part) not in self.writers:
                path = self.folder / f"{name}-{part}.arrow"
                self.writers[name, part] = pa.ipc.new_stream(str(path), rows.schema)
            self.writers[name, part].write_table(rows)

    def sorted(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield name and rows, slice by slice in order of time, ties in order of creation."""
        for name in TABLES:
            if self.slices == 1:
                yield name, _by_time(pa.concat_tables(self.kept.pop(name)))
            for part in range(self.slices):
                if (name, part) in self.writers:
                    self.writers[name, part].close()
                    path = self.folder / f"{name}-{part}.arrow"
                    yield name, _by_time(pa.ipc.open_stream(str(path)).read_all())
                    path.unlink()


def _by_time(table: pa.Table) -> pa.Table:
    return table.take(np.argsort(table["_at"].to_numpy(), kind="stable"))


class Ledger:
    """Counts the rows each fault hit, while tables are written."""

    def __init__(self) -> None:
        self.count = np.zeros(len(faults.FAULTS) + 1, np.int64)
        self.length = dict.fromkeys(TABLES, 0)
        self.names = ["", *(fault.name for fault in faults.FAULTS)]

    def note(self, name: str, table: pa.Table) -> pa.Table:
        """Return fault, table and row of the faulty among rows that follow those seen so far."""
        number = table["_fault"].to_numpy()
        hit = np.flatnonzero(number)
        self.count += np.bincount(number[hit], minlength=self.count.size)
        rows = hit + self.length[name]
        self.length[name] += table.num_rows
        place = words_of([name], np.zeros(hit.size, int))
        return pa.table({"fault": words_of(self.names, number[hit]), "table": place, "row": rows})

    def removed(self, counts: dict[str, int]) -> None:
        """Count rows a fault took away; they have no position."""
        for name, n in counts.items():
            self.count[faults.NUMBER[name]] += n

    def faults(self, *, planted: bool) -> pd.DataFrame:
        """Return one row per planted fault with its count."""
        frame = pd.DataFrame([vars(fault) for fault in faults.FAULTS])
        frame = frame.rename(columns={"name": "fault"}).drop(columns="share")
        frame.insert(4, "n_rows", self.count[1:])
        frame.insert(5, "removed", frame["fault"].isin(faults.REMOVED))
        return frame if planted else frame.iloc[:0]


def chunks(maker: Maker, customers: int) -> Iterator[tuple[dict, dict, dict]]:
    """Yield tables, truths and removed rows, chunk by chunk, with a bar."""
    from tqdm import tqdm

    starts = range(0, customers, CHUNK)
    for number, first in enumerate(tqdm(starts, desc="sample company", disable=unwatched())):
        yield maker.chunk(number, first, min(CHUNK, customers - first))


def slices_for(customers: int) -> int:
    """Return how many slices of time keep a slice small enough for memory."""
    return min(MOST_SLICES, -(-customers // CUSTOMERS_PER_SLICE))


def fill(folder: Path, *, customers: int, seed: int, with_faults: bool) -> None:
    """Write the five tables and the answer key into an empty folder."""
    maker = Maker(seed=seed, customers=customers, with_faults=with_faults)
    ledger = Ledger()
    cases = np.zeros((2, 4), np.int64)
    key = folder / "answer_key"
    key.mkdir()
    writers: dict[str, pq.ParquetWriter] = {}
    with tempfile.TemporaryDirectory(dir=folder) as work:
        spool = Spool(Path(work), slices_for(customers))
        for tables, truths, removed in chunks(maker, customers):
            cases += truths.pop("rules")
            ledger.removed(removed)
            for name, table in tables.items():
                spool.put(name, table)
            for name, truth in truths.items():
                _append(writers, key / f"{name}.parquet", truth)
        outside, removed = maker.outside()
        ledger.removed(removed)
        spool.put("external", outside)
        for name, rows in spool.sorted():
            _append(writers, key / "fault_rows.parquet", ledger.note(name, rows))
            _append(writers, folder / f"{name}.parquet", rows.drop_columns(["_at", "_fault"]))
    for writer in writers.values():
        writer.close()
    _rules(cases).to_parquet(key / "rules.parquet", index=False)
    ledger.faults(planted=with_faults).to_parquet(key / "faults.parquet", index=False)
    (key / "constants.json").write_text(json.dumps(constants(), indent=1) + "\n", encoding="utf-8")


def _append(writers: dict[str, pq.ParquetWriter], path: Path, table: pa.Table) -> None:
    if path.name not in writers:
        writers[path.name] = pq.ParquetWriter(
            path, table.schema, compression="zstd", store_schema=False
        )
    writers[path.name].write_table(table, row_group_size=ROW_GROUP)


def _rules(counts: np.ndarray) -> pd.DataFrame:
    """Turn counts (period x customers, friday, lost, friday and lost) into the rule's truth."""
    frame = pd.DataFrame(counts, columns=["customers", "friday", "lost", "friday_lost"])
    frame.insert(
        0, "period", [f"to {date_of(orders.RULE_ENDS)}", f"from {date_of(orders.RULE_ENDS)}"]
    )
    with_rule = frame["friday_lost"] / frame["friday"].clip(lower=1)
    frame["lift"] = with_rule / (frame["lost"] / frame["customers"]).clip(lower=1e-9)
    return frame


def constants() -> dict[str, float | str]:
    """Return the planted numbers that are the same for every company."""
    return {
        "opened": str(OPENED),
        "as_of": str(AS_OF),
        "age_penalty_logit": population.YOUNG_LOGIT,
        "age_premium_factor": population.YOUNG_PREMIUM,
        "young_below_age": population.YOUNG,
        "risk_intercept_logit": population.RISK_LOGIT["intercept"],
        "risk_per_incident_logit": population.RISK_LOGIT["driving_incidents"],
        "proxies_of_age": "app_share, region (DI Yogyakarta), household_size",
        "unequal_treatment": "voucher_percent follows app_share, so the older are offered less",
        "outage": str(faults.OUTAGE),
        "clock_shift": f"{faults.SHIFTED[0]} to {faults.SHIFTED[1]}",
        "spam_wave": f"{faults.SPAM[0]} to {faults.SPAM[1]}",
        "rule_ends": str(date_of(orders.RULE_ENDS)),
    }
