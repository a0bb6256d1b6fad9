"""Read a sheet of an Excel file; what the file says about its own size is not believed."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segwork.errors import DataError
from segwork.source import Source
from segwork.tables.faults import Fault
from segwork.tables.raw import Raw, first_line, refuse_twice

WIDEST = 2_000  # columns
MOST_BYTES = 2 << 30
MOST_FOLD = 200
"""A sheet packs about twenty-fold; what unpacks to this much more is a trap."""
_PLACED = re.compile(rb'<(?:\w+:)?(?:row|c)\s[^>]*?\br="([A-Z]*)(\d+)"')
_STRICT = (
    (b"http://purl.oclc.org/ooxml/spreadsheetml/main",
     b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"),
    (b"http://purl.oclc.org/ooxml/officeDocument/relationships",
     b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
)  # fmt: skip


def read(file: Path, name: str, source: Source) -> Raw:
    """Read the sheet a source names, or the first one shown; the header is its first row.

    Rows of other sheets under the same header are counted as a fault.

    Raises
    ------
    DataError
        No Excel file, no such sheet, nothing in it, or more than a table can hold.
    """
    with opened(file) as book:
        if source.table and source.table not in book.sheetnames:
            raise DataError.unknown("sheet", source.table, book.sheetnames, where=f"'{file.name}'")
        shown = [n for n in book.sheetnames if getattr(book[n], "sheet_state", "") == "visible"]
        sheet = source.table or (shown or book.sheetnames)[0]
        raw = _of_rows(rows(book, sheet, file), file, source)
        for other in shown if not source.table else ():
            if other != sheet and (n_rows := _rows_alike(book, other, raw, file)):
                raw.faults.append(Fault(name, "", "other_sheet", n_rows, (other,)))
        return raw


def _rows_alike(book: Any, sheet: str, raw: Raw, file: Path) -> int:
    """Count the rows of a sheet that has the columns of the one that was read."""
    if not hasattr(book[sheet], "reset_dimensions"):
        return 0
    filled = (row for row in rows(book, sheet, file) if any(cell is not None for cell in row))
    names = [str(cell).strip() for cell in next(filled, ()) if cell is not None]
    return sum(1 for _ in filled) if names == [str(name) for name in raw.frame.columns] else 0


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """Open a workbook; whatever the library says about a broken one becomes one sentence."""
    _not_a_trap(file)
    _refuse_disorder(file)
    book = _book(file)
    try:
        yield book
    except DataError:
        raise
    except Exception as fault:  # the parser of XML and the library have no common error
        raise DataError(
            f"'{file.name}' is a damaged Excel file ({first_line(fault)})",
            hint="open and save it again",
        ) from None
    finally:
        book.close()


def rows(book: Any, sheet: str, file: Path) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a sheet as far as there are cells, whatever the sheet says it holds."""
    page = book[sheet]
    if not hasattr(page, "reset_dimensions"):
        raise DataError(f"'{sheet}' of '{file.name}' is a chart", accepted="a sheet with cells")
    page.reset_dimensions()
    for row in page.iter_rows(values_only=True):
        if len(row) > WIDEST and row[WIDEST:] != (None,) * (len(row) - WIDEST):
            raise DataError(
                f"'{sheet}' of '{file.name}' has a cell in column {len(row):,}",
                accepted=f"at most {WIDEST:,} columns",
                hint="delete the stray cells",
            )
        yield row[:WIDEST]


def _not_a_trap(file: Path) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as fault:
        raise DataError(f"'{file.name}' is no Excel file ({first_line(fault)})") from None
    if size > MOST_BYTES or size > max(MOST_FOLD * file.stat().st_size, 64 << 20):
        raise DataError(
            f"'{file.name}' unpacks from {file.stat().st_size:,} to {size:,} bytes",
            accepted="a workbook of a usual size",
        )


def _refuse_disorder(file: Path) -> None:
    """Refuse rows and cells that go back or come again: the library leaves them out in silence."""
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if not re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                continue
            before = (0, 0, b"")
            with archive.open(name) as part:
                for column, row in _places(part):
                    place = (int(row), len(column), column)
                    if place <= before:
                        raise DataError(
                            f"'{file.name}' has {(column + row).decode()} after "
                            f"{before[2].decode()}{before[0]}: its rows or cells are out of order",
                            accepted="every cell after those above and left of it",
                            hint="open and save it again",
                        )
                    before = place


def _places(part: Any) -> Iterator[tuple[bytes, bytes]]:
    """Give column and row of the rows (no column) and cells of a sheet, as they are written."""
    rest = b""
    while chunk := part.read(1 << 22):
        text = rest + chunk
        cut = text.rfind(b"<")
        yield from _PLACED.findall(text, 0, max(cut, 0))
        rest = text[max(cut, 0) :]
    yield from _PLACED.findall(rest)


def _book(file: Path) -> Any:
    import openpyxl

    try:
        with zipfile.ZipFile(file) as archive:
            strict = b"purl.oclc.org/ooxml" in archive.read("xl/workbook.xml")[:5000]
        book = None if strict else openpyxl.load_workbook(file, read_only=True, data_only=True)
        if book is not None and book.sheetnames:
            return book
    except Exception:  # a second look mends what is known to trouble the library
        pass
    try:
        book = openpyxl.load_workbook(_mended(file), read_only=True, data_only=True)
    except Exception as fault:
        raise DataError(f"'{file.name}' is no Excel file ({first_line(fault)})") from None
    if not book.sheetnames:
        raise DataError(f"'{file.name}' holds no sheet")
    return book


def _mended(file: Path) -> io.BytesIO:
    """Rewrite Strict Open XML as the usual one, and empty fills in the styles."""
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith((".xml", ".rels")):
                for strict, usual in _STRICT:
                    data = data.replace(strict, usual)
            if name.endswith("styles.xml"):
                for empty in (b"<fill/>", b"<fill></fill>", b"<x:fill/>"):
                    data = data.replace(empty, b"<fill><patternFill/></fill>")
            new.writestr(name, data)
    return out


def _of_rows(found: Iterator[tuple[Any, ...]], file: Path, source: Source) -> Raw:
    """Build a frame from rows whose first one with a value is the header."""
    import pandas as pd

    for _ in range(source.header_row - 1):
        next(found, None)
    header = next(found, None)
    while header is not None and not source.header_row and all(cell is None for cell in header):
        header = next(found, None)
    if header is None or all(cell is None for cell in header):
        raise DataError(f"'{file.name}' is empty")
    width = max(position + 1 for position, cell in enumerate(header) if cell is not None)
    names = [
        f"column_{position + 1}" if cell is None else str(cell).strip()
        for position, cell in enumerate(header[:width])
    ]
    refuse_twice(names, file.name)
    body = list(found)[source.skip_after_header :]
    body = body[: len(body) - source.skip_footer]
    body = [row[:width] for row in body if any(cell is not None for cell in row)]
    body = [row + (None,) * (width - len(row)) for row in body]
    frame = pd.DataFrame(body, columns=pd.Index(names, dtype=object), dtype=object)
    return Raw(frame.infer_objects())
