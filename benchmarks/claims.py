"""The numbers in the sentences of a report, computed again from the raw tables in plain pandas.

``python -m benchmarks.claims RUN …`` prints, page by page, how many numbers its sentences hold, how
many were computed again and how many of those are equal, and every one that is not. Nothing is
taken from the package but the key that turns customer ids into pseudonyms. What a model estimated
is not computed again: it has to be a fact, a setting or a cell that the run recorded, spelled as
the pages spell, and what is none of these is printed too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from benchmarks.pages import text_of

Values = dict[str, str]
NUMBER = re.compile(r"(?<![\w-])[-+]?\d[\d,]*(?:\.\d+)?(?![\w-]| % interval)")
SETTING = re.compile(r"limit at (?:most|least) [\d.,]+|95 % interval|SEG-[A-Z]\d\d|\d\d_[a-z]+")
SAID = r"[-+]?\d[\d,.]*\d(?: %)?|\d(?: %)?"
ANY = r"[^.;]{0,99}?"  # … in a sentence: a name, or a number that is held elsewhere
TABLES = ("transactions", "customers", "behaviour", "interactions", "external")
MOST_ROWS = 200  # of a table about segments
KINDS = {"stopped": "stop", "fell": "fall", "rose": "rise", "passed": "temporary"}


def count(value: float) -> str:
    """Write a number the way a page writes counts."""
    return f"{round(value):,}"


def share(value: float) -> str:
    """Write a share the way a page writes shares."""
    return f"{100 * value:.1f} %"


def wilson(hits: int, n: int) -> tuple[str, str]:
    """Return the 95 % interval of Wilson (1927) as shares."""
    z, p = 1.959963984540054, hits / n
    middle, half = p + z * z / 2 / n, z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    ends = [(middle + sign * half) / (1 + z * z / n) for sign in (-1, 1)]
    return share(max(ends[0], 0.0)), share(min(ends[1], 1.0))


@dataclass(frozen=True)
class Run:
    """A run folder and the raw tables behind it."""

    folder: Path
    settings: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the run was made from."""
        return json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its settings."""
        return self.manifest["config"]

    @cached_property
    def cut(self) -> pd.Timestamp:
        """The day before which everything happened."""
        return pd.Timestamp(self.manifest["as_of"])

    def raw(self, name: str) -> pd.DataFrame | None:
        """Read a source file as it is, columns named as the config maps them."""
        source = self.config["tables"].get(name)
        if not source:
            return None
        path = self.settings.parent / os.path.expandvars(source["path"])
        columns = {old: new for new, old in source.get("columns", {}).items()}
        frame = pd.read_parquet(path).rename(columns=columns)
        if "customer_id" in frame and frame["customer_id"].dtype.kind == "f":
            frame["customer_id"] = frame["customer_id"].astype("Int64").astype("string")
        return frame

    @cached_property
    def everybody(self) -> pd.Series:
        """Say of each customer of the customers' table whether the purpose of the run has consent.

        Without a purpose or a column for it everybody comes in, and the series is empty.
        """
        return self.consent(self.config.get("purpose") or "profiling")

    def consent(self, purpose: str) -> pd.Series:
        """Say of each customer: agreed, withdrew, or neither (rows that disagree count against)."""
        people, column = self.raw("customers"), f"consent_{purpose}"
        if people is None or column not in people:
            return pd.Series(dtype=object)
        left = people.get("withdrawn_at", pd.Series(pd.NaT, index=people.index)).notna()
        agreed = people[column].eq(True)
        by = pd.DataFrame({"left": left, "no": ~agreed}).groupby(people["customer_id"]).any()
        return (
            by["left"]
            .map({True: "withdrew", False: "agreed"})
            .where(by["left"] | ~by["no"], "not agreed")
        )

    def table(self, name: str) -> pd.DataFrame | None:
        """Return the rows of those who agreed, and rows that name nobody."""
        frame = self.raw(name)
        if frame is None or self.everybody.empty or "customer_id" not in frame:
            return frame
        agreed = self.everybody.index[self.everybody == "agreed"]
        return frame[frame["customer_id"].isna() | frame["customer_id"].isin(agreed)]

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Order lines before the cut, with day, amount and whether they are returns."""
        lines = self.table("transactions").copy()
        lines["ordered_at"] = pd.to_datetime(lines["ordered_at"])
        lines = lines[lines["ordered_at"] < self.cut]
        if "amount" not in lines:
            lines["amount"] = lines["quantity"] * lines["unit_price"]
        pieces = lines.get("quantity", pd.Series(1, index=lines.index))
        back = (pieces < 0) | (lines["amount"] < 0)
        if "is_return" in lines:
            back |= lines["is_return"].eq(True)
        prefix = self.config["tables"]["transactions"].get("rules", {}).get("cancelled_prefix")
        if prefix:
            back |= lines["order_id"].astype(str).str.startswith(prefix)
        return lines.assign(back=back, sold=~back & (pieces != 0))

    @cached_property
    def sold(self) -> pd.DataFrame:
        """Order lines of known customers that are no returns."""
        return self.lines[self.lines["sold"] & self.lines["customer_id"].notna()]

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Customer, order and day of every order; without order numbers a day is one."""
        sold = self.sold.assign(day=self.sold["ordered_at"].dt.normalize())
        key = "order_id" if "order_id" in sold else "day"
        return sold.groupby(["customer_id", key], as_index=False, observed=True)["day"].min()

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Orders, spend and segment of each customer with an order."""
        by = self.sold.groupby("customer_id", observed=True)["amount"].sum().rename("spend")
        orders = self.orders.groupby("customer_id", observed=True).size().rename("orders")
        return pd.concat([by, orders, self.segment.rename("segment")], axis=1)

    def facts(self, notebook: str) -> dict[str, Any]:
        """Return what a page recorded."""
        path = self.folder / "facts" / f"{notebook}.json"
        return json.loads(path.read_text(encoding="utf-8"))["facts"]

    def left(self, name: str) -> pd.DataFrame | None:
        """Read a table that a notebook left."""
        path = self.folder / "tables" / f"{name}.parquet"
        return pd.read_parquet(path) if path.is_file() else None

    @cached_property
    def pseudonyms(self) -> pd.Series:
        """Pseudonym by raw customer id, of everybody who ordered."""
        from segwork import config
        from segwork.runs.project import pseudonym_key

        key = pseudonym_key(config.load(self.settings), run_folder=self.folder).encode()
        ids = pd.Series(self.sold["customer_id"].unique())
        names = ids.map(lambda i: hmac.new(key, str(i).encode(), hashlib.sha256).hexdigest()[:16])
        return pd.Series(names.to_numpy(), index=ids)

    @cached_property
    def segment(self) -> pd.Series:
        """Segment by raw customer id."""
        return self.pseudonyms.map(self.left("segments").set_index("customer_id")["segment"])


