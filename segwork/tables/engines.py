"""The contract check on every kind of frame: pandas is the reference, others agree with it."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import narwhals as nw

from segwork.errors import DataError
from segwork.schema import Table
from segwork.tables.checking import Checked, check_names, check_pandas
from segwork.tables.raw import Raw, arrow_to_pandas, is_lazy_sql

if TYPE_CHECKING:
    import pandas as pd
    from narwhals.typing import IntoDataFrame, IntoFrame

PSEUDONYM_DIGITS = 16


def check(raw: Raw, table: Table) -> Checked:
    """Check a table of any kind; a table that could not be read is left as it is."""
    if raw.unreadable:
        return Checked()
    if nw.dependencies.is_pandas_dataframe(raw.frame):
        return check_pandas(raw.frame, table, raw.source, raw_text=raw.raw_text)
    if is_lazy_sql(raw.frame):
        from segwork.tables import lazy

        return lazy.check(raw.frame, table, raw.source) or _check_in_memory(raw, table)
    return _check_eager(raw, table)


def _check_in_memory(raw: Raw, table: Table) -> Checked:
    """Check a lazy frame through pandas, where its text takes more than SQL to read."""
    import pyarrow as pa

    frame = raw.frame
    if nw.dependencies.is_pyspark_dataframe(frame):
        checked = check_pandas(frame.toPandas(), table, raw.source, raw_text=raw.raw_text)
        if checked.frame is not None:
            checked.frame = frame.sparkSession.createDataFrame(checked.frame)
        return checked
    given = arrow_to_pandas(frame.to_arrow_table())
    checked = check_pandas(given, table, raw.source, raw_text=raw.raw_text)
    if checked.frame is not None:
        made = pa.Table.from_pandas(checked.frame, preserve_index=False)  # noqa: F841
        checked.frame = frame.query("read", "select * from made")  # on the connection it is from
    return checked


def _check_eager(raw: Raw, table: Table) -> Checked:
    """Check Polars and Arrow frames through pandas, contract columns only."""
    try:
        frame = nw.from_native(raw.frame)
    except TypeError:
        raise DataError(
            f"{table.name} is a {type(raw.frame).__name__}",
            accepted="a pandas, Polars, DuckDB or Spark frame",
        ) from None
    lazy = isinstance(frame, nw.LazyFrame)
    eager = frame.collect() if lazy else frame
    checked = check_names(list(eager.columns), table, raw.source)
    if checked.problems:
        return checked
    exact = eager.select(**{own: _exact(eager, own) for own in eager.columns})
    checked = check_pandas(exact.to_pandas(), table, raw.source, raw_text=raw.raw_text)
    if checked.frame is not None:
        checked.frame = _back(checked, eager, table, lazy=lazy)
    return checked


def _exact(frame: nw.DataFrame[IntoDataFrame], name: str) -> nw.Expr:
    """Keep whole numbers with gaps exact on their way through pandas: as text."""
    whole = frame[name].dtype.is_integer() and frame[name].null_count() > 0
    return nw.col(name).cast(nw.String) if whole else nw.col(name)


def _back(
    checked: Checked, eager: nw.DataFrame[IntoDataFrame], table: Table, *, lazy: bool
) -> IntoFrame:
    import pyarrow as pa

    extras = [own for name, own in checked.columns.items() if table.column(name) is None]
    read = [name for name in checked.frame.columns if table.column(name) is not None]
    arrow = pa.Table.from_pandas(checked.frame[read], preserve_index=False)
    back = nw.from_arrow(arrow.replace_schema_metadata(None), backend=eager.implementation)
    whole = nw.concat([back, eager.select(extras)], how="horizontal") if extras else back
    renamed = {own: name for name, own in checked.columns.items() if own in extras}
    native = whole.rename(renamed).select(list(checked.frame.columns)).to_native()
    return native.lazy() if lazy else native


def hand_over(frame: IntoFrame, raw: Raw, engine: str) -> IntoFrame:
    """Turn a frame read through pandas into the kind the config asks for."""
    if engine in ("", "pandas") or not nw.dependencies.is_pandas_dataframe(frame):
        return frame
    import pyarrow as pa

    arrow = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    if engine == "polars":
        return nw.from_arrow(arrow, backend="polars").to_native()
    return raw.connection.from_arrow(arrow)


def pseudonymise(raw: Raw, checked: Checked, key: str) -> None:
    """Replace the customer ids of a table, and of the frame it came from, by pseudonyms."""
    own = checked.columns.get("customer_id")
    if own is None:
        return
    if is_lazy_sql(checked.frame):
        checked.frame = _in_sql(checked.frame, "customer_id", key)
        raw.frame = _in_sql(raw.frame, own, key)
        return
    checked.frame = _replace(checked.frame, "customer_id", key)
    raw.frame = _replace(raw.frame, own, key, ids=checked.frame)


def pseudonym(customer_id: str, key: str) -> str:
    """Return the keyed pseudonym of one id: HMAC-SHA256, 16 hex digits.

    Examples
    --------
    >>> pseudonym("17850", "segwork-sample-company")
    '08b52ca360340a9a'
    """
    digest = hmac.new(key.encode(), customer_id.encode(), hashlib.sha256)
    return digest.hexdigest()[:PSEUDONYM_DIGITS]


def _in_sql(frame: IntoFrame, column: str, key: str) -> IntoFrame:
    """Replace ids by HMAC-SHA256 inside DuckDB: two nested hashes, no table of ids."""
    from segwork.tables.lazy import DUCKDB, project

    secret = key.encode()
    secret = hashlib.sha256(secret).digest() if len(secret) > 64 else secret
    block = secret.ljust(64, b"\0")
    inner, outer = (bytes(mark ^ letter for letter in block).hex() for mark in (0x36, 0x5C))
    names = nw.from_native(frame).collect_schema().names()
    text = f"cast({DUCKDB.name(column)} as VARCHAR)"
    first = f"sha256(unhex('{inner}') || encode({text}))"
    both = f"substr(sha256(unhex('{outer}') || unhex({first})), 1, 16)"
    return project(frame, {n: both if n == column else DUCKDB.name(n) for n in names})


def _replace(frame: IntoFrame, column: str, key: str, *, ids: IntoFrame | None = None) -> IntoFrame:
    """Map each different id once; positions without an id stay as they are."""
    wrapped = nw.from_native(frame)
    eager = wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped
    if ids is not None:
        known = nw.from_native(ids)
        known = known.collect() if isinstance(known, nw.LazyFrame) else known
        made = known["customer_id"].alias(column)
    else:
        old = eager[column].to_list()
        table = {one: pseudonym(one, key) for one in set(old) if isinstance(one, str)}
        made = nw.new_series(
            column, [table.get(one) for one in old], nw.String, backend=eager.implementation
        )
    changed = eager.with_columns(made).to_native()
    return changed.lazy() if isinstance(wrapped, nw.LazyFrame) else changed


def row_counts(tables: list[tuple[str, IntoFrame]], raws: dict[str, Raw]) -> pd.DataFrame:
    """Count rows that came in, were kept and were left out; one row a table."""
    import pandas as pd

    counted = []
    for name, frame in tables:
        kept = int(nw.from_native(frame).lazy().select(nw.len()).collect().item())
        left_out = raws[name].left_out if name in raws else 0
        counted.append((name, kept + left_out, kept, left_out))
    return pd.DataFrame(counted, columns=["table", "rows_in", "rows_kept", "rows_left_out"])
