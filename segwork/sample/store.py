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

from segwork.sample import faults, orders, population
from segwork.sample.calendar import AS_OF, DAY, DAYS, OPENED, OPENED_SECOND, date_of
from segwork.sample.company import CHUNK, Maker

TABLES = ("customers", "transactions", "behaviour", "interactions", "external")
CUSTOMERS_PER_SLICE = 50_000
MOST_SLICES = 60
ROW_GROUP = 250_000


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
        at = table["_at"].to_numpy()
        place = np.clip((at - OPENED_SECOND) / (DAYS * DAY) * self.slices, 0, self.slices - 1)
        place = place.astype(int)
        for part in np.unique(place):
            rows = table.filter(pa.array(place == part)).combine_chunks()
            if (name, part) not in self.writers:
                path = self.folder / f"{name}-{part}.arrow"
                self.writers[name, part] = pa.ipc.new_stream(str(path), rows.schema)
            self.writers[name, part].write_table(rows)

    def slice(self, name: str, part: int) -> pa.Table | None:
        """Return the rows of one slice sorted by time, ties in order of creation."""
        if self.slices == 1:
            table = pa.concat_tables(self.kept.pop(name))
        elif (name, part) in self.writers:
            self.writers[name, part].close()
            path = self.folder / f"{name}-{part}.arrow"
            table = pa.ipc.open_stream(str(path)).read_all()
            path.unlink()
        else:
            return None
        return table.take(np.argsort(table["_at"].to_numpy(), kind="stable"))


class Ledger:
    """Collects fault positions and removed rows while tables are written."""

    def __init__(self) -> None:
        self.numbers: list[np.ndarray] = []
        self.rows: list[np.ndarray] = []
        self.removed: dict[str, int] = dict.fromkeys(faults.REMOVED, 0)
        self.lengths: dict[str, int] = dict.fromkeys(TABLES, 0)

    def note(self, name: str, table: pa.Table) -> pa.Table:
        """Note the faults of rows that follow those seen so far; return them without helpers."""
        number = table["_fault"].to_numpy()
        hit = np.flatnonzero(number)
        self.numbers.append(number[hit])
        self.rows.append(hit + self.lengths[name])
        self.lengths[name] += table.num_rows
        return table.drop_columns(["_at", "_fault"])

    def fault_rows(self) -> pd.DataFrame:
        """Return one row per hit row: fault, table, row (0-based)."""
        number = np.concatenate(self.numbers) if self.numbers else np.zeros(0, np.int8)
        row = np.concatenate(self.rows) if self.rows else np.zeros(0, np.int64)
        order = np.lexsort((row, number))
        names = np.array([""] + [fault.name for fault in faults.FAULTS], object)
        places = np.array([""] + [fault.table for fault in faults.FAULTS], object)
        return pd.DataFrame(
            {"fault": names[number[order]], "table": places[number[order]], "row": row[order]}
        ).astype({"fault": "str", "table": "str", "row": "int64"})

    def faults(self, *, planted: bool) -> pd.DataFrame:
        """Return one row per planted fault with its count."""
        number = np.concatenate(self.numbers) if self.numbers else np.zeros(0, np.int8)
        count = np.bincount(number, minlength=len(faults.FAULTS) + 1)
        rows = [
            {
                "fault": fault.name,
                "code": fault.code,
                "table": fault.table,
                "column": fault.column,
                "n_rows": int(self.removed.get(fault.name, 0) or count[place + 1]),
                "removed": fault.name in faults.REMOVED,
                "what": fault.what,
            }
            for place, fault in enumerate(faults.FAULTS)
        ]
        frame = pd.DataFrame(rows)
        return frame if planted else frame.iloc[:0]


def chunks(maker: Maker, customers: int) -> Iterator[tuple[dict, dict, dict]]:
    """Yield tables, truths and removed rows, chunk by chunk, with a bar for long ones."""
    from tqdm import tqdm

    starts = range(0, customers, CHUNK)
    for number, first in enumerate(
        tqdm(starts, desc="sample", disable=None if len(starts) > 5 else True)
    ):
        yield maker.chunk(number, first, min(CHUNK, customers - first))


def slices_for(customers: int) -> int:
    """Return how many slices of time keep a slice small enough for memory."""
    return min(MOST_SLICES, -(-customers // CUSTOMERS_PER_SLICE))


def fill(folder: Path, *, customers: int, seed: int, with_faults: bool) -> None:
    """Write the five tables and the answer key into an empty folder."""
    maker = Maker(seed=seed, with_faults=with_faults)
    key = folder / "answer_key"
    key.mkdir()
    with tempfile.TemporaryDirectory(dir=folder) as work:
        spool, ledger = Spool(Path(work), slices_for(customers)), Ledger()
        counts = np.zeros((2, 4), np.int64)
        writers: dict[str, pq.ParquetWriter] = {}
        for tables, truths, removed in chunks(maker, customers):
            for name, table in tables.items():
                spool.put(name, table)
            counts += truths.pop("rules")
            for name, truth in truths.items():
                _append(writers, key / f"{name}.parquet", truth)
            for name, n in removed.items():
                ledger.removed[name] += n
        outside, removed = maker.outside()
        ledger.removed |= removed
        spool.put("external", outside)
        for name in TABLES:
            for part in range(spool.slices):
                rows = spool.slice(name, part)
                if rows is not None:
                    _append(writers, folder / f"{name}.parquet", ledger.note(name, rows))
        for writer in writers.values():
            writer.close()
    _rules(counts).to_parquet(key / "rules.parquet", index=False)
    ledger.faults(planted=with_faults).to_parquet(key / "faults.parquet", index=False)
    ledger.fault_rows().to_parquet(key / "fault_rows.parquet", index=False)
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
        "outage": str(faults.OUTAGE),
        "clock_shift": f"{faults.SHIFTED[0]} to {faults.SHIFTED[1]}",
        "spam_wave": f"{faults.SPAM[0]} to {faults.SPAM[1]}",
        "rule_ends": str(date_of(orders.RULE_ENDS)),
    }