Page = Callable[[Run], Iterator[tuple[str, Values]]]


def data_quality(run: Run) -> Iterator[tuple[str, Values]]:
    """Rows that came in, lines without a customer, copies of lines."""
    sizes = [len(frame) for name in TABLES if (frame := run.table(name)) is not None]
    lines = run.table("transactions")
    nobody, copies = int(lines["customer_id"].isna().sum()), int(lines.duplicated().sum())
    counts = {"in": count(sum(sizes)), "kept": count(sum(sizes)), "rows": count(len(lines))}
    counts |= {"nobody": count(nobody), "copies": count(copies)}
    yield "{in} rows came in: {kept} were kept", counts
    yield "{nobody} of {rows} order lines have no customer, {copies} are surplus copies", counts
    shares = {"nobody": share(nobody / len(lines)), "copies": share(copies / len(lines))}
    yield "Order lines without a customer: {nobody}", shares
    yield "Surplus copies of order lines: {copies}", shares
    yield (
        "Data points: {points} order lines",
        {"points": count((run.lines["ordered_at"].dt.year >= 1990).sum())},
    )
    if {"quantity", "is_return"} <= set(lines):
        loose = (lines["quantity"] < 0) & ~lines["is_return"].eq(True)
        wrong = {"n": count(loose.sum())}
        yield "Negative quantities are marked as returns: failed ({n} rows)", wrong
    told = run.facts("10_data_quality")
    people = run.table("customers")
    for name in people if people is not None else ():
        gap = share(people[name].isna().mean())
        yield f"customers.{name} {{gap}}", {"gap": gap}
    words = [word for name, word in told.items() if re.fullmatch(r"dq_\w_\d\d_status", name)]
    answers = {word: count(words.count(word)) for word in ("failed", "warned", "passed")}
    yield "{failed} checks failed and {warned} warned; most urgent", answers
    yield "{failed} checks failed, {warned} warned, {passed} passed,", answers


