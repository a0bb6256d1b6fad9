"""Read a CSV: quickly where it is flawless, else line by line so that every fault is counted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from segwork.errors import DataError
from segwork.source import Source
from segwork.tables.faults import EXAMPLES, Fault
from segwork.tables.raw import Raw, Wanted, arrow_to_pandas, beginning, refuse_twice

SEPARATORS = (",", ";", "\t", "|")
HEAD_BYTES = 1 << 16
LONGEST_HEADER = 1 << 24  # bytes
LONGEST_RECORD = 1000  # lines


def read(file: Path, wanted: Wanted) -> Raw:
    """Read every field as text; empty fields are missing.

    Raises
    ------
    DataError
        The file is empty, is no text, or its header names a column twice.
    """
    head, source = beginning_of(file), wanted.source
    if not head.strip():
        raise DataError(f"'{file.name}' is empty", accepted="a header and rows")
    wide = source.encoding.lower().startswith(("utf-16", "utf_16", "utf16"))
    if (word := beginning(head)) and not wide:
        raise DataError(f"'{file.name}' is {word}, not a CSV", accepted="text, one row a line")
    names, separator = header(head, file, source)
    plain = (
        b"\r" not in head.replace(b"\r\n", b"")
        and head.removeprefix(b"\xef\xbb\xbf")[:4].lower() != b"sep="
        and b'="' not in head
    )
    raw = None
    if plain and not (source.header_row or source.skip_after_header or source.skip_footer):
        raw = _quick(file, names, separator, wanted)
    return raw or _careful(file, names, separator, wanted)


def beginning_of(file: Path) -> bytes:
    """Return the beginning of a file, as far as its header goes at least."""
    with file.open("rb") as handle:
        head = handle.read(HEAD_BYTES)
        while len(head) < LONGEST_HEADER and b"\n" not in head[-HEAD_BYTES:]:
            if not (more := handle.read(HEAD_BYTES)):
                break
            head += more
    return head


def header(head: bytes, file: Path, source: Source) -> tuple[list[str], str]:
    """Return the names of the columns and the separator."""
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    whole = head if wide or b"\n" not in head else head[: head.rfind(b"\n") + 1]
    text, _ = _decode(whole, source.encoding)
    lines, told = _below(io.StringIO(text, newline="").readlines(), source)
    separator = (
        source.separator
        or told
        or max(SEPARATORS, key=lambda mark: len(next(csv.reader(lines[:1], delimiter=mark), [])))
    )
    try:
        cells = next(csv.reader(lines, delimiter=separator), [])
    except csv.Error as fault:
        raise DataError(f"the header of '{file.name}' cannot be read ({fault})") from None
    names = [cell.strip() or f"column_{n + 1}" for n, cell in enumerate(cells)]
    if not names:
        raise DataError(f"'{file.name}' has no line {source.header_row}", accepted="its header")
    refuse_twice(names, file.name)
    return names, separator


def _below(lines: list[str], source: Source) -> tuple[list[str], str]:
    """Return the lines from the header on, and the separator a first line ``sep=;`` names."""
    told = re.fullmatch(r"sep=(.)\s*", lines[0], re.IGNORECASE) if lines else None
    if source.header_row:
        return lines[source.header_row - 1 :], told[1] if told else ""
    at = 1 if told else 0
    while at < len(lines) and not lines[at].strip():
        at += 1
    return lines[at:], told[1] if told else ""


def _quick(file: Path, names: list[str], separator: str, wanted: Wanted) -> Raw | None:
    """Let DuckDB read it strictly; None if anything is not as the header promises."""
    import duckdb

    with file.open("rb") as handle:
        starts_blank = not handle.readline().strip()
    if starts_blank or wanted.source.encoding.lower() not in ("", "utf-8", "utf8", "utf-8-sig"):
        return None
    query = (
        "select * from read_csv(?, columns = ?, auto_detect = false, header = true, delim = ?,"
        " quote = '\"', escape = '\"', strict_mode = true, null_padding = false)"
    )
    values = [str(file), dict.fromkeys(names, "VARCHAR"), separator]
    try:
        connection, table = wanted.connection, f"csv_{wanted.name}"
        if wanted.engine == "duckdb":
            connection.execute(f"create or replace temp table {table} as {query}", values)
            return Raw(connection.table(table), raw_text=True)
        arrow = connection.sql(query, params=values).to_arrow_table()
    except duckdb.Error:
        return None
    return Raw(arrow_to_pandas(arrow), raw_text=True)


def _careful(file: Path, names: list[str], separator: str, wanted: Wanted) -> Raw:
    import pandas as pd

    source = wanted.source
    text, foreign = _decode(file.read_bytes(), source.encoding)
    rows: list[list[str | None]] = []
    lines: dict[str, list[int]] = {"encoding": foreign}
    found = list(_rows(text, separator, len(names), file, source))[source.skip_after_header :]
    for line, cells, torn in found[: len(found) - source.skip_footer]:
        if not any(cells) and len(cells) < 2:
            continue
        if torn:
            lines.setdefault("torn_quote", []).append(line)
        if len(cells) > len(names):
            lines.setdefault("ragged_long", []).append(line)
            continue
        if len(cells) < len(names):
            lines.setdefault("ragged_short", []).append(line)
            cells = cells + [""] * (len(names) - len(cells))
        rows.append([_bare(cell) for cell in cells])
    columns = pd.Index(names, dtype=object)
    frame = pd.DataFrame(rows, columns=columns, dtype="str")
    faults = [Fault(wanted.name, "", code, len(n), _lines(n)) for code, n in lines.items() if n]
    left_out = len(lines.get("ragged_long", []))
    return Raw(frame, faults=faults, left_out=left_out, raw_text=True)


def _bare(cell: str) -> str | None:
    """Take the formula off a cell such as ="0012", which keeps zeros in a spreadsheet."""
    if cell.startswith('="') and cell.endswith('"'):
        cell = cell[2:-1]
    return cell or None


def _rows(
    text: str, separator: str, width: int, file: Path, source: Source
) -> Iterator[tuple[int, list[str], bool]]:
    """Give line number, cells, and whether a quote was torn, of every row below the header.

    A quote that is never closed, or closed only after whole rows, would swallow those rows: such
    a line is read without regard to quotes. Blank lines are rows without cells.
    """
    every = io.StringIO(text, newline="").readlines()
    lines, _ = _below(every, source)
    above = len(every) - len(lines)
    started, at = False, 0
    while at < len(lines):
        end = _end_of_record(lines, at)
        record = "".join(lines[at:end])
        try:
            found = list(csv.reader(io.StringIO(record, newline=""), delimiter=separator))
        except csv.Error as fault:
            raise DataError(
                f"'{file.name}' cannot be read at line {above + at + 1} ({fault})"
            ) from None
        torn = record.count('"') % 2 == 1 or any(
            inner.count(separator) >= width - 1 > 0
            for cell in found[0]
            if found
            for inner in re.split("[\r\n]", cell)[1:]
        )
        if torn:
            end = at + 1
            found = [lines[at].rstrip("\r\n").split(separator)]
        for cells in found:
            if started:
                yield above + at + 1, cells, torn
            started = started or any(cells) or len(cells) > 1
        at = end


def _end_of_record(lines: list[str], at: int) -> int:
    """Find the line after the one that closes the quotes opened on a line."""
    open_quotes = 0
    for end in range(at, min(at + LONGEST_RECORD, len(lines))):
        open_quotes += lines[end].count('"')
        if open_quotes % 2 == 0:
            return end + 1
    return at + 1


def _decode(data: bytes, encoding: str) -> tuple[str, list[int]]:
    """Return the text and the numbers of the lines that are not in the file's encoding."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data[: len(data) // 2 * 2].decode("utf-16", errors="replace"), []
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode(encoding or "utf-8"), []
    except LookupError:
        raise DataError(f"unknown encoding '{encoding}'", accepted="utf-8, cp1252, …") from None
    except UnicodeDecodeError:
        pass
    lines, foreign = [], []
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            lines.append(line.decode(encoding or "utf-8"))
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", errors="replace"))
            foreign.append(number)
    return "\n".join(lines), foreign


def _lines(numbers: list[int]) -> tuple[str, ...]:
    return tuple(f"line {number}" for number in numbers[:EXAMPLES])
