"""Look at a file as text: encoding, separator, sheet, header, what is no data; nothing is typed."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from segwork.errors import DataError
from segwork.init.names import is_total
from segwork.tables import csv_files, excel, reading

MOST_ROWS = 50_000
FIRST_ROWS = 30
CODINGS = ("cp932", "gb18030", "euc_kr", "cp1252", "cp1254", "cp1250", "cp1251")
_DIGIT = re.compile(r"\d")


@dataclass
class Look:
    """A file as text.

    Parameters
    ----------
    path : Path
    header : list of str
    rows : list of list of str
        Cells below the header, '' where empty; blank rows are left out.
    form : dict
        delimiter, encoding, sheet, skip_rows, skip_after_header, skip_footer.
    whole : bool
        All rows were looked at.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    form: dict[str, Any] = field(default_factory=dict)
    above: str = ""


def look(path: Path, known: Callable[[str], bool]) -> list[Look]:
    """Read a file as text: one look, or one a sheet, the fullest first.

    Parameters
    ----------
    path : Path
    known : callable
        Whether a text is a name that columns have; it tells encodings apart.

    Raises
    ------
    DataError
        The file cannot be read, or has no header and rows.
    """
    ending = path.suffix.lower()
    if ending in reading.EXCEL:
        return [_looked(path, grid, form) for grid, form in _sheets(path)]
    grid, form = _text(path, known) if ending in reading.TEXT else (_typed(path), {})
    return [_looked(path, grid, form)]


def _looked(path: Path, grid: list[list[str]], form: dict[str, Any]) -> Look:
    grid = grid[: MOST_ROWS + FIRST_ROWS]
    top = _header_row(grid)
    header = [cell.strip() for cell in grid[top]]
    while header and not header[-1]:
        header.pop()
    width, body = len(header), grid[top + 1 :]
    after = _no_data_above(body[:200], width)
    footer = 0 if len(grid) > MOST_ROWS else _no_data_below(body, width)
    form |= {"skip_rows": top, "skip_after_header": after, "skip_footer": footer}
    above = " ".join(cell for row in grid[:top] for cell in row)
    body = body[after : len(body) - footer]
    rows = [(row + [""] * width)[:width] for row in body if any(cell.strip() for cell in row)]
    if not rows or not header:
        raise DataError(f"'{path.name}' has no rows", accepted="a header and rows")
    return Look(path, header, rows, form, above)


def _text(path: Path, known: Callable[[str], bool]) -> tuple[list[list[str]], dict[str, Any]]:
    data = path.read_bytes()
    coding = _coding(data, known)
    text = data.decode(coding, errors="replace").removeprefix("\ufeff")
    told = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    lines = io.StringIO(text, newline="").readlines()
    separator = told[1] if told else max(csv_files.SEPARATORS, key=lambda s: _steady(lines, s))
    try:
        grid = list(csv.reader(lines, delimiter=separator))
    except csv.Error as fault:
        raise DataError(f"'{path.name}' cannot be read ({fault})") from None
    return grid, {"delimiter": separator, "encoding": coding}


def _steady(lines: list[str], separator: str) -> float:
    """Score a separator: fields a line, if most lines have as many."""
    try:
        widths = Counter(len(row) for row in csv.reader(lines[:200], delimiter=separator) if row)
    except csv.Error:
        return 0.0
    width, times = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(1, 0))
    return (width - 1) * times / max(1, sum(widths.values())) if width > 1 else 0.0