def segments(run: Run) -> Iterator[tuple[str, Values]]:
    """Sizes of the segments and what they bring, spend added up from the lines."""
    table = run.customers
    sizes, spend = table["segment"].value_counts(), table.groupby("segment")["spend"].sum()
    inside = sizes.drop("noise", errors="ignore")
    top = spend[inside.index].idxmax()
    noise, part = sizes.get("noise", 0) / len(table), inside / len(table)
    said = {
        "customers": count(len(table)), "k": count(len(inside)), "least": count(inside.min()),
        "most": count(inside.max()), "share": share(part[top]), "noise": share(noise),
        "spend": share(spend[top] / spend.sum()), "smallest": share(part.min()),
        "once": count((table["orders"] == 1).sum()),
    }  # fmt: skip
    yield "{customers} customers have an order before the cut", said
    yield "{k} segments of {least} to {most} customers", said
    yield f"{top} (…), {{share}} of the customers, makes {{spend}} of the spend", said
    yield "Saved are {k} segments drawn", said
    yield "the smallest holds {smallest} of customers, and {noise} belong to none", said
    yield "{once} customers with a single order are a segment by rule", said
    yield "Smallest segment: {smallest}", said
    yield "Customers in no segment: {noise}", said
    yield f"({top}) makes {{spend}} of the spend with {{share}} of the customers", said
    for name in inside.index:
        both = {"n": count(sizes[name]), "share": share(part[name])}
        yield f"({name}): {{n}} ({{share}})", both
    yield "The {k} segments that were saved", said
    yield "{k} segments, drawn by", said


