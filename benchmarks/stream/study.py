"""Three studies: kills, load, and the batch on three engines."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import psutil

from benchmarks.scale import AS_OF, fits_pandas, write_lines
from benchmarks.stream.broker import Broker, running
from benchmarks.stream.job import CHANGES, DEAD, EVENTS, ROOT, Job, Watch, read_all, watching
from benchmarks.stream.replay import Told, clock, events, make_topics, send
from segwork import features, sample, scoring, tables
from segwork.clustering import SegmentModel, compare
from segwork.runs.files import Json
from segwork.scoring.settings import Settings

COLUMNS = ["orders", "spend_total", "days_since_last"]
DIFFER = """
    select count(*), count(*) filter (
        a.segment is distinct from b.segment or a.why is distinct from b.why)
    from read_parquet('{first}') as a full join read_parquet('{other}') as b using (customer_id)
"""


def a_model(folder: Path, *, seed: int = 3) -> SegmentModel:
    """Fit K-Means on made-up customers, save it and return it."""
    rng = np.random.default_rng(seed)
    orders = np.where(rng.random(2_000) < 0.33, 1, 2 + rng.poisson(rng.choice([1, 12], 2_000)))
    spend = orders * rng.lognormal(3, 0.5, 2_000)
    frame = pd.DataFrame(
        {"orders": orders, "spend_total": spend, "days_since_last": rng.integers(0, 400, 2_000)}
    )
    found = compare(frame, methods=("kmeans",), n_clusters=5, draws=0, copies=0, seed=seed)
    model = found.model("kmeans")
    scoring.save(model, folder)
    return model


def kills(
    folder: Path, *, times: int, customers: int, days: int, a_second: float, seed: int = 1
) -> dict[str, float]:
    """Replay a part of the sample company while job and broker are killed in turn.

    Returns
    -------
    dict
        events, changes, kills_of_job, kills_of_broker, exit_code; ``twice`` (changes in the topic
        more than once) and ``lost`` (numbers missing among a customer's changes) of the topic;
        ``table_differs`` between topic and table; ``dead_twice``; ``evenings_wrong``: customers
        whose last word on an evening is not that of the batch.
    """
    model = a_model(folder / "model")
    sample.write(folder / "sample", customers=customers)
    lines = pd.read_parquet(folder / "sample" / "transactions.parquet")
    start = pd.Timestamp("2025-01-01")
    end = start + pd.Timedelta(days=days)
    lines = lines[(lines["ordered_at"] >= start) & (lines["ordered_at"] < end)]
    data = tables.from_frames(transactions=lines)
    told = [*events(data), clock(str(end + pd.Timedelta(days=8)))]
    options = ["--table", str(folder / "table"), "--late-hours", "168", "--batch", "2000"]
    with running(folder / "kafka") as broker:
        make_topics(broker.address, EVENTS, CHANGES, DEAD)
        job = Job(folder, folder / "model", broker.address, *options)
        done = _kill(job, broker, _parts(told, times + 1), a_second, random.Random(seed))
        job.kill(signal.SIGTERM)
        code = job.finish()
        changes, dead = read_all(broker.address, CHANGES), read_all(broker.address, DEAD)
    table, reasons = _table(folder / "table"), Counter(one["reason"] for one in dead)
    places = {(one["partition"], one["offset"]) for one in dead}
    return {
        "events": len(told),
        "changes": len(changes),
        **done,
        "exit_code": code,
        **audit(changes),
        "table_differs": len(set(table) ^ {c["change_id"] for c in changes}),
        "table_twice": len(table) - len(set(table)),
        "dead": len(dead),
        "dead_twice": len(dead) - len(places),
        "late": reasons["late: its day is closed"],
        "evenings_wrong": evenings(changes, data, model, end),
    }


def _parts(told: list[Told], count: int) -> list[list[Told]]:
    """Cut a replay into parts of one length, in time."""
    ends = np.linspace(0, len(told), count + 1).astype(int)
    return [told[begin:end] for begin, end in pairwise(ends)]


def _kill(
    job: Job, broker: Broker, parts: list[list[Told]], a_second: float, chance: random.Random
) -> Counter[str]:
    """Kill job and broker in turn, each while a part of the replay is on its way.

    The last part is sent after the last kill.
    """
    done: Counter[str] = Counter()
    written = 0
    for number, part in enumerate(parts):
        sender = threading.Thread(
            target=send, args=(broker.address, EVENTS, part), kwargs={"a_second": a_second}
        )
        with watching(broker.address) as watch:
            sender.start()
            for _ in range(60):
                if not job.runs:  # it may break off by itself where the broker was away
                    job.start()
                if watch.wait(written + 1, 5):
                    break
            time.sleep(chance.uniform(0, 4))
            written = len(watch.seen)
        if number < len(parts) - 1:
            done[f"kills_of_{_killed(job, broker, number, chance)}"] += 1
        sender.join()
    return done


def _killed(job: Job, broker: Broker, number: int, chance: random.Random) -> str:
    if number % 2 == 0:
        job.kill()
        return "job"
    broker.kill()
    time.sleep(chance.uniform(0, 3))
    broker.start()
    return "broker"


def audit(changes: list[Json]) -> dict[str, int]:
    """Count changes that stand twice, and numbers of a customer's changes that are missing."""
    ids = Counter(change["change_id"] for change in changes)
    numbers: dict[str, set[int]] = {}
    for change in changes:
        numbers.setdefault(change["customer_id"], set()).add(change["number"])
    lost = sum(max(known) - len(known) for known in numbers.values())
    return {"twice": sum(n - 1 for n in ids.values()), "lost": lost}


def evenings(
    changes: list[Json], data: tables.Tables, model: SegmentModel, end: pd.Timestamp
) -> int:
    """Count customers whose last word on one of six evenings is not that of the batch."""
    wrong = 0
    ordered = sorted(changes, key=lambda c: (c["as_of"], c["number"]))
    for back in (0, 1, 5, 9, 14, 22):
        as_of = str((end - pd.Timedelta(days=back)).date())
        said = {c["customer_id"]: c["segment"] for c in ordered if c["as_of"] <= as_of}
        known = features.customer_features(data, as_of=as_of)
        batch = scoring.assign(model, known).set_index("customer_id")["segment"].to_dict()
        wrong += sum(said.get(c) != batch.get(c) for c in set(said) | set(batch))
    return wrong


def _table(folder: Path) -> list[str]:
    query = f"select change_id from read_parquet('{folder}/*/*.parquet')"
    return [row[0] for row in duckdb.sql(query).fetchall()]


def load(folder: Path, *, customers: int, a_second: float, seconds: int) -> dict[str, float]:
    """Fill the state, then send at a pace and take the time from event to change, then close a day.

    Returns
    -------
    dict
        ``events_a_second`` over the filling (each event makes a customer and a change), after
        the first fifth;
        ``p50``, ``p99``: seconds from the writing of an event to when its change can be read;
        ``close_seconds``: from the event that closes a day to the change of one sent behind it;
        ``cpu_us_an_event`` of the filling, Spark and Python together; ``peak_gib``;
        ``state_bytes`` a customer on disk; ``machine_load``.
    """
    a_model(folder / "model")
    with running(folder / "kafka") as broker:
        make_topics(broker.address, EVENTS, CHANGES, DEAD)
        send(broker.address, EVENTS, _orders(range(customers), 0), now=True)
        # never all in one batch, or there is no pace between its first and its last change
        batch = min(Settings.batch, customers // 4)
        job = Job(folder, folder / "model", broker.address, "--batch", str(batch))
        job.start()
        try:
            with watching(broker.address) as watch:
                found = _fill(job, watch, customers)
                found |= _pace(broker.address, job, watch, customers, a_second, seconds)
                found |= _close(broker.address, watch, customers)
                found["machine_load"] = psutil.getloadavg()[1]
        finally:
            job.kill(signal.SIGTERM)
    size = sum(f.stat().st_size for f in (folder / "checkpoint").rglob("*") if f.is_file())
    return {**found, "state_bytes": size / customers}


def _orders(who: Iterator[int] | range, first: int) -> Iterator[Told]:
    """Give one order of each of the customers named, all of one day."""
    rng = random.Random(first)
    today = pd.Timestamp.now("UTC").strftime("%Y-%m-%d")
    at_ms = int(pd.Timestamp(today).timestamp() * 1000)
    for number, customer in enumerate(who, first):
        amount = round(rng.lognormvariate(3, 1), 2)
        event = {"event_id": f"e{number}", "table": "transactions", "ordered_at": today}
        event |= {"customer_id": f"C{customer:08}", "order_id": f"o{number}", "amount": amount}
        yield Told(at_ms, event["customer_id"], json.dumps(event))


def _fill(job: Job, watch: Watch, customers: int) -> dict[str, float]:
    """Wait until each customer has a change; the pace is taken after the first fifth."""
    part = customers // 5
    if not watch.wait(part, 1800):
        raise RuntimeError(f"{len(watch.seen)} of {customers} changes: {job.log}")
    n, used, start = len(watch.seen), job.cost()[0], watch.seen[-1][0]
    if not watch.wait(customers, 3600):
        raise RuntimeError(f"{len(watch.seen)} of {customers} changes: {job.log}")
    more, peak = job.cost()
    rest, took = customers - n, watch.seen[customers - 1][0] - start
    if not rest or not took:  # the reader slept over the whole filling: nothing was measured
        return {"events_a_second": np.nan, "cpu_us_an_event": np.nan, "peak_gib": peak}
    return {
        "events_a_second": rest / took,
        "cpu_us_an_event": (more - used) / rest * 1e6,
        "peak_gib": peak,
    }


def _pace(
    brokers: str, job: Job, watch: Watch, customers: int, a_second: float, seconds: int
) -> dict[str, float]:
    """Send at a pace and return the time from event to change."""
    rng, first, before = random.Random(1), customers, len(watch.seen)
    written: dict[str, float] = {}
    used = job.cost()[0]

    def noted() -> Iterator[Told]:
        who = (rng.randrange(customers) for _ in range(int(a_second * seconds)))
        for number, told in enumerate(_orders(who, first), first):
            written[f"e{number}"] = time.time()
            yield told

    sent = send(brokers, EVENTS, noted(), a_second=a_second, now=True)
    time.sleep(15)
    new = ((at, change["event_id"]) for at, change in watch.seen[before:])
    took = [at - written[event] for at, event in new if event in written]
    p50, p99 = (float(q) for q in np.quantile(took, [0.5, 0.99]))
    busy = (job.cost()[0] - used) / (seconds + 15)
    return {"sent": sent, "changes_timed": len(took), "p50": p50, "p99": p99, "cores_busy": busy}


def _close(brokers: str, watch: Watch, customers: int) -> dict[str, float]:
    """Close the day of everybody and return how long an event behind it waits."""
    tomorrow = str((pd.Timestamp.now("UTC") + pd.Timedelta(days=1)).date())
    before, start = len(watch.seen), time.time()
    send(brokers, EVENTS, [clock(f"{tomorrow}T00:00:01")], now=True)
    time.sleep(3)  # the watermark moves with the batch after it
    probe = next(_orders(range(customers + 1, customers + 2), 10 * customers))
    send(brokers, EVENTS, [probe], now=True)
    end = time.monotonic() + 1800
    while time.monotonic() < end:
        watch.wait(before + 1, 5)
        new = watch.seen[before:]
        came = [at for at, change in new if change["customer_id"] == probe.customer]
        if came:
            return {"close_seconds": came[0] - start}
        before += len(new)
    raise RuntimeError("the event behind the end of the day had no change in half an hour")


def batch(folder: Path, *, lines: int, customers: int) -> pd.DataFrame:
    """Score the same order lines with ``segwork score`` on each engine, a process each.

    Returns
    -------
    DataFrame
        Index engine: seconds, cpu_seconds, peak_gib (of the process and its workers, resident),
        customers, and ``differ``: customers who are not as DuckDB says. pandas is left out where
        its frames would not fit into the memory that is free.
    """
    a_model(folder / "model")
    path = write_lines(folder / "lines.parquet", lines=lines, customers=customers)
    rows = {}
    for engine in ("duckdb", "spark", "pandas"):
        if engine == "pandas" and not fits_pandas(lines):
            continue
        out = folder / f"{engine}.parquet"
        words = ["score", str(folder / "model"), str(path), "--as-of", AS_OF, "--out", str(out)]
        words += ["--engine", engine, *["--master", "local[2]"] * (engine == "spark")]
        rows[engine] = _measured(words)
        other = f"{out}/*.parquet" if engine == "spark" else str(out)
        query = DIFFER.format(first=folder / "duckdb.parquet", other=other)
        found = duckdb.sql(query).fetchall()[0]
        rows[engine] |= dict(zip(("customers", "differ"), found, strict=True))
    return pd.DataFrame(rows).T


def _measured(words: list[str]) -> dict[str, float]:
    """Run segwork in a process of its own; memory is the most that was seen four times a second."""
    start = time.monotonic()
    command = [sys.executable, "-m", "segwork", *words]
    process = psutil.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    peak, used = 0.0, 0.0
    while process.poll() is None:
        try:
            tree = [process, *process.children(recursive=True)]
            peak = max(peak, sum(p.memory_info().rss for p in tree) / 2**30)
            used = max(used, sum(sum(p.cpu_times()[:2]) for p in tree))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.25)
    if process.returncode:
        raise RuntimeError(process.stdout.read()[-500:])
    return {"seconds": time.monotonic() - start, "cpu_seconds": used, "peak_gib": peak}