def _coding(data: bytes, known: Callable[[str], bool]) -> str:
    """Find the encoding: UTF by its rules, others by whether the header then says something."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if data[1:2] == b"\0" and data[3:4] == b"\0":
        return "utf-16-le"
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        pass
    return max(CODINGS, key=lambda coding: (_sense(data, coding, known), -CODINGS.index(coding)))


def _sense(data: bytes, coding: str, known: Callable[[str], bool]) -> float:
    try:
        text = data.decode(coding)
    except UnicodeDecodeError:
        return -1.0
    strange = {"cp1252": "ðþýÝÐÞ¹³¿£¥¯", "cp1254": "¹³¿£¥¯", "cp1250": "đţăşĂŢŞÝý"}.get(coding, "")
    letters = [c for c in text if ord(c) > 127]
    odd = sum(c in strange or (not c.isalnum() and c not in "€£°²–—“”’‘…«»") for c in letters)
    if coding in ("cp1252", "cp1254", "cp1250"):
        joined = re.findall(r"[^\x00-\x7f]{3,}", text)
        odd += sum(map(len, joined))
    if coding == "cp1251":
        odd += sum(not "\u0400" <= c <= "\u04ff" for c in letters)
    if coding in ("cp932", "gb18030", "euc_kr"):
        odd += len(re.findall(r"[A-Za-z][^\x00-\x7f](?=[A-Za-z])", text))
    cells = re.split(r"[,;\t|\r\n]", text[:4000])
    hits = sum(known(cell.strip().strip('"')) for cell in cells if any(ord(c) > 127 for c in cell))
    return min(hits, 5) + 1 - odd / max(1, len(letters))


def _sheets(path: Path) -> list[tuple[list[list[str]], dict[str, Any]]]:
    """Return the sheets that may be tables, those with most cells first."""
    found = []
    with excel.opened(path) as book:
        for name in book.sheetnames:
            grid = [[as_cell(cell) for cell in row] for row in excel.rows(book, name, path)]
            filled = sum(bool(cell) for row in grid for cell in row)
            found.append((filled, grid, {"sheet": name}))
    found.sort(key=lambda sheet: -sheet[0])
    if not found or not found[0][0]:
        raise DataError(f"'{path.name}' is empty")
    return [(grid, form) for filled, grid, form in found if 20 * filled >= found[0][0]]


def _typed(path: Path) -> list[list[str]]:
    frame = reading.open_alone(path)
    head = frame.head(MOST_ROWS + 1)
    cells = [[as_cell(value) for value in row] for row in head.itertuples(index=False)]
    return [[str(name) for name in frame.columns], *cells]


def as_cell(value: Any) -> str:
    """Write a value as the text a file would hold."""
    if value is None or value != value:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() else repr(value)
        # A real number has decimals, never thousands: 1.125 must not look like 1,125.
        return f"{text}0" if len(text.partition(".")[2]) == 3 else text
    return str(value)


def _header_row(grid: list[list[str]]) -> int:
    """Find the first row that is as wide as the data and has only different words."""
    widths = Counter(sum(bool(c.strip()) for c in row) for row in grid[: 10 * FIRST_ROWS])
    usual = max((w for w, n in widths.items() if n >= max(1, len(grid[:300]) // 50)), default=1)
    for at, row in enumerate(grid[:FIRST_ROWS]):
        cells = [cell.strip() for cell in row if cell.strip()]
        words = sum(not re.fullmatch(r"[\d.,:/ -]+", cell) for cell in cells)
        wide = len(cells) >= max(2, 0.6 * usual) or len(cells) == usual
        if wide and words >= 0.9 * len(cells) and len(set(cells)) >= 0.8 * len(cells):
            return at
    return next((at for at, row in enumerate(grid) if any(c.strip() for c in row)), 0)


def _no_data_above(body: list[list[str]], width: int) -> int:
    """Count rows of units or lines below the header: no digit where all others have one."""
    digits = [
        n
        for n in range(width)
        if sum(bool(_DIGIT.search(r[n])) for r in body if n < len(r)) > 0.8 * len(body)
    ]
    count = 0
    for row in body[:5]:
        cells = [row[n] if n < len(row) else "" for n in digits]
        if not digits or any(_DIGIT.search(cell) for cell in cells):
            break
        count += 1
    return count if count < len(body) else 0


def _no_data_below(body: list[list[str]], width: int) -> int:
    """Count rows at the end that are sums, notes or blank: far fewer cells than the rows above."""
    filled = [sum(bool(cell.strip()) for cell in row[:width]) for row in body]
    sample = sorted(filled[:-8] or filled)
    least = sample[len(sample) // 50]  # nearly every row has as many cells
    always = [
        n
        for n in range(width)
        if sum(n < len(r) and bool(r[n].strip()) for r in body) > 0.97 * len(body)
    ]
    count = 0
    for row, cells in zip(reversed(body[-30:]), reversed(filled[-30:]), strict=True):
        missing = sum(not (n < len(row) and row[n].strip()) for n in always)
        if missing and any(is_total(cell) for cell in row):
            count += 1
            continue
        if cells and (cells >= least or missing < max(2, len(always) / 3)):
            break
        count += 1
    blank = all(not filled[len(body) - 1 - n] for n in range(count))
    return 0 if blank or count >= len(body) else count


def columns(found: Look) -> Iterator[tuple[str, list[str]]]:
    """Give name and cells of each column; a name that is there twice gets a number."""
    seen: Counter[str] = Counter()
    for number, name in enumerate(found.header):
        own = f"{name}.{seen[name]}" if seen[name] else name
        seen[name] += 1
        yield own, [row[number] for row in found.rows]