def change_points(run: Run) -> Iterator[tuple[str, Values]]:
    """Verdicts counted again in the table the page left; customers in the lines."""
    table = run.left("change_points")
    kinds, tested = table["kind"].value_counts(), int(table["p"].notna().sum())
    changed = int(kinds.reindex(KINDS.values()).sum())
    silent = (table["kind"] == "not enough data") & (table["outlook"] == "too new")
    said = {
        "customers": count(run.lines["customer_id"].nunique()), "silent": share(silent.mean()),
        "tested": count(tested), **{w: count(kinds.get(k, 0)) for w, k in KINDS.items()},
        "false": count(0.1 * changed), "part": share(tested / len(table)),
        **{w.replace(" ", "_"): count(n) for w, n in table["outlook"].value_counts().items()},
    }  # fmt: skip
    yield "Of {customers} customers {silent} have neither a verdict nor an outlook", said
    yield "Customers with enough orders and weeks for a verdict: {part}", said
    yield "The outlook of {customers} customers: {active} active", said
    for word in ("cooling", "gone", "too new"):
        yield f"{{{word.replace(' ', '_')}}} {word}", {word.replace(" ", "_"): "0", **said}
    yield from trouble(run)
    first = run.sold.groupby("customer_id")["ordered_at"].min()
    first = first[first.dt.year >= 1990].dt.to_period("Q")
    yield (
        "{own} of {cohorts} cohorts",
        {
            "cohorts": count(first.nunique()),
            "own": count(run.facts("30_change_points").get("changed_cohorts", 0)),
        },
    )
    if not tested:
        return
    names = {"scan": "calibrated scan", "pelt": "PELT", "binseg": "binary segmentation"}
    for column, words in {**names, "bocpd": "BOCPD"}.items():
        if table[column].notna().any():
            again = share(table[column].dropna().astype(float).mean())
            yield f"{words} of {{again}}", {"again": again}
    low, high = wilson(changed, tested)
    said |= {"changed": share(changed / tested), "low": low, "high": high}
    yield "{tested} could be tested; the buying of {changed} (95 % interval {low} to {high})", said
    yield "{stopped} stopped, {fell} fell, {rose} rose, {passed} had an episode", said
    yield "About {false} of these verdicts are false", said
    yield "tests of single customers {stopped} stopped and {fell} fell", said
    delay = run.facts("30_change_points").get("stop_seen_days", 0)
    end = run.cut - pd.Timedelta(days=delay)
    inside = table["changed_at"].between(end - pd.Timedelta(days=91), end)
    lost = int((table["kind"].isin(["stop", "fall"]) & inside).sum())
    low, high = wilson(lost, tested)
    late = {"share": share(lost / tested), "low": low, "high": high}
    yield f"{delay} days before the cut {{share}} of the tested customers stopped or fell", late
    yield "stopped or fell (95 % interval {low} to {high})", late
    yield "in which a stop can be seen: {share} (95 % interval {low} to {high})", late


def trouble(run: Run) -> Iterator[tuple[str, Values]]:
    """Count who called and complained much within a month, and still engages."""
    contacts = run.table("interactions")
    if contacts is None or "kind" not in contacts:
        return
    ordered = run.lines["customer_id"].dropna().unique()
    contacts = contacts[contacts["customer_id"].isin(ordered)]
    age = run.cut - contacts["occurred_at"]
    past = age > pd.Timedelta(0)
    month, week = past & (age.dt.days < 30), past & (age.dt.days < 7)
    by = contacts.assign(
        calls=month & (contacts["channel"] == "call"),
        complaints=month & (contacts["kind"] == "complaint"),
        social=week & (contacts["channel"] == "social"),
    ).groupby("customer_id")[["calls", "complaints", "social"]]
    sums = by.sum()
    loud = sums[(sums["calls"] >= 5) & (sums["complaints"] >= 3)]
    said = {"loud": count(len(loud)), "stay": count((loud["social"] > 0).sum())}
    yield "{loud} customers are in trouble; {stay} of them still engage and may stay", said


def dynamics(run: Run) -> Iterator[tuple[str, Values]]:
    """Count customers at the ends of periods, who is in both of the last two, and who moved."""
    labels = run.left("segments_over_time")
    ends = sorted(labels["period_end"].unique())
    last, before = (set(labels.loc[labels["period_end"] == e, "customer_id"]) for e in ends[:-3:-1])
    first = run.sold.groupby("customer_id")["ordered_at"].min()
    said = {
        "customers": count((first < run.cut).sum()), "ends": count(len(ends)),
        "both": count(len(last & before)), "entered": count(len(last - before)),
        "left": count(len(before - last)),
    }  # fmt: skip
    yield "{customers} customers at {ends} ends of period", said
    yield "{both} customers are in both periods; {entered} entered, {left} left", said
    wide = labels.set_index(["method", "customer_id", "period_end"])["segment"].unstack()  # noqa: PD010
    for method, own in wide.groupby("method"):
        pairs = [own[[one, two]].dropna() for one, two in pairwise(ends)]
        n = sum(map(len, pairs))
        stayed = sum(int((pair.iloc[:, 0] == pair.iloc[:, 1]).sum()) for pair in pairs) / max(n, 1)
        if method == "fit_once":
            left = {"moved": share(1 - stayed)}
            yield "lose {moved} of their customers from one period to the next", left
        elif method != "time_aware":  # its stability comes from pair probabilities, not labels
            yield f"With {method} {{stay}} stay for a period", {"stay": share(stayed)}


