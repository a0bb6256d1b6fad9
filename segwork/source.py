"""Where one table comes from, how its file is written, and what may be shown of its address."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo

from segwork.errors import ConfigError
from segwork.schema import TABLES


@dataclass(frozen=True)
class Source:
    """Where one table comes from and what the user calls its columns.

    Parameters
    ----------
    path : str, optional
        CSV, Parquet, Excel or DuckDB file. Relative paths start at the folder of the config file.
    sql, url : str, optional
        A query and the database it runs on, instead of ``path``.
    table : str, optional
        Name of the table inside a DuckDB file, or of the sheet of an Excel file.
    columns : mapping
        Name in the contract -> name in the source. Columns not named keep their own name.
    separator, encoding : str
        How a CSV is written; empty means found out from the file.
    header_row : int
        Line (CSV) or row (sheet) of the header, counted from 1; 0: the first that is not empty.
    skip_after_header, skip_footer : int
        Rows below the header, and at the end, that are no data.
    decimal, thousands : str
        Signs inside numbers. Without ``decimal`` it is the point, and a column that looks like
        thousands is refused.
    money_signs : list of str
        What stands before or behind an amount, such as ``["Rp", "$"]``.
    time_format : str
        How times are written, as in ``"%d/%m/%Y %H:%M"``, or the unit of numbers since 1970: s, ms,
        us, ns; or ``excel`` for the day numbers of a spreadsheet. Empty: ISO, or an order of day
        and month the column itself leaves no doubt about.
    day_first : bool, optional
        The order of ``1/2/2024``.
    clock : str
        Second column that holds the time of day, as ``10:59``, or as a number HHMMSS.
    time_zone : str
        Where times that name a zone are moved: ``Asia/Jakarta``, ``+07:00``, ``as written`` (the
        clock in the file); empty is UTC.
    first_day : date
        The calendar day of day number 1, for a column that counts days.
    rules : mapping
        ``cancelled_prefix``: ``is_return`` is true where ``order_id`` starts with it.
        ``drop``, ``keep``: rows by value, ``{ column = "Status", values = ["Batal"] }``; instead of
        ``values`` also ``nonempty = true`` or ``startswith = ["C"]``; ``whole_order = true`` takes
        every line of the order. ``negative`` (like ``drop``): rows whose amount is given back.
        ``subtract``: columns taken off the amount. ``zero``: columns of which a value other than 0
        makes the amount 0. ``scale``: what amounts are multiplied by. ``fill_down``: columns that
        stand on the first line of an order only. ``nobody``: ids that stand for no customer, such
        as "CASH". ``order_of``: columns that name an order together. ``yes``, ``no``: further
        words of flags.
    """

    path: str = ""
    sql: str = ""
    url: str = ""
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    separator: str = ""
    encoding: str = ""
    header_row: int = 0
    skip_after_header: int = 0
    skip_footer: int = 0
    decimal: str = ""
    thousands: str = ""
    money_signs: Sequence[str] = ()
    time_format: str = ""
    day_first: bool | None = None
    clock: str = ""
    time_zone: str = ""
    first_day: str = ""
    rules: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_named(self) -> bool:
        """Whether a config says where the table is, and so can say how it is written."""
        return bool(self.path or self.url)

    @property
    def in_memory(self) -> bool:
        """Whether reading needs more than SQL says on every engine."""
        layout = self.header_row, self.skip_after_header, self.skip_footer, self.thousands
        times = self.clock, self.time_zone, self.first_day, self.time_format == "excel"
        careful = (*layout, *times, self.money_signs, set(self.rules) - {"cancelled_prefix"})
        return self.day_first is not None or any(careful)


def check(source: Source, table: str, place: str) -> None:
    """Refuse what no schema says: no data, a contract name mistyped, signs that clash."""
    if not source.path and not source.sql and not (source.url and source.table):
        raise ConfigError(f"{place} names no data", accepted="path, or url with sql or table")
    if source.sql and not (source.url or source.path):
        raise ConfigError(f"{place} has sql but no url", accepted="url = 'postgresql://…'")
    known = [column.name for column in TABLES[table].columns]
    for name in source.columns:
        if name not in known and difflib.get_close_matches(name, known, n=1, cutoff=0.8):
            raise ConfigError.unknown("column", name, known, where=f"columns of {place}")
    if source.thousands and source.thousands == source.decimal:
        raise ConfigError(f"decimal and thousands are both '{source.decimal}' in {place}")
    if source.time_zone and source.time_zone != "as written":
        zone(source.time_zone, place)


def zone(name: str, place: str = "the config") -> tzinfo:
    """Return the zone of a name or an offset such as +07:00."""
    if offset := re.fullmatch(r"([+-])(\d{2}):?(\d{2})", name):
        sign = -1 if offset[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"'time_zone' is {name!r} in {place}", accepted="Asia/Jakarta, +07:00 or 'as written'"
        ) from None


def shown_address(url: str) -> str:
    """Return what may be shown of a database URL: scheme, host and name of the database.

    Whatever is written in an unusual way is left out: passwords hold slashes, marks and signs.

    Examples
    --------
    >>> shown_address("postgresql://shop:s3cret@db.example.com:5432/shop?sslmode=require")
    'postgresql://db.example.com/shop'
    >>> shown_address("mssql+pyodbc:///?odbc_connect=PWD%3Dsecret")
    'mssql+pyodbc://'
    """
    scheme, _, rest = url.partition("://")
    if not re.fullmatch(r"[A-Za-z][\w+.-]{0,30}", scheme) or not rest:
        return "database"
    place = rest.rpartition("@")[2] if "?" not in rest.rpartition("@")[0] else ""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]*)(?::\d+)?(?:/([\w.-]*))?(?:\?.*)?", place)
    host, name = (found[1], found[2] or "") if found else ("", "")
    return f"{scheme}://{host}" + (f"/{name}" if name else "")
