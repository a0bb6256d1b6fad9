"""The one door to people's data: who did not consent to the purpose does not come through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import Frame, IntoFrame

from segwork import tables as _tables
from segwork.config import Config
from segwork.errors import UsageError
from segwork.run import Run
from segwork.tables import Tables

DEFAULT_PURPOSE = "profiling"
NOT_DECLARED = "not declared"
PEOPLE = ("customers", "transactions", "behaviour", "interactions")
EVERYBODY = "all tables"
FLAG = re.compile(r"consent_.+(?<!_at)")
STAYS, GONE, _PLACE = "_consent_stays", "_consent_gone", "_consent_place"


@dataclass(frozen=True, eq=False)
class Consented:
    """What came through the door.

    Attributes
    ----------
    tables : Tables
        Rows of customers whose consent holds, in source order; ``external`` unchanged.
    counts : DataFrame
        One row a step (each table, then ``all tables``): step, customers_in, kept, no_consent,
        withdrawn (a customer who withdrew is counted there only); and rows_in, rows_kept,
        rows_unnamed (they name no customer, so nobody consented to their use).
    status : str
        ``passed``, or ``not declared``: the data record no consent, or the config declares no
        purpose. Where none is recorded only customers who withdrew are left out.
    purpose : str
        ``none`` where it is not known.
    """

    tables: Tables
    counts: pd.DataFrame
    status: str
    purpose: str = "none"

    def facts(self) -> dict[str, float | int | str]:
        """Return the status, the purpose and the counts over all tables."""
        totals = self.counts.set_index("step").loc[EVERYBODY].items()
        counted = {f"consent_{name}": int(count) for name, count in totals}
        return {"consent_status": self.status, "consent_purpose": self.purpose, **counted}


def consented(
    tables: Tables,
    *,
    purpose: str,
    as_of: date | datetime | str,
    also: Mapping[str, str] | None = None,
    unnamed: bool = False,
) -> Consented:
    """Keep the customers who consented to a purpose before a day and have not withdrawn.

    Parameters
    ----------
    tables : Tables
        ``customers`` says who consented: ``consent_<purpose>`` and, where it is there,
        ``consent_<purpose>_at`` (a consent without its day, or of a later one, cannot be shown and
        does not count). ``withdrawn_at`` ends every consent, also where it is on or after
        ``as_of``: who withdraws is out of the next run, whatever period it reports on. Only a
        younger dated consent restores it. Rows that disagree about a customer count against use,
        and who has no row has not consented.
    purpose : str
    as_of : date, datetime or str
        Consent must have been given before it.
    also : mapping of table to purpose, optional
        Further consent that a table needs, as in ``{"behaviour": "tracking"}``.
    unnamed : bool, default False
        Whether rows without a customer id stay: the data audit counts them, no model uses them.

    Raises
    ------
    UsageError
        The data record consent, but for other purposes.

    References
    ----------
    Indonesia, Law 27 of 2022 on personal data protection, articles 20 to 22; Regulation (EU)
    2016/679, articles 6 and 7; Türkiye, Law 6698 (KVKK), article 5.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["A", "B"], "consent_profiling": [True, False]})
    >>> lines = pd.DataFrame({"customer_id": ["A", "B"], "ordered_at": "2026-01-02", "amount": 9})
    >>> data = _tables.from_frames(transactions=lines, customers=people)
    >>> found = consented(data, purpose="profiling", as_of="2026-02-01")
    >>> found.tables.transactions["customer_id"].tolist()
    ['A']
    """
    known, also = _recorded(_tables.needed(tables)), dict(also or {})
    _known(known, purpose, *also.values())
    needs = {name: {purpose, also.get(name, purpose)} for name in PEOPLE} if known else {}
    found = _through(tables, needs, _tables.instant(as_of), unnamed or not known)
    return replace(found, purpose=purpose)


def door(run: Run) -> Consented:
    """Load the tables of a run and let through what its declared purpose allows.

    Where the config declares no ``purpose``, consent to profiling is asked for as soon as the data
    record any for it, because to segment is to profile; the status stays *not declared*.
    """
    return through_door(_tables.load(run.config, key=run.key), run.config)


def through_door(data: Tables, config: Config) -> Consented:
    """Let through what the purpose a config declares allows; see :func:`door`."""
    purpose = config.purpose or DEFAULT_PURPOSE
    if config.purpose or purpose in _recorded(data):
        asked = {"purpose": purpose, "also": config.purposes}
        found = consented(data, as_of=config.as_of, unnamed=True, **asked)
    else:  # consent to something else is none to profiling, and nobody said what this run is
        found = _through(data, {}, _tables.instant(config.as_of), True)
    return found if config.purpose else replace(found, status=NOT_DECLARED)


def agreed(tables: Tables, *, purpose: str, as_of: date | datetime | str) -> pd.Series | None:
    """Say of each customer whether consent to a purpose holds; None where nobody was asked.

    Returns
    -------
    Series of bool
        Index customer_id; who has no row is not in it, and did not agree.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["A", "B"], "consent_marketing": True,
    ...                        "withdrawn_at": pd.to_datetime([None, "2026-01-05"])})
    >>> lines = pd.DataFrame({"customer_id": ["A"], "ordered_at": "2026-01-02", "amount": 9})
    >>> data = _tables.from_frames(transactions=lines, customers=people)
    >>> agreed(data, purpose="marketing", as_of="2026-02-01").to_dict()
    {'A': True, 'B': False}
    """
    if purpose not in _recorded(tables):
        return None
    return _stays(tables, {purpose}, _tables.instant(as_of))


def _stays(tables: Tables, purposes: set[str], moment: datetime) -> pd.Series:
    found = states(nw.from_native(tables.customers), purposes, moment).lazy().collect().to_pandas()
    return found.set_index("customer_id").sort_index()[STAYS] == 1


def answers(config: Config, moment: datetime) -> tuple[pd.Series, bool]:
    """Say of each customer of a config's table whether orders and contacts may be used.

    Parameters
    ----------
    config : Config
    moment : datetime
        Consent must have been given before it.

    Returns
    -------
    answers : Series of bool
        Index customer_id.
    others : bool
        Whether those the table does not name may be segmented.

    Raises
    ------
    UsageError
        There is no customers table, or orders or contacts need a consent of their own.
    """
    data, purpose = _tables.load(config), config.purpose or DEFAULT_PURPOSE
    if data.customers is None:
        raise UsageError("the config names no customers", accepted="[tables.customers]")
    known = _recorded(data)
    _known(known, *([config.purpose] if config.purpose else []))
    own = {config.purposes.get(name, purpose) for name in ("transactions", "interactions")}
    if known and own != {purpose}:
        raise UsageError(
            f"orders or contacts need consent to {', '.join(sorted(own))}",
            accepted=f"one purpose, {purpose}, for both",
        )
    purposes = {purpose} if purpose in known else set[str]()
    return _stays(data, purposes, moment), not purposes


def tables_of(run: Run) -> Tables:
    """Return the tables of a run as every notebook gets them: through the :func:`door`."""
    return door(run).tables


def _known(known: list[str], *purposes: str) -> None:
    for wanted in purposes if known else ():
        if wanted not in known:
            raise UsageError.unknown("purpose", wanted, known, where="the customers table")


def _recorded(tables: Tables) -> list[str]:
    """List the purposes the customers table records consent for."""
    if tables.customers is None:
        return []
    columns = nw.from_native(tables.customers).collect_schema().names()
    return [c.removeprefix("consent_") for c in columns if FLAG.fullmatch(c)]


def _through(
    tables: Tables, needs: Mapping[str, set[str]], moment: datetime, unnamed: bool
) -> Consented:
    """Split every table; without needs nobody was asked, and only a withdrawal tells."""
    frames, raws, seen = {}, dict(tables.raw), {}
    for name in PEOPLE:
        if getattr(tables, name) is not None:
            joined = _joined(tables, name, needs.get(name, set()), moment)
            kept = joined.filter(nw.col(STAYS).fill_null(int(unnamed)) == 1)
            frames[name], source = _taken(tables, name, kept)
            if name in raws:
                raws[name] = replace(raws[name], frame=source)
            by = joined.lazy().group_by("customer_id", STAYS, GONE).agg(nw.len().alias("rows"))
            seen[name] = by.collect().to_pandas()
    seen[EVERYBODY] = pd.concat(seen.values())
    counts = [_counted(name, rows, unnamed) for name, rows in seen.items()]
    status = "passed" if needs else NOT_DECLARED
    return Consented(replace(tables, **frames, raw=raws), pd.DataFrame(counts), status)


def _joined(tables: Tables, name: str, purposes: set[str], moment: datetime) -> Frame:
    """Return the ids of a table beside what is known of them; a row without id stays unknown."""
    native = getattr(tables, name)
    if nw.dependencies.is_duckdb_relation(native):  # its joins do not keep the order of rows
        native = native.project(f"*, row_number() over () as {_PLACE}")
    frame = nw.from_native(native)
    if isinstance(frame, nw.DataFrame):
        frame = frame.select("customer_id").with_row_index(_PLACE)
    known = ~nw.col("customer_id").is_null()
    if tables.customers is None:
        return frame.with_columns(nw.when(known).then(1).alias(STAYS), nw.lit(0).alias(GONE))
    asked = states(nw.from_native(tables.customers), purposes, moment)
    joined = frame.join(asked, on="customer_id", how="left")
    stays = nw.col(STAYS).fill_null(int(not purposes))  # a customer without a row
    return joined.with_columns(nw.when(known).then(stays).alias(STAYS), nw.col(GONE).fill_null(0))


def _taken(tables: Tables, name: str, kept: Frame) -> tuple[IntoFrame, IntoFrame]:
    """Return the rows that stay, checked and as they came.

    Where an engine has no positions, "as they came" is what was read of them.
    """
    if isinstance(kept, nw.LazyFrame):
        kept = kept.sort(_PLACE) if _PLACE in kept.collect_schema() else kept
        kept = kept.drop([STAYS, GONE, _PLACE], strict=False)
        own = tables.columns.get(name, {})
        return kept.to_native(), kept.select(*own).rename(dict(own)).to_native()
    places = np.sort(kept[_PLACE].to_numpy())
    frames = [getattr(tables, name), *(tables.raw[n].frame for n in tables.raw if n == name)]
    taken = [nw.from_native(frame).lazy().collect()[places] for frame in frames]
    ready = [nw.maybe_reset_index(frame).to_native() for frame in taken]
    return ready[0], ready[-1]


def _counted(step: str, seen: pd.DataFrame, unnamed: bool) -> dict[str, str | int]:
    """Count customers and rows of a step; a customer is what the worst of their rows says."""
    one = seen.groupby("customer_id").agg({STAYS: "min", GONE: "max"})
    kept, withdrawn = int((one[STAYS] == 1).sum()), int(one[GONE].sum())
    nobody, rows = seen["customer_id"].isna(), seen["rows"]
    return {
        "step": step,
        "customers_in": len(one),
        "kept": kept,
        "no_consent": len(one) - kept - withdrawn,
        "withdrawn": withdrawn,
        "rows_in": int(rows.sum()),
        "rows_kept": int(rows[(seen[STAYS] == 1) | (nobody & unnamed)].sum()),
        "rows_unnamed": int(rows[nobody].sum()),
    }


def states(customers: Frame, purposes: set[str], moment: datetime) -> Frame:
    """Return one row a customer: ``STAYS`` (1: all purposes allowed, not withdrawn), ``GONE``.

    Parameters
    ----------
    customers : narwhals frame
    purposes : set of str
    moment : datetime
        Consent must have been given before it.
    """
    columns = customers.collect_schema().names()
    given, gone, latest = nw.lit(True), nw.lit(False), list[nw.Expr]()
    for purpose in sorted(purposes):
        given = given & nw.col(f"consent_{purpose}").cast(nw.Boolean).fill_null(False)
        if (dated := f"consent_{purpose}_at") in columns:
            given = given & (nw.col(dated) < moment).fill_null(False)
            latest.append(nw.col(dated))
    if "withdrawn_at" in columns:
        gone = ~nw.col("withdrawn_at").is_null()
        for at in latest:  # a younger consent restores what was withdrawn
            gone = gone & ~(at > nw.col("withdrawn_at")).fill_null(False)
    flags = {STAYS: (given & ~gone).cast(nw.Int64), GONE: gone.cast(nw.Int64)}
    known = customers.filter(~nw.col("customer_id").is_null()).select("customer_id", **flags)
    return known.group_by("customer_id").agg(nw.col(STAYS).min(), nw.col(GONE).max())