def models(run: Run) -> Iterator[tuple[str, Values]]:
    """Snapshots and their labels from the days of orders; who is flagged, from the table left."""
    lines = run.sold.assign(day=run.sold["ordered_at"].dt.normalize())
    seen = lines[["customer_id", "day"]].drop_duplicates()
    people: list[set[str]] = []
    lost = 0
    for quarter in range(4):
        at = run.cut - pd.Timedelta(days=90 + 91 * quarter)
        age = (at - seen["day"]).dt.days
        here = set(seen.loc[age.between(1, 365), "customer_id"])
        after = set(seen.loc[age.between(-89, 0), "customer_id"])
        people.append(here)
        lost += len(here - after)
    rows = sum(map(len, people))
    said = {
        "rows": count(rows),
        "customers": count(len(set.union(*people))),
        "lost": share(lost / max(rows, 1)),
    }
    yield "{rows} descriptions of {customers} customers", said
    yield "of {rows} rows repeat an earlier row", said
    yield "Lost: {lost} of the rows", said
    outlook = run.left("outlook")
    today = (run.cut - seen["day"]).dt.days.between(1, 365)
    said = {
        "unseen": share(outlook["unseen"].mean()),
        "n": count(seen.loc[today, "customer_id"].nunique()),
    }
    yield "{unseen} of today's {n} customers behave as nobody in history did", said


def fairness(run: Run) -> Iterator[tuple[str, Values]]:
    """Who can be compared: a price, a decision, an age; and how many of them are young."""
    people = run.table("customers")
    if people is None or "insurance_premium" not in people:
        return
    people = people.drop_duplicates("customer_id")
    priced = people["insurance_premium"].notna() & people["risk_label"].notna()
    age = run.cut.year - people["birth_year"] if "age" not in people else people["age"]
    said = {
        "people": count((priced & age.between(16, 100)).sum()),
        "undecided": count((~priced).sum()),
        "odd": count((priced & ~age.between(16, 100)).sum()),
        "young": count((priced & age.between(16, 24)).sum()),
    }
    whom = "customers have a price and a decision, of whom"
    yield f"{{people}} {whom} {{young}} customers are under 25", said
    yield "Left out: {undecided} with no decision, {odd} with age not plausible", said
    told = people.set_index("customer_id").index.map(run.segment)
    known = pd.DataFrame({"young": age < 25, "segment": told})[age.notna()].dropna()
    ratio = known.groupby("segment")["young"].mean() / known["young"].mean()
    for name, value in ratio.items():
        yield f"under 25 in {name} (…) is {{ratio}} of its share", {"ratio": f"{value:.2f}"}


