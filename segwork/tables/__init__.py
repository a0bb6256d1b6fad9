"""Read the five tables from any source, mapped to the contract; faults counted, none repaired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from segwork import config as _config
from segwork.config import Config
from segwork.errors import DataError, UsageError
from segwork.schema import TABLES, TIME_COLUMN
from segwork.source import Source
from segwork.tables.files import source_files, sources, table_sources

if TYPE_CHECKING:
    import pandas as pd
    from narwhals.typing import IntoFrame

    from segwork.tables.checking import Checked
    from segwork.tables.raw import Raw

T = TypeVar("T")  # Tables, or one frame
__all__ = ["Tables", "from_frames", "instant", "load", "needed", "source_files", "sources"]
__all__ += ["table_sources", "until"]


@dataclass(frozen=True, eq=False, repr=False)
class Tables:
    """The five tables as native frames; a table that was not given is None.

    Attributes
    ----------
    transactions, customers, behaviour, interactions, external : native frame or None
        Checked: contract columns are typed, what could not be read is missing; rows in source
        order; extra columns kept under their own names.
    fingerprint : dict of str to str
        SHA-256 of each source.
    faults : pandas.DataFrame
        One row a fault: table, column, code, n_rows, examples (first bad values), definition.
    rows : pandas.DataFrame
        One row a table: table, rows_in, rows_kept, rows_left_out; what is left out is a fault.
    notes : tuple of str
        Sentences on how the data was read: derived columns, order of day and month.
    """

    transactions: IntoFrame
    customers: IntoFrame | None = None
    behaviour: IntoFrame | None = None
    interactions: IntoFrame | None = None
    external: IntoFrame | None = None
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    raw: Mapping[str, Raw] = field(default_factory=dict, repr=False)
    found: Mapping[str, Checked] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        """Name the tables and their columns: rows are about people, and notebooks are kept."""
        shown = (f"{name}: {', '.join(map(str, frame.columns))}" for name, frame in self.items())
        return f"Tables({'; '.join(shown)})"

    @cached_property
    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of each source, worked out when first asked for."""
        return {name: raw.digest() for name, raw in self.raw.items()}

    @cached_property
    def faults(self) -> pd.DataFrame:
        """What could not be read or looks wrong, counted; a lazy table is read once for it."""
        from segwork.tables import faults

        return faults.as_frame(
            fault for name, raw in self.raw.items() for fault in (*raw.faults, *self.found[name]())
        )

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Rows in = rows kept + rows left out, by table; what is left out is in ``faults``."""
        from segwork.tables import engines

        return engines.row_counts(self.items(), self.raw)

    def source(self, name: str) -> IntoFrame | None:
        """Return a table as it came, under its own column names, with every value untouched.

        Only the customer ids are replaced where the tables were loaded with a key.

        Raises
        ------
        UsageError
            No such table, or it was not given.
        """
        if name not in self.raw:
            raise UsageError.unknown("table", name, self.raw, where="these tables")
        return self.raw[name].frame

    def items(self) -> list[tuple[str, IntoFrame]]:
        """Return name and frame of each table that is there."""
        frames = [(name, getattr(self, name)) for name in TABLES]
        return [(name, frame) for name, frame in frames if frame is not None]


def load(config: str | Path | Mapping[str, object] | Config, *, key: str | None = None) -> Tables:
    """Read and check the tables a config names.

    Parameters
    ----------
    config : path, mapping or Config
        Where the tables are and what their columns are called; ``engine`` says which kind of
        frame is handed over: pandas (default), polars, or lazy duckdb relations.
    key : str, optional
        Secret that turns every ``customer_id`` into a keyed pseudonym (HMAC-SHA256, 16 hex
        digits); a missing id stays missing. Without it ids are kept as given.

    Returns
    -------
    Tables

    Raises
    ------
    DataError
        Every table that cannot be read at all, lacks needed columns, is empty or has a header
        twice, all in one message.
    ConfigError
        A path names an environment variable that is not set.

    Examples
    --------
    ``tables.load("segwork.toml").transactions``
    """
    from segwork.tables import reading

    ready = _config.load(config)
    return _assemble(reading.read_all(ready), engine=ready.engine, key=key)


def from_frames(
    *,
    transactions: IntoFrame,
    customers: IntoFrame | None = None,
    behaviour: IntoFrame | None = None,
    interactions: IntoFrame | None = None,
    external: IntoFrame | None = None,
    sources: Mapping[str, Source] | None = None,
) -> Tables:
    """Check frames that use the contract's column names, or those that a mapping gives them.

    Parameters
    ----------
    transactions, customers, behaviour, interactions, external : native frame
        pandas, Polars, DuckDB or Spark; the checked table is of the same kind.
    sources : mapping of table to Source, optional
        Columns and marks of a frame, as in ``[tables.transactions]`` of a config.

    Raises
    ------
    DataError
        A frame lacks needed columns, is empty or has a column twice; all in one message.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"customer_id": [7.0], "ordered_at": ["2011-12-01"], "amount": ["9"]})
    >>> from_frames(transactions=lines).transactions["customer_id"].tolist()
    ['7']
    """
    from segwork.tables import reading

    frames = {
        "transactions": transactions,
        "customers": customers,
        "behaviour": behaviour,
        "interactions": interactions,
        "external": external,
    }
    given = {name: frame for name, frame in frames.items() if frame is not None}
    if "transactions" not in given:
        raise DataError("there are no transactions", accepted="a frame of order lines")
    raws = {name: reading.of_frame(frame) for name, frame in given.items()}
    for name, source in (sources or {}).items():
        raws[name].source = source
    return _assemble(raws)


def needed(given: T) -> T:
    """Return tables as they are; a frame where they are meant is refused with the way out.

    Raises
    ------
    UsageError
        It is a frame.

    Examples
    --------
    >>> import pandas as pd
    >>> needed(pd.DataFrame({"customer_id": ["A"]}))
    Traceback (most recent call last):
    segwork.errors.UsageError: this is a DataFrame where all tables are meant; accepted: ...
    """
    if hasattr(given, "columns") and not hasattr(given, "transactions"):
        raise UsageError(
            f"this is a {type(given).__name__} where all tables are meant",
            accepted="tables.from_frames(transactions=frame), or what tables.load returns",
        )
    return given


def until(table: T, as_of: date | datetime | str) -> T:
    """Keep the rows strictly before ``as_of``: the only cut in time there is.

    Parameters
    ----------
    table : native frame or Tables
        A checked table. Of ``external`` the day of publication must be before ``as_of`` too,
        where it is known. A table without a time column (customers) comes back unchanged; rows
        without a time are not kept.
    as_of : date, datetime or str
        Midnight at its beginning for a date; a time zone is moved to UTC.

    Examples
    --------
    >>> import pandas as pd
    >>> lines = pd.DataFrame({"ordered_at": pd.to_datetime(["2011-12-09", "2011-12-10"])})
    >>> len(until(lines, "2011-12-10"))
    1
    """
    import narwhals as nw

    if isinstance(table, Tables):
        return replace(table, **{name: until(frame, as_of) for name, frame in table.items()})
    moment = instant(as_of)
    frame = nw.from_native(table)
    schema = frame.collect_schema()
    columns = [name for name in dict.fromkeys(TIME_COLUMN.values()) if name in schema]
    if not columns:
        return table
    column = columns[0]
    if not isinstance(schema[column], nw.Datetime | nw.Date):
        raise UsageError(
            f"'{column}' holds {schema[column]}, not times",
            accepted="a checked table",
            hint="tables.from_frames(transactions=frame) reads times from text",
        )
    zoned = getattr(schema[column], "time_zone", None) and not frame.implementation.is_pyspark()
    at = nw.col(column)
    at = at.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else at
    known = at < moment
    if column == "date" and "published_at" in schema:
        known = known & (nw.col("published_at").is_null() | (nw.col("published_at") < moment))
    return frame.filter(known).to_native()


def instant(as_of: date | datetime | str) -> datetime:
    """Return ``as_of`` as a moment without zone; a date means its first midnight.

    Raises
    ------
    UsageError
        It is no date.
    """
    if type(as_of).__name__ == "datetime64":
        as_of = as_of.astype("datetime64[us]").item()
    if isinstance(as_of, str):
        try:
            as_of = datetime.fromisoformat(as_of)
        except ValueError:
            raise UsageError(f"as_of is '{as_of}'", accepted="year-month-day") from None
    if isinstance(as_of, datetime):
        moment = as_of.astimezone(UTC) if as_of.tzinfo else as_of
        return datetime(*moment.timetuple()[:6], moment.microsecond)
    if isinstance(as_of, date):
        return datetime.combine(as_of, time())
    raise UsageError(f"as_of is {as_of!r}", accepted="a date")


def _assemble(raws: Mapping[str, Raw], *, engine: str = "", key: str | None = None) -> Tables:
    from segwork.tables import checking, engines

    checked = {name: engines.check(raw, TABLES[name]) for name, raw in raws.items()}
    checking.refuse(
        {name: c.problems for name, c in checked.items()},
        {name: raw.unreadable for name, raw in raws.items() if raw.unreadable},
    )
    if key is not None:
        for name, one in checked.items():
            engines.pseudonymise(raws[name], one, key)
    return Tables(
        **{name: engines.hand_over(one.frame, raws[name], engine) for name, one in checked.items()},
        notes=tuple(note for name, c in checked.items() for note in (*raws[name].notes, *c.notes)),
        columns={name: one.columns for name, one in checked.items()},
        raw=raws,
        found={name: one.found for name, one in checked.items()},
    )