def privacy(run: Run) -> Iterator[tuple[str, Values]]:
    """Who came through the door, and how many look alike in segment and what outsiders know."""
    ids = pd.concat(
        [
            pd.Series(frame["customer_id"].dropna().unique())
            for name in TABLES[:4]
            if (frame := run.raw(name)) is not None
        ]
    ).drop_duplicates()
    known = run.everybody.reindex(ids)
    by = known.fillna("agreed" if run.everybody.empty else "not agreed").value_counts()
    said = {
        "all": count(len(ids)), "kept": count(by.get("agreed", 0)),
        "no": count(by.get("not agreed", 0)), "gone": count(by.get("withdrew", 0)),
    }  # fmt: skip
    yield "Of {all} customers {kept} came through the door", said
    yield "{no} had not consented and {gone} withdrew", said
    door = {"used": count(run.segment.notna().sum()), "past": "0"}
    yield "{past} of {used} customers did not come through the door", door
    yield "Consent to the declared purpose: passed ({kept} customers kept)", said
    yield "Customers known: {kept} customers", said
    groups = run.customers["segment"].astype(str).to_frame()
    people = run.table("customers")
    for name in ("gender", "region"):
        if people is not None and name in people:
            first = people.drop_duplicates("customer_id").set_index("customer_id")[name]
            groups[name] = first.reindex(groups.index).astype(str)
    if people is not None and ("age" in people or "birth_year" in people):
        first = people.drop_duplicates("customer_id").set_index("customer_id")
        age = first["age"] if "age" in first else run.cut.year - first["birth_year"]
        edges = [0, 25, 35, 45, 55, 65, 130]
        groups["age_band"] = pd.cut(age.reindex(groups.index), edges).astype(str)
    sizes = groups.groupby(list(groups), dropna=False).size()
    alike = {
        "k": count(sizes.min()), "few": share(sizes[sizes < 5].sum() / sizes.sum()),
        "alone": share((sizes == 1).sum() / sizes.sum()),
    }  # fmt: skip
    yield "the smallest group has {k} customers; {few} are in groups of fewer than five", alike
    yield "{alone} of the customers are alone with what an outsider may know", alike
    yield "People of the segment table in groups of fewer than five: {few}", alike


def value(run: Run) -> Iterator[tuple[str, Values]]:
    """Revenue of the window from the lines; what needs costs, from the table left."""
    table = run.left("customer_value")
    recent = run.lines[run.lines["ordered_at"] >= run.cut - pd.Timedelta(days=365)]
    signed = recent["amount"].where(~recent["back"], -recent["amount"].abs())
    ours = recent["customer_id"].isin(run.segment.index)
    name = "profit" if table["profit"].notna().all() else "revenue"
    money = f"{run.config.get('currency', '')} ".lstrip()
    total = table["profit"].sum() if name == "profit" else signed[ours].sum()
    best = table[name].sort_values(ascending=False)
    said = {
        "customers": count(len(run.customers)), "total": count(total),
        "losing": share((table[name] < 0).mean()), "outside": count(signed[~ours].sum()),
        "peak": share(best.clip(lower=0).sum() / best.sum()), "who": share((best > 0.005).mean()),
    }  # fmt: skip
    yield f"{{customers}} customers brought a {name} of {money}{{total}}; {{losing}} of them", said
    yield f"belongs to nobody in a segment: {money}{{outside}}", said
    yield "The best {who} of customers bring {peak} of the total", said
    yield "Customers who cost more than they bring: {losing}", said
    known = {"lines": count(recent["customer_id"].notna().sum())}
    yield "cost unknown or above ten prices in … of {lines} lines", known
    totals = pd.Series(run.segment[run.segment.notna()]).to_frame("segment")
    totals["of"] = run.pseudonyms[totals.index].map(table.set_index("customer_id")[name])
    for segment, total in totals.groupby("segment")["of"].sum().items():
        yield f"({segment}) brings most ({money}{{total}})", {"total": count(total)}
        yield f"({segment}) least ({money}{{total}})", {"total": count(total)}


def personas(run: Run) -> Iterator[tuple[str, Values]]:
    """Count stages in the table left; who of a segment is meant by its plan, and agreed."""
    stages = run.left("lifecycle").set_index("customer_id")["stage"].dropna()
    said = {
        "n": count(len(stages)),
        "loyal": share((stages == "loyal").mean()),
        "lost": share((stages == "lost").mean()),
    }
    yield "Of {n} customers {loyal} are loyal and {lost} are lost", said
    mine = pd.DataFrame({"segment": run.segment, "stage": run.pseudonyms.map(stages)})
    agreed = run.consent(run.config.get("export", {}).get("purpose", "marketing"))
    mine["agreed"] = (mine.index.map(agreed) == "agreed") if len(agreed) else True
    for name, own in mine[mine["stage"] == "loyal"].groupby("segment"):
        both = {"all": count(len(own)), "agreed": count(own["agreed"].sum())}
        keep = f"{name} (…): *Thank them and give them first access; no discount*, for"
        yield f"{keep} {{agreed}} customers who agreed (of {{all}})", both
        yield f"{keep.replace('*', '')} {{agreed}} customers who agreed (of {{all}})", both


def activation(run: Run) -> Iterator[tuple[str, Values]]:
    """Who agreed to marketing and is in a segment."""
    agreed = run.consent("marketing")
    ids = pd.concat(
        [
            pd.Series(frame["customer_id"].dropna().unique())
            for name in TABLES[:2]
            if (frame := run.raw(name)) is not None
        ]
    ).drop_duplicates()
    inside = ids.isin(run.segment.dropna().index)
    sent = int((inside & (ids.map(agreed) == "agreed")).sum()) if len(agreed) else 0
    said = {"all": count(len(ids)), "sent": count(sent), "share": share(sent / len(ids))}
    said["not"] = count(len(ids) - sent)
    yield "Of {all} customers {sent} ({share}) may be sent", said
    yield "{not} may not, each for a reason that is named", said
    yield "{sent} customers may be written to", said


PAGES: dict[str, Page] = {
    "10_data_quality": data_quality,
    "20_segments": segments,
    "30_change_points": change_points,
    "40_dynamics": dynamics,
    "50_overfitting": models,
    "60_fairness": fairness,
    "70_privacy": privacy,
    "75_value": value,
    "80_personas": personas,
    "90_activation": activation,
}


def sentences(run: Run, notebook: str) -> str:
    """Return what the page says in sentences: prose with numbers, and its gates."""
    cells = nbformat.read(run.folder / "notebooks" / f"{notebook}.ipynb", 4)["cells"]
    said = [
        "".join(output["data"]["text/markdown"]).replace("\\", "")
        for cell in cells
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
        if "text/markdown" in output.get("data", {})
        and not output["data"]["text/markdown"].startswith("**Figure")
    ]
    findings = json.loads((run.folder / "findings.json").read_text(encoding="utf-8"))
    own = {row["code"]: row["message"] for row in findings if judged(row["code"]) == notebook}
    return "\n".join([*said, *own.values()])


def judged(code: str) -> str:
    """Return the page a gate belongs to."""
    from segwork.checks.gates import catalogue

    return catalogue()[code].notebook if code in catalogue() else ""


def index(run: Run) -> str:
    """Return the sentences of the index, up to its appendix."""
    html = (run.folder / "index.html").read_text(encoding="utf-8")
    return text_of(html[html.index("<main") :].partition('<div class="appendix">')[0])


def compare(text: str, rules: list[tuple[str, Values]]) -> Iterator[tuple[str, str, str, int]]:
    """Yield page's number, recomputed number, the sentence and its place, for every hit."""
    for template, values in rules:
        parts = re.split(r"\{(\w+)\}", template)
        plain = [re.escape(part).replace("…", ANY) for part in parts]
        pattern = "".join(f"({SAID})" if i % 2 else part for i, part in enumerate(plain))
        for found in re.finditer(pattern, text):
            for place, name in enumerate(parts[1::2], 1):
                yield found[place], values[name], template, found.start(place)


def spellings(value: float) -> set[str]:
    """Return every way a page may write a number: count, share, three digits, money, decimals."""
    ways = {count(value), share(value), f"{value:.3g}", f"{value:,.0f}", f"{value:g}"}
    ways |= {f"{value:,.{digits}f}" for digits in (1, 2, 3)} | {f"{100 * value:.0f}"}
    return {way.removesuffix(" %").lstrip("+-") for way in ways | {f"{100 * value:.1f}"}}


def recorded(run: Run) -> set[str]:
    """Return every number that the run recorded, as pages spell it: facts, settings, tables."""
    values: list[float] = [*_numbers(run.config)]
    for file in (run.folder / "facts").glob("*.json"):
        values += _numbers(json.loads(file.read_text(encoding="utf-8")))
    values += _numbers(json.loads((run.folder / "findings.json").read_text(encoding="utf-8")))
    for entry in run.manifest["notebooks"].values():
        values += _numbers(entry["parameters"])
    for file in (run.folder / "notebooks").glob("*.ipynb"):
        shown = re.findall(r"<td[^>]*>([^<]*)</td>", json.dumps(nbformat.read(file, 4)))
        values += _numbers([cell for cell in shown if NUMBER.fullmatch(cell)])
    for file in (run.folder / "tables").glob("segment*.parquet"):
        if len(frame := pd.read_parquet(file)) <= MOST_ROWS:
            values += frame.select_dtypes("number").to_numpy().ravel().tolist()
    return set().union(*(spellings(value) for value in values if math.isfinite(value)))


def _numbers(content: object) -> Iterator[float]:
    """Yield the numbers of nested JSON, those within texts too."""
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list):
        for part in content:
            yield from _numbers(part)
    elif isinstance(content, str):
        yield from (float(n.replace(",", "")) for n in NUMBER.findall(content))
    elif isinstance(content, int | float):
        yield float(content)


def table(runs: list[Run]) -> pd.DataFrame:
    """Return a row a run and page: numbers, recomputed, equal, recorded; the others are printed."""
    rows = []
    for run in runs:
        rules = {name: list(page(run)) for name, page in PAGES.items() if _ran(run, name)}
        everything, known = [rule for page in rules.values() for rule in page], recorded(run)
        for name in [*filter(lambda n: _ran(run, n), run.manifest["notebooks"]), "index"]:
            text = index(run) if name == "index" else sentences(run, name)
            found = {at: (said, again, rule) for said, again, rule, at in compare(text, everything)}
            for said, again, rule in found.values():
                if said != again:
                    print(f"{run.folder.name} {name}: {said} on the page, {again} again: {rule}")
            equal = sum(said == again for said, again, _ in found.values())
            bare = SETTING.sub(lambda hit: " " * len(hit[0]), text)
            others = [hit for hit in NUMBER.finditer(bare) if not _within(hit, found)]
            kept = [hit for hit in others if hit[0].lstrip("+-") in known]
            for hit in (hit for hit in others if hit not in kept):
                around = text[max(hit.start() - 60, 0) : hit.end() + 30].replace("\n", " ")
                print(f"{run.folder.name} {name}: {hit[0]} is nowhere recorded: …{around}…")
            row = (run.folder.name, name, len(found) + len(others), len(found), equal, len(kept))
            rows.append(row)
    return pd.DataFrame(rows, columns=["run", "page", "numbers", "recomputed", "equal", "recorded"])


def _within(hit: re.Match[str], found: dict[int, tuple[str, str, str]]) -> bool:
    """Tell whether a number is one of those computed again."""
    return any(at <= hit.start() < at + len(said) for at, (said, _, _) in found.items())


def _ran(run: Run, notebook: str) -> bool:
    return run.manifest["notebooks"].get(notebook, {}).get("status") == "ok"


def main(folders: list[str]) -> int:
    """Print the table of claims of run folders; 1 where a number is not equal."""
    runs = [Run(Path(f), Path("notebooks/configs") / f"{Path(f).name}.toml") for f in folders]
    found = table(runs)
    print(found.to_string(index=False))
    total = found[["numbers", "recomputed", "equal", "recorded"]].sum()
    left = total["numbers"] - total["recomputed"] - total["recorded"]
    print(
        f"{total['numbers']} numbers in sentences: {total['recomputed']} recomputed from the data,"
        f" {total['equal']} equal; {total['recorded']} settings, limits and estimates as recorded;"
        f" {left} are neither."
    )
    return int(total["equal"] < total["recomputed"] or left > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
